"""What convolutions and pools have in common: a window that slides along sides, and what it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from netscope.answers.explain.lines import Line
from netscope.base import units
from netscope.report.layer import Layer, Shape

DIRECTIONS: Final[dict[int, tuple[str, ...]]] = {
    1: ("length",),
    2: ("height", "width"),
    3: ("depth", "height", "width"),
}

# What a slice across a direction is called.
_SLICES: Final = {
    "length": ("step", "steps"),
    "depth": ("slice", "slices"),
    "height": ("row", "rows"),
    "width": ("column", "columns"),
}

# More window positions than this are not walked one by one.
WALK: Final = 1_000_000


class SlidingWindow(NamedTuple):
    """A window in one direction: padding `before` and `after` the input side, and the output side."""

    name: str
    size: int
    kernel: int
    stride: int
    before: int
    after: int
    dilation: int
    out: int

    @property
    def span(self) -> int:
        """From the first element that it reads to the last."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def padded(self) -> int:
        """The input side with its padding."""
        return self.size + self.before + self.after

    @property
    def padding(self) -> str:
        """ "2*1" for 1 on both ends, "1 + 2" for different ones."""
        return f"2*{self.before}" if self.before == self.after else f"{self.before} + {self.after}"

    @property
    def room(self) -> str:
        """What the window has to move in, no term that is nothing: "13 - 3", "112 + 2*1 - 3"."""
        padding = f" + {self.padding}" if self.before or self.after else ""
        span = f"{self.dilation}*({self.kernel}-1) - 1" if self.dilation > 1 else f"{self.kernel}"
        return f"{self.size}{padding} - {span}"


def windows_of(layer: Layer, dims: int) -> list[SlidingWindow] | None:
    """A layer's window in each direction; None where its shapes are not known."""
    sides = sides_of(layer, dims)
    if sides is None:
        return None
    hyper = layer.hyperparameters
    kernel = per_direction(hyper.get("kernel_size"), dims, 1)
    stride = kernel if hyper.get("stride") is None else per_direction(hyper["stride"], dims, 1)
    dilation = per_direction(hyper.get("dilation"), dims, 1)
    before, after = _padding(hyper.get("padding"), kernel, dilation)
    names = DIRECTIONS[dims]
    took, gave = sides
    return [
        SlidingWindow(*of_one)
        for of_one in zip(names, took[1:], kernel, stride, before, after, dilation, gave[1:], strict=True)
    ]


def sides_of(layer: Layer, dims: int) -> tuple[Shape, Shape] | None:
    """Maps and sides of the input and of the output; None where a shape is not known."""
    took, gave = layer.input_shapes[:1], layer.output_shape
    if not took or gave is None or len(took[0]) <= dims or len(gave) <= dims:
        return None
    return took[0][-dims - 1 :], gave[-dims - 1 :]


def per_direction(value: Any, dims: int, default: int) -> tuple[int, ...]:
    """A hyperparameter that was given once or for each direction."""
    if value is None:
        return (default,) * dims
    if isinstance(value, tuple):
        return value if len(value) == dims else value[:1] * dims
    return (int(value),) * dims


def _padding(value: Any, kernel: Sequence[int], dilation: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Padding before and after. "same" shares out d(k - 1), the odd one to the end."""
    if value == "same":
        whole = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple(w // 2 for w in whole), tuple(w - w // 2 for w in whole)
    even = per_direction(None if value == "valid" else value, len(kernel), 0)
    return even, even


def side_lines(windows: Sequence[SlidingWindow], formula: Callable[[SlidingWindow], str]) -> tuple[Line, ...]:
    """The output's sides; one line where all directions say the same."""
    return merged([Line(f"output_{w.name}", f"output {w.name}", w.out, formula(w)) for w in windows])


def merged(lines: Sequence[Line]) -> tuple[Line, ...]:
    """One line for the sides of a square or a cube, when all that is said of them is the same."""
    kind = lines[0].key.partition("_")[0]
    said = {(line.value, line.formula) for line in lines}
    if len(lines) == 1 or len(said) > 1:
        return tuple(lines)
    return (lines[0].but(key=f"{kind}_side", label=f"{kind} side"),)


def slices(name: str, n: int) -> str:
    """("height", 2) -> "2 rows"."""
    return units.plural(n, *_SLICES[name])


def tiling(windows: Sequence[SlidingWindow]) -> tuple[Line, ...]:
    """How many rows and columns no window ever reads, at the end and in between."""
    alike = len({w._replace(name="") for w in windows}) == 1
    lines = [_end(w, windows if alike else (w,)) for w in windows]
    if alike:
        lines = [lines[0].but(key=lines[0].key.partition("_")[0], label="tiling")]
    gaps = [line for w in windows for line in _between(w)]
    return (*lines, *gaps)


def _end(w: SlidingWindow, alike: Sequence[SlidingWindow]) -> Line:
    """What is left of a side behind the last window, or what that window lacks."""
    left = w.padded - w.span - (w.out - 1) * w.stride
    if left < 0:
        named = " and ".join(slices(one.name, -left) for one in alike)
        formula = f"({w.out} - 1)*{w.stride} - ({w.room})"
        note = f"the last window hangs {named} over the end"
        return Line(f"overhang_{w.name}", f"tiling, {w.name}", -left, formula, note=note)
    if left == 0:
        note = "the windows tile exactly: nothing is left over at the end"
    else:
        named = " and ".join(slices(one.name, left) for one in alike)
        verb = "is" if left == 1 and len(alike) == 1 else "are"
        where = "at the end of the padded input" if w.before or w.after else "at the end of the input"
        note = f"{named} {'of padding' if left <= w.after else where} {verb} never read"
    return Line(f"unread_{w.name}", f"tiling, {w.name}", left, f"({w.room}) % {w.stride}", note=note)


def _between(w: SlidingWindow) -> list[Line]:
    """What lies between windows whose stride is larger than what they read."""
    if (w.stride == 1 and w.out >= w.dilation) or w.out * w.kernel > WALK:
        return []
    read = {i * w.stride + j * w.dilation for i in range(w.out) for j in range(w.kernel)}
    gaps = (w.out - 1) * w.stride + w.span - len(read)
    if not gaps:
        return []
    formula = f"({w.out} - 1)*({w.stride} - {w.kernel})" if w.dilation == 1 else ""
    note = f"{slices(w.name, gaps)} between the windows {'is' if gaps == 1 else 'are'} never read"
    return [Line(f"skipped_{w.name}", f"skipped, {w.name}", gaps, formula, note=note)]
