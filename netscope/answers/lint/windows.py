"""Checks of windows: do they tile, and how much of them is padding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from netscope.answers.lint.registry import Look, Remark, check
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


def sides_of(layer: Layer) -> tuple[Side, ...]:
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


def _called(report: Report) -> Iterator[tuple[Layer, tuple[Side, ...]]]:
    for layer in report.layers:
        if layer.calls and layer.base in _WINDOWS:
            yield layer, sides_of(layer)


def _and(parts: list[str]) -> str:
    return " and ".join(parts) if len(parts) < 3 else f"{', '.join(parts[:-1])} and {parts[-1]}"


@check("NS101", "untiled-windows", "warning")
def untiled_windows(look: Look) -> Iterator[Remark]:
    """Windows stop short of the input's last rows or columns, which are never read."""
    for layer, sides in _called(look.report):
        short = [side for side in sides if side.lost]
        if not short:
            continue
        lost = _and([units.plural(side.lost, side.name) for side in short])
        verb = "is" if sum(side.lost for side in short) == 1 else "are"
        kernel, stride = units.shape(s.kernel for s in sides), units.sides(s.stride for s in sides)
        one = short[0]
        padded = f"{one.size} + {2 * one.padding}" if one.padding else f"{one.size}"
        yield Remark(
            layer.path,
            f"{kernel} windows with stride {stride} do not tile {units.shape(s.size for s in sides)}:"
            f" {lost} at the end {verb} never read ({padded} − {one.extent} ="
            f" {one.size + 2 * one.padding - one.extent} is {one.unread} over a multiple of {one.stride}).",
        )


@check("NS102", "unread-padding", "info")
def unread_padding(look: Look) -> Iterator[Remark]:
    """The last rows or columns of the padding are never read, so the windows sit off centre."""
    found = [
        (layer, short)
        for layer, sides in _called(look.report)
        if not any(side.lost for side in sides) and (short := [side for side in sides if side.unread])
    ]
    if found:
        layer, short = found[0]
        lost = _and([units.plural(side.unread, side.name) for side in short])
        verb = "is" if sum(side.unread for side in short) == 1 else "are"
        others = f", as in {units.plural(len(found) - 1, 'other layer')}" if len(found) > 1 else ""
        yield Remark(
            layer.path,
            f"{lost} of the padding at the end {verb} never read at this input size, so that windows sit"
            f" off centre{others}.",
        )


@check("NS103", "wide-padding", "warning")
def wide_padding(look: Look) -> Iterator[Remark]:
    """Padding is more than half the kernel, so that outer windows see more padding than input."""
    for layer, sides in _called(look.report):
        wide = [side for side in sides if 2 * side.padding > side.extent]
        if wide:
            one = wide[0]
            dilated = f" (dilation {one.dilation})" if one.dilation > 1 else ""
            yield Remark(
                layer.path,
                f"padding {one.padding} is more than half the {one.extent} that a window spans{dilated}:"
                f" the outermost windows see {min(one.padding, one.extent)} of padding"
                f" and {max(one.extent - one.padding, 0)} of input.",
            )
