"""The columns of what a network is: shapes, parameters, work and memory."""

from __future__ import annotations

from typing import Final

from netscope.base import units
from netscope.report.layer import Layer
from netscope.report.report import Report
from netscope.show import operators
from netscope.show.columns.column import Column, Leaf


def _returned(layer: Layer) -> tuple[Leaf, ...]:
    return tuple(t.shape if t.shape is not None else t.opaque or "?" for t in layer.outputs)


def _received(layer: Layer) -> tuple[Leaf, ...]:
    return tuple(t.shape if t.shape is not None else t.opaque or "?" for t in layer.inputs)


def _dtype(layer: Layer, report: Report) -> str | None:
    return next((t.dtype for t in layer.outputs if t.dtype is not None), None)


def _share(macs: int, report: Report) -> float | None:
    return macs / report.counted_macs if report.counted_macs else 0.0 if report.macs == 0 else None


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


NETWORK: Final[tuple[Column, ...]] = (
    Column(
        "path", "layer", "Qualified name of the layer, empty for the root.", "name",
        lambda layer, _: layer.path, default=True, drop=0, floor=22,
    ),
    Column(
        "type", "type", "The layer's class.", "text",
        lambda layer, _: layer.type, drop=60, floor=12,
    ),
    Column(
        "operator", "operator",
        "The layer's class and what matters of it: kernel, /stride, p padding, d dilation, g groups.",
        "text", lambda layer, _: operators.describe(layer), default=True, drop=20, floor=15,
    ),
    Column(
        "input_shape", "input", "Shape of the first tensor among the arguments, batch included.", "shape",
        lambda layer, _: layer.input_shapes[0] if layer.input_shapes else None, drop=45,
    ),
    Column(
        "input_shapes", "inputs", "Shapes of all tensors among the arguments, batch included.", "shapes",
        lambda layer, _: layer.input_shapes, display=_received, drop=45, floor=14,
    ),
    Column(
        "output_shape", "output", "Shape of the first tensor returned, batch included.", "shape",
        lambda layer, _: layer.output_shape, drop=5,
    ),
    Column(
        "output_shapes", "output",
        "Shapes of all tensors returned, batch included; tables name the type of what is no tensor.",
        "shapes", lambda layer, _: layer.output_shapes, display=_returned, default=True, drop=5, floor=14,
    ),
    Column(
        "weight_shape", "weight", "Shape of the parameter named weight.", "shape",
        lambda layer, _: layer.weight_shape, drop=48,
    ),
    Column(
        "bias_shape", "bias", "Shape of the parameter named bias.", "shape",
        lambda layer, _: layer.bias_shape, drop=49,
    ),
    Column(
        "parameter_shapes", "weight + bias", "Shapes of the layer's own parameters, by name.", "parameters",
        lambda layer, _: layer.parameter_shapes, default=True, drop=40, floor=13,
    ),
    Column(
        "params", "params",
        "Elements of unique parameter tensors; tied weights count once, where they are met first.",
        "count", lambda layer, _: layer.params, lambda own, _: own.params, zero="", default=True, drop=2,
    ),
    Column(
        "trainable_params", "trainable", "The part of params with requires_grad.", "count",
        lambda layer, _: layer.trainable_params, lambda own, _: own.trainable_params, zero="", drop=35,
    ),
    Column(
        "param_bytes", "param mem", "Bytes that the parameters take as stored.", "bytes",
        lambda layer, _: layer.param_bytes, lambda own, _: own.param_bytes, zero="", drop=36,
    ),
    Column(
        "buffer_bytes", "buffer mem", "Bytes that the buffers take.", "bytes",
        lambda layer, _: layer.buffer_bytes, lambda own, _: own.buffer_bytes, zero="", drop=37,
    ),
    Column(
        "macs", "MACs",
        "Multiply-accumulates of contractions (convolution, matmul, attention, RNN cells), biases apart.",
        "metric", lambda layer, _: layer.macs, lambda own, _: own.macs, zero="", default=True, drop=1,
    ),
    Column(
        "flops", "FLOPs", "2 x MACs.", "metric",
        lambda layer, _: layer.flops, lambda own, _: 2 * own.macs, zero="", drop=3,
    ),
    Column(
        "share", "%", "The fraction of the network's MACs; in tables in percent.", "share",
        lambda layer, report: _share(layer.counted_macs, report),
        lambda own, report: _share(own.macs, report), zero="", default=True, drop=44,
    ),
    Column(
        "vector", "vector ops",
        "Arithmetic outside contractions (bias, activation, norm, pool, ...), one per operation per element.",
        "metric", lambda layer, _: None if layer.vector is None else layer.vector.total,
        lambda own, _: own.vector.total, zero="", drop=30,
    ),
    Column(
        "output_bytes", "out mem",
        "Bytes of new storages that a layer returned; in-place results and views add none.",
        "bytes", lambda layer, _: layer.output_bytes, lambda own, _: own.output_bytes, zero="·",
        default=True, drop=25,
    ),
    Column(
        "rf", "rf",
        "Receptive field: sides in pixels of the input window that one output position sees, not clipped at "
        "borders; tables show one number for a square, and all where every position sees everything.",
        "sides", lambda layer, _: layer.receptive_field, display=_field, drop=46,
    ),
    Column(
        "jump", "jump",
        "Effective stride: input pixels between the windows of neighbouring positions; the smallest where "
        "branches differ.", "sides", lambda layer, _: layer.jump, display=_jumps, drop=47,
    ),
    Column(
        "calls", "calls", "How often it was called in one forward.", "count",
        lambda layer, _: layer.calls, drop=55,
    ),
    Column(
        "dtype", "dtype", "Element type of the first tensor returned.", "text",
        _dtype, drop=56,
    ),
    Column(
        "depth", "depth", "Nesting depth, 0 for the root.", "count",
        lambda layer, _: layer.depth, drop=57,
    ),
    Column(
        "training", "training", "Whether the layer was in training mode.", "text",
        lambda layer, _: layer.training, drop=58,
    ),
    Column(
        "operators", "operators",
        "Operators that the layer ran itself, outside its children, with their calls.", "counts",
        lambda layer, _: layer.operators, drop=61, floor=16,
    ),
    Column(
        "unknown", "uncounted", "Operators within that nothing could count, with their calls.", "counts",
        lambda layer, _: layer.unknown, drop=54, floor=16,
    ),
    Column(
        "hyperparameters", "hyperparameters", "The module's plain attributes.", "mapping",
        lambda layer, _: layer.hyperparameters, drop=62, floor=16,
    ),
    Column(
        "shared_with", "shared with",
        "The layer that counts this module, when it is reached a second time.", "text",
        lambda layer, _: layer.shared_with, drop=63, floor=12,
    ),
)  # fmt: skip
