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
    attribute,
    figure,
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
    "unseen": "not seen",
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
    if row.state == "by parent" and layer.used_by and not _is_inside(layer.path, layer.used_by[0]):
        return Cell(f"used by {layer.used_by[0]}", "dim")
    if row.state:
        return Cell(_STATES[row.state], "bad" if row.state in ("raised", "stopped") else "dim")
    if row.expanded:
        return Cell(text, brief=Cell())
    same = len(layer.outputs) == 1 and layer.output_shapes and layer.output_shapes == layer.input_shapes[:1]
    return Cell(text, row.tone, brief=Cell("=", "dim") if same else None)


def _is_inside(path: str, around: str) -> bool:
    return not around or path.startswith(f"{around}.")


def _outputs(table: LayerTable, row: LayerRow) -> Cell:
    return _output(table, row, SHAPES.text(_returned(row.layer)))


def _first_output(table: LayerTable, row: LayerRow) -> Cell:
    return _output(table, row, SHAPE.text(row.layer.output_shape))


def _part_of_macs(own: Own, report: Report) -> float | None:
    return report.share(own.macs)


def _part_of_params(own: Own, report: Report) -> float | None:
    return units.ratio(own.params, report.params)


NETWORK: Final[tuple[Column, ...]] = (
    attribute(
        "path", "layer", "Qualified name of the layer, empty for the root.", NAME, look=_path, default=True,
        drop=0, floor=22,
    ),
    attribute("type", "type", "The layer's class.", TEXT, drop=60, floor=12),
    Column(
        "operator", "operator",
        "The layer's class and what matters of it: kernel, /stride, p padding, d dilation, g groups.", TEXT,
        lambda layer, _: operators.describe(layer), look=_operator, default=True, drop=20, floor=15,
    ),
    attribute(
        "input_shape", "input", "Shape of the first tensor among the arguments, batch included.", SHAPE,
        drop=45,
    ),
    attribute(
        "input_shapes", "inputs", "Shapes of all tensors among the arguments, batch included.", SHAPES,
        display=_received, drop=45, floor=14,
    ),
    attribute(
        "output_shape", "output", "Shape of the first tensor returned, batch included.", SHAPE,
        look=_first_output, drop=5,
    ),
    attribute(
        "output_shapes", "output",
        "Shapes of all tensors returned, batch included; tables name the type of what is no tensor.",
        SHAPES, look=_outputs, default=True, drop=5, floor=14,
    ),
    attribute("weight_shape", "weight", "Shape of the parameter named weight.", SHAPE, drop=48),
    attribute("bias_shape", "bias", "Shape of the parameter named bias.", SHAPE, drop=49),
    attribute(
        "parameter_shapes", "weight + bias", "Shapes of the layer's own parameters, by name.", PARAMETERS,
        default=True, drop=40, floor=13,
    ),
    figure(
        "params", "params",
        "Elements of unique parameter tensors; tied weights count once, where they are met first.", COUNT,
        zero="", default=True, drop=2, counted_elsewhere=True, part=_part_of_params,
    ),
    figure(
        "trainable_params", "trainable", "The part of params with requires_grad.", COUNT, drop=35,
        counted_elsewhere=True,
    ),
    figure(
        "param_bytes", "param mem", "Bytes that the parameters take as stored.", BYTES, drop=36,
        counted_elsewhere=True,
    ),
    figure("buffer_bytes", "buffer mem", "Bytes that the buffers take.", BYTES, drop=37),
    figure(
        "macs", "MACs",
        "Multiply-accumulates of contractions (convolution, matmul, attention, RNN cells), biases apart.",
        METRIC, default=True, drop=1, bounded="unknown", part=_part_of_macs,
    ),
    figure("flops", "FLOPs", "2 x MACs.", METRIC, drop=3, bounded="unknown", part=_part_of_macs),
    Column(
        "share", "%", "The fraction of the network's MACs; in tables in percent.", SHARE,
        lambda layer, report: report.share(layer.counted_macs), lambda own, report: report.share(own.macs),
        zero="", default=True, drop=44, part=_part_of_macs,
    ),
    Column(
        "vector", "vector ops",
        "Arithmetic outside contractions (bias, activation, norm, pool, ...), one per operation per "
        "element.", METRIC, lambda layer, _: None if layer.vector is None else layer.vector.total,
        lambda own, _: own.vector.total, zero="", drop=30, bounded="unknown", part=_part_of_macs,
    ),
    figure(
        "output_bytes", "out mem",
        "Bytes of new storages that a layer returned; in-place results and views add none.", BYTES,
        zero="·", default=True, drop=25, bounded="unseen",
    ),
    Column(
        "rf", "rf",
        "Receptive field: sides in pixels of the input window that one output position sees, not clipped "
        "at borders; tables show one number for a square, and all where every position sees everything.",
        SIDES, lambda layer, _: layer.receptive_field, display=_field, drop=46,
    ),
    attribute(
        "jump", "jump",
        "Effective stride: input pixels between the windows of neighbouring positions; the smallest "
        "where branches differ.", SIDES, display=_jumps, drop=47,
    ),
    attribute("calls", "calls", "How often it was called in one forward.", COUNT, drop=55),
    attribute("dtype", "dtype", "Element type of the first tensor returned.", TEXT, drop=56),
    attribute("depth", "depth", "Nesting depth, 0 for the root.", COUNT, drop=57),
    attribute("training", "training", "Whether the layer was in training mode.", TEXT, drop=58),
    attribute(
        "operators", "operators",
        "Operators that the layer ran itself, outside its children, with their calls.", COUNTS, drop=61,
        floor=16,
    ),
    attribute(
        "counted_macs", "counted MACs", "MACs without what could not be counted: a lower bound.", METRIC,
        drop=53,
    ),
    attribute(
        "unknown", "uncounted",
        "Operators within that nothing could count, with their calls, and what was not seen or not done; it "
        "makes figures of work lower bounds, which programs get empty.", COUNTS,
        drop=54, floor=16,
    ),
    attribute(
        "hyperparameters", "hyperparameters", "The module's plain attributes.", MAPPING, drop=62, floor=16,
    ),
    attribute(
        "shared_with", "shared with",
        "The layer that counts this module, when it is reached a second time.", TEXT, drop=63, floor=12,
    ),
)  # fmt: skip
