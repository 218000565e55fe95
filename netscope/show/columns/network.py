"""The columns of what a network is: shapes, parameters, work and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netscope.base import units
from netscope.report import operators
from netscope.report.layer import Layer
from netscope.report.own import Own
from netscope.report.report import Report
from netscope.show.columns.column import (
    BYTES,
    COUNT,
    COUNTS,
    MAPPING,
    METRIC,
    NAME,
    PARAMETERS,
    SHAPE,
    SHAPES,
    SHARE,
    SIDES,
    TEXT,
    Column,
    Leaf,
)
from netscope.show.page import Cell, Tone
from netscope.show.strings import short

if TYPE_CHECKING:
    from netscope.show.rows import LayerRow, LayerTable

# What a row says in place of its output shape.
_STATES: Final = {
    "uncalled": "not called",
    "by parent": "used by parent",
    "unreached": "not reached",
    "raised": "✗ raised here",
    "stopped": "✗",
}


def _returned(layer: Layer) -> tuple[Leaf, ...]:
    return tuple(t.shape if t.shape is not None else t.opaque or "?" for t in layer.outputs)


def _received(layer: Layer) -> tuple[Leaf, ...]:
    return tuple(t.shape if t.shape is not None else t.opaque or "?" for t in layer.inputs)


def _field(layer: Layer) -> tuple[int, ...] | str | None:
    return "all" if layer.sees_all else layer.receptive_field


def _jumps(layer: Layer) -> tuple[float, ...] | str | None:
    """The jump, and the largest behind it where branches disagree: "4..8"."""
    window = layer.window
    if window is None or window.jump is None or window.largest_jump is None:
        return None
    if window.jump == window.largest_jump:
        return window.jump
    return f"{units.sides(window.jump)}..{units.sides(window.largest_jump)}"


def _path(table: LayerTable, row: LayerRow) -> Cell:
    """The whole path; in a drawn tree branches and the name."""
    tone: Tone = "dim" if row.idle or row.layer.kind == "functional" else ""
    if row.state == "raised":
        tone = "bad"
    label = Cell(row.label, tone, units.times(row.times) if row.heads_run else "", lasts=row.lasts)
    times = units.times(row.times) if row.times > 1 else ""
    return Cell(row.path or "(root)", tone, times, code=True, brief=label)


def _operator(table: LayerTable, row: LayerRow) -> Cell:
    """What a layer is, and what there is to remark about it."""
    said = " ".join(f"({short(mark)})" for mark in row.marks)
    return Cell(operators.describe(row.layer), row.tone, said)


def _output(table: LayerTable, row: LayerRow, text: str) -> Cell:
    """What a row returns, "=" for the shape that came in; or why it returned nothing."""
    layer = row.layer
    if row.state:
        return Cell(_STATES[row.state], "bad" if row.state in ("raised", "stopped") else "dim")
    if row.expanded:
        return Cell(text, brief=Cell())
    same = len(layer.outputs) == 1 and layer.output_shapes and layer.output_shapes == layer.input_shapes[:1]
    return Cell(text, row.tone, brief=Cell("=", "dim") if same else None)


def _outputs(table: LayerTable, row: LayerRow) -> Cell:
    return _output(table, row, SHAPES.text(_returned(row.layer)))


def _first_output(table: LayerTable, row: LayerRow) -> Cell:
    return _output(table, row, SHAPE.text(row.layer.output_shape))


def _part_of_macs(own: Own, report: Report) -> float | None:
    return report.share(own.macs)


def _part_of_params(own: Own, report: Report) -> float | None:
    return units.ratio(own.params, report.params)


NETWORK: Final[tuple[Column, ...]] = (
    Column(
        "path", "layer", "Qualified name of the layer, empty for the root.", NAME,
        lambda layer, _: layer.path, look=_path, default=True, drop=0, floor=22,
    ),
    Column(
        "type", "type", "The layer's class.", TEXT,
        lambda layer, _: layer.type, drop=60, floor=12,
    ),
    Column(
        "operator", "operator",
        "The layer's class and what matters of it: kernel, /stride, p padding, d dilation, g groups.",
        TEXT, lambda layer, _: operators.describe(layer), look=_operator, default=True, drop=20, floor=15,
    ),
    Column(
        "input_shape", "input", "Shape of the first tensor among the arguments, batch included.", SHAPE,
        lambda layer, _: layer.input_shape, drop=45,
    ),
    Column(
        "input_shapes", "inputs", "Shapes of all tensors among the arguments, batch included.", SHAPES,
        lambda layer, _: layer.input_shapes, display=_received, drop=45, floor=14,
    ),
    Column(
        "output_shape", "output", "Shape of the first tensor returned, batch included.", SHAPE,
        lambda layer, _: layer.output_shape, look=_first_output, drop=5,
    ),
    Column(
        "output_shapes", "output",
        "Shapes of all tensors returned, batch included; tables name the type of what is no tensor.",
        SHAPES, lambda layer, _: layer.output_shapes, look=_outputs, default=True, drop=5, floor=14,
    ),
    Column(
        "weight_shape", "weight", "Shape of the parameter named weight.", SHAPE,
        lambda layer, _: layer.weight_shape, drop=48,
    ),
    Column(
        "bias_shape", "bias", "Shape of the parameter named bias.", SHAPE,
        lambda layer, _: layer.bias_shape, drop=49,
    ),
    Column(
        "parameter_shapes", "weight + bias", "Shapes of the layer's own parameters, by name.", PARAMETERS,
        lambda layer, _: layer.parameter_shapes, default=True, drop=40, floor=13,
    ),
    Column(
        "params", "params",
        "Elements of unique parameter tensors; tied weights count once, where they are met first.",
        COUNT, lambda layer, _: layer.params, lambda own, _: own.params, zero="", default=True, drop=2,
        counted_elsewhere=True, part=_part_of_params,
    ),
    Column(
        "trainable_params", "trainable", "The part of params with requires_grad.", COUNT,
        lambda layer, _: layer.trainable_params, lambda own, _: own.trainable_params, zero="", drop=35,
        counted_elsewhere=True,
    ),
    Column(
        "param_bytes", "param mem", "Bytes that the parameters take as stored.", BYTES,
        lambda layer, _: layer.param_bytes, lambda own, _: own.param_bytes, zero="", drop=36,
        counted_elsewhere=True,
    ),
    Column(
        "buffer_bytes", "buffer mem", "Bytes that the buffers take.", BYTES,
        lambda layer, _: layer.buffer_bytes, lambda own, _: own.buffer_bytes, zero="", drop=37,
    ),
    Column(
        "macs", "MACs",
        "Multiply-accumulates of contractions (convolution, matmul, attention, RNN cells), biases apart.",
        METRIC, lambda layer, _: layer.macs, lambda own, _: own.macs, zero="", default=True, drop=1,
        bounded=True, part=_part_of_macs,
    ),
    Column(
        "flops", "FLOPs", "2 x MACs.", METRIC,
        lambda layer, _: layer.flops, lambda own, _: own.flops, zero="", drop=3,
        bounded=True, part=_part_of_macs,
    ),
    Column(
        "share", "%", "The fraction of the network's MACs; in tables in percent.", SHARE,
        lambda layer, report: report.share(layer.counted_macs),
        lambda own, report: report.share(own.macs), zero="", default=True, drop=44,
        part=_part_of_macs,
    ),
    Column(
        "vector", "vector ops",
        "Arithmetic outside contractions (bias, activation, norm, pool, ...), one per operation per element.",
        METRIC, lambda layer, _: None if layer.vector is None else layer.vector.total,
        lambda own, _: own.vector.total, zero="", drop=30,
        bounded=True, part=_part_of_macs,
    ),
    Column(
        "output_bytes", "out mem",
        "Bytes of new storages that a layer returned; in-place results and views add none.",
        BYTES, lambda layer, _: layer.output_bytes, lambda own, _: own.output_bytes, zero="·",
        default=True, drop=25,
    ),
    Column(
        "rf", "rf",
        "Receptive field: sides in pixels of the input window that one output position sees, not clipped at "
        "borders; tables show one number for a square, and all where every position sees everything.",
        SIDES, lambda layer, _: layer.receptive_field, display=_field, drop=46,
    ),
    Column(
        "jump", "jump",
        "Effective stride: input pixels between the windows of neighbouring positions; the smallest where "
        "branches differ.", SIDES, lambda layer, _: layer.jump, display=_jumps, drop=47,
    ),
    Column(
        "calls", "calls", "How often it was called in one forward.", COUNT,
        lambda layer, _: layer.calls, drop=55,
    ),
    Column(
        "dtype", "dtype", "Element type of the first tensor returned.", TEXT,
        lambda layer, _: layer.dtype, drop=56,
    ),
    Column(
        "depth", "depth", "Nesting depth, 0 for the root.", COUNT,
        lambda layer, _: layer.depth, drop=57,
    ),
    Column(
        "training", "training", "Whether the layer was in training mode.", TEXT,
        lambda layer, _: layer.training, drop=58,
    ),
    Column(
        "operators", "operators",
        "Operators that the layer ran itself, outside its children, with their calls.", COUNTS,
        lambda layer, _: layer.operators, drop=61, floor=16,
    ),
    Column(
        "unknown", "uncounted", "Operators within that nothing could count, with their calls.", COUNTS,
        lambda layer, _: layer.unknown, drop=54, floor=16,
    ),
    Column(
        "hyperparameters", "hyperparameters", "The module's plain attributes.", MAPPING,
        lambda layer, _: layer.hyperparameters, drop=62, floor=16,
    ),
    Column(
        "shared_with", "shared with",
        "The layer that counts this module, when it is reached a second time.", TEXT,
        lambda layer, _: layer.shared_with, drop=63, floor=12,
    ),
)  # fmt: skip
