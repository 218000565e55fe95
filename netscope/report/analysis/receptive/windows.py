"""Windows that move over an image: convolutions, pools, interpolation, padding."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from netscope.report.analysis.receptive.registry import TrackedOp, rule
from netscope.report.analysis.receptive.spans import Sampling, Spans
from netscope.report.analysis.receptive.tracks import State, along, swept

Change = Callable[[Spans], Spans]

# adaptive_avg_pool2d and its like are composite on some rungs, _adaptive_avg_pool2d is not.
_ADAPTIVE: Final = [
    f"aten.{lead}adaptive_{kind}_pool{n}d" for lead in ("", "_") for kind in ("avg", "max") for n in "123"
]


def _tuple(value: Any, length: int, default: int) -> tuple[int, ...]:
    if value is None or value == ():
        return (default,) * length
    if isinstance(value, int):
        return (value,) * length
    return tuple(value) * length if len(value) == 1 else tuple(value)


def _moving(size: int, stride: int, dilation: int, padding: int) -> Change | None:
    if size == stride == 1 and not padding:
        return None
    return lambda spans: spans.window(size, stride, dilation, padding)


def _spreading(size: int, stride: int, dilation: int, padding: int) -> Change | None:
    if size == stride == 1 and not padding:
        return None
    return lambda spans: spans.transposed(size, stride, dilation, padding)


@rule("aten.convolution", "aten._convolution", "aten.convolution_overrideable")
def convolution(call: TrackedOp) -> State:
    """(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups)."""
    sizes = call.specs[1].shape[2:]
    axes = len(sizes)
    stride, padding = _tuple(call.arg(3, "stride"), axes, 1), _tuple(call.arg(4, "padding"), axes, 0)
    dilation = _tuple(call.arg(5, "dilation"), axes, 1)
    change = _spreading if call.arg(6, "transposed", False) else _moving
    return call.windows(call.first, list(map(change, sizes, stride, dilation, padding)))


@rule(*(f"aten.{name}" for name in "max_pool1d max_pool2d max_pool3d".split()))
@rule("aten.max_pool2d_with_indices", "aten.max_pool3d_with_indices")
def max_pool(call: TrackedOp) -> list[State]:
    """(self, kernel_size, stride, padding, dilation, ceil_mode); locations see what values see."""
    axes = int(call.op.name.partition("pool")[2][0])
    size = _tuple(call.arg(1, "kernel_size"), axes, 1)
    stride = _tuple(call.arg(2, "stride") or size, axes, 1)
    padding, dilation = _tuple(call.arg(3, "padding"), axes, 0), _tuple(call.arg(4, "dilation"), axes, 1)
    state = call.windows(call.first, list(map(_moving, size, stride, dilation, padding)))
    return [state] * len(call.op.outputs)


@rule("aten.avg_pool1d", "aten.avg_pool2d", "aten.avg_pool3d")
def avg_pool(call: TrackedOp) -> State:
    """(self, kernel_size, stride, padding, ceil_mode, ...)."""
    axes = int(call.op.name.partition("pool")[2][0])
    size = _tuple(call.arg(1, "kernel_size"), axes, 1)
    stride = _tuple(call.arg(2, "stride") or size, axes, 1)
    padding = _tuple(call.arg(3, "padding"), axes, 0)
    return call.windows(call.first, list(map(_moving, size, stride, (1,) * axes, padding)))


@rule(*_ADAPTIVE)
def adaptive_pool(call: TrackedOp) -> list[State]:
    """(self, output_size): position i sees floor(i * in / out) to ceil((i + 1) * in / out) - 1."""
    axes = int(call.op.name.partition("pool")[2][0])
    state, first = call.first, len(call.shape) - axes
    for dim in range(first, len(call.shape)):
        state = _adapted(state, dim, call.shape[dim], call.result[dim])
    return [state] * len(call.op.outputs)


def _adapted(state: State, dim: int, before: int, after: int) -> State:
    if before == after:
        return state
    if after == 1:  # everything, so that no position is left
        return swept(state, [dim])
    return along(
        state, dim, lambda spans: spans.resampled(Fraction(before, after), "adaptive"), before, after
    )


_SAMPLINGS: Final[dict[str, Sampling]] = {
    "upsample_nearest": "nearest",
    "_upsample_nearest_exact": "nearest-exact",
    "upsample_linear": "linear",
    "upsample_bilinear": "linear",
    "upsample_trilinear": "linear",
    "upsample_bicubic": "cubic",
}


@rule(*(f"aten.{name}{n}d" for name in _SAMPLINGS for n in "123"))
def upsample(call: TrackedOp) -> State:
    """(input, output_size, [align_corners], scales...). Given scales stand for the sizes' own ratio."""
    name = call.op.name.split(".")[1]
    axes = int(name[-2])
    sampling = _SAMPLINGS[name[:-2]]
    scales = _scales(call, axes)
    aligned = not sampling.startswith("nearest") and bool(call.arg(2, "align_corners", False))
    if aligned:
        sampling = "linear-aligned" if sampling == "linear" else "cubic-aligned"
    state, first = call.first, len(call.shape) - axes
    for dim, scale in enumerate(scales, first):
        before, after = call.shape[dim], call.result[dim]
        if before == after:
            continue
        if before == 1:  # the one value everywhere
            state = swept(state, [dim])
            continue
        ratio = Fraction(before, after)
        if aligned:
            ratio = Fraction(before - 1, max(after - 1, 1))
        elif scale:
            ratio = 1 / Fraction(scale).limit_denominator(1000)
        state = _resampled(state, dim, ratio, sampling, before, after)
    return state


