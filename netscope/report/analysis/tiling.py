"""Windows over an input: whether they tile it, and how much of what they see is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from netscope.base import units
from netscope.report.layer import Layer
from netscope.report.report import Report

# torch.nn classes with a window, and over how many dimensions it moves.
_WINDOWS: Final = {f"{lead}{n}d": n for lead in ("Conv", "MaxPool", "AvgPool", "LPPool") for n in (1, 2, 3)}
_NAMES: Final[dict[int, tuple[str, ...]]] = {
    1: ("position",),
    2: ("row", "column"),
    3: ("plane", "row", "column"),
}


class Side(NamedTuple):
    """A window along one dimension. `unread` is what of the padded input lies behind the last one."""

    name: str
    size: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    ceil: bool

    @property
    def extent(self) -> int:
        """What a window spans: the kernel with the gaps that dilation makes."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def unread(self) -> int:
        """A stride beyond the kernel leaves gaps on purpose, and ceil_mode adds a last window."""
        span = self.size + 2 * self.padding - self.extent
        if self.ceil or not 0 < self.stride <= self.extent or span < 0:
            return 0
        return span % self.stride

    @property
    def lost(self) -> int:
        """What of that is input and not padding."""
        return max(0, self.unread - self.padding)


def windows(report: Report) -> Iterator[tuple[Layer, tuple[Side, ...]]]:
    """The convolutions and pools that are called, each with its window in each dimension."""
    for layer in report.layers:
        if layer.calls and layer.base in _WINDOWS:
            yield layer, _sides(layer)


def _sides(layer: Layer) -> tuple[Side, ...]:
    """The window of a convolution or a pool in each dimension; nothing for other layers."""
    axes = _WINDOWS.get(layer.base)
    if axes is None or not layer.input_shapes or len(layer.input_shapes[0]) < axes:
        return ()
    hyper = layer.hyperparameters
    kernel = _each(hyper.get("kernel_size"), axes, 1)
    stride = _each(hyper.get("stride") or kernel, axes, 1)
    dilation = _each(hyper.get("dilation"), axes, 1)
    padding = hyper.get("padding", 0)
    if padding == "same" or kernel is None or stride is None or dilation is None:
        return ()
    pads = _each(0 if padding == "valid" else padding, axes, 0)
    if pads is None or hyper.get("padding_mode", "zeros") != "zeros":
        return ()
    ceil = bool(hyper.get("ceil_mode", False))
    sizes = layer.input_shapes[0][-axes:]
    return tuple(
        Side(name, sizes[i], kernel[i], stride[i], pads[i], dilation[i], ceil)
        for i, name in enumerate(_NAMES[axes])
    )


def _each(value: Any, axes: int, default: int) -> tuple[int, ...] | None:
    if value is None:
        return (default,) * axes
    if isinstance(value, int):
        return (value,) * axes
    fits = isinstance(value, tuple) and len(value) == axes and all(isinstance(v, int) for v in value)
    return value if fits else None


# Which layers to speak of, and what to say: (path, sentence). `netscope lint` says it, and a summary below
# its table.


def untiled_windows(report: Report) -> Iterator[tuple[str, str]]:
    """Layers whose windows stop short of the input's last rows or columns."""
    for layer, sides in windows(report):
        short = [side for side in sides if side.lost]
        if short:
            yield layer.path, _untiled(sides, short)


def _untiled(sides: Sequence[Side], short: Sequence[Side]) -> str:
    kernel, stride = units.shape(s.kernel for s in sides), units.sides(s.stride for s in sides)
    one = short[0]
    padded = f"{one.size} + {2 * one.padding}" if one.padding else f"{one.size}"
    return (
        f"{kernel} windows with stride {stride} do not tile {units.shape(s.size for s in sides)}:"
        f" {never_read([(s.lost, s.name) for s in short])} ({padded} − {one.extent} ="
        f" {one.size + 2 * one.padding - one.extent} is {one.unread} over a multiple of {one.stride})."
    )


def wide_padding(report: Report) -> Iterator[tuple[str, str]]:
    """Layers that are padded by more than half of what a window spans."""
    for layer, sides in windows(report):
        wide = next((side for side in sides if 2 * side.padding > side.extent), None)
        if wide is not None:
            yield layer.path, _wide(wide)


def _wide(side: Side) -> str:
    dilated = f" (dilation {side.dilation})" if side.dilation > 1 else ""
    return (
        f"padding {side.padding} is more than half the {side.extent} that a window spans{dilated}:"
        f" the outermost windows see {min(side.padding, side.extent)} of padding"
        f" and {max(side.extent - side.padding, 0)} of input."
    )


def never_read(slices: Sequence[tuple[int, str]], of: str = "") -> str:
    """What is left over, in words: "1 row and 2 columns at the end are never read"."""
    *first, last = [units.plural(n, name) for n, name in slices]
    named = f"{', '.join(first)} and {last}" if first else last
    return f"{named}{of} at the end {'is' if sum(n for n, _ in slices) == 1 else 'are'} never read"