def _resampled(state: State, dim: int, ratio: Fraction, sampling: Sampling, before: int, after: int) -> State:
    return along(state, dim, lambda spans: spans.resampled(ratio, sampling), before, after)


def _scales(call: TrackedOp, axes: int) -> tuple[float | None, ...]:
    """Scale factors, which the vec overloads have in one list and the others as last arguments."""
    args = call.op.args
    if call.op.name.endswith(".vec"):
        given = args[-1] if isinstance(args[-1], tuple) and len(args) > 2 else None
    else:
        given = tuple(a for a in args[2:] if not isinstance(a, bool))
    if isinstance(given, tuple) and len(given) == axes:
        return tuple(g if isinstance(g, (int, float)) else None for g in given)
    return (None,) * axes


@rule("aten.pixel_shuffle")
def pixel_shuffle(call: TrackedOp) -> State:
    """(self, upscale_factor): position i shows what position floor(i / factor) saw."""
    factor = int(call.arg(1, "upscale_factor"))
    return call.windows(call.first, [lambda spans: spans.resampled(Fraction(1, factor), "nearest")] * 2)


@rule("aten.pixel_unshuffle")
def pixel_unshuffle(call: TrackedOp) -> State:
    """(self, downscale_factor): the channels of a position hold `factor` neighbours between them."""
    factor = int(call.arg(1, "downscale_factor"))
    return call.windows(call.first, [lambda spans: spans.window(factor, factor, 1, 0)] * 2)


@rule(
    "aten.constant_pad_nd",
    *(f"aten.{kind}_pad{n}d" for kind in ("reflection", "replication") for n in "123"),
)
def pad(call: TrackedOp) -> State:
    """(self, pad): pairs, last dimension first. What is padded with is not part of the window."""
    pads, rank = call.arg(1, "pad") or call.arg(1, "padding"), len(call.shape)
    state = call.first
    for index in range(len(pads) // 2):
        before, after = pads[2 * index], pads[2 * index + 1]
        dim = rank - 1 - index
        if before or after:
            state = _shifted(state, dim, before, call)
    return state


def _shifted(state: State, dim: int, before: int, call: TrackedOp) -> State:
    return along(state, dim, lambda spans: spans.taken(1, -before), call.shape[dim], call.result[dim])
