"""What one place of a layer's output sees of the network's input: the side of that window, jump and start.

A window of span K (its dilation included), stride s and padding p, behind layers whose places see r pixels,
j apart and from pixel a on, sees r + (K - 1)j pixels, j*s apart, from a - p*j on. Read backwards, the traced
figures of a layer give those of what came before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from netscope.answers.explain.lines import Line
from netscope.answers.explain.windows import DIRECTIONS, SlidingWindow, windows_of
from netscope.report.layer import Layer, Window

# torch.nn classes that widen what is seen by one window in each of so many directions.
SLIDING: Final = {f"{kind}{n}d": n for kind in ("Conv", "MaxPool", "AvgPool", "LPPool") for n in DIRECTIONS}


class _Formulas(NamedTuple):
    """Of one direction; "" where there is none."""

    field: str = ""
    jump: str = ""
    start: str = ""


def field_lines(layer: Layer) -> tuple[Line, ...]:
    """Receptive field, jump and start; nothing where they are not known."""
    seen = layer.window
    if seen is None:
        return ()
    dims = len(seen.sides)
    if seen.sees_all:
        note = "every number depends on all that came in"
        return _lines("receptive_field", "sees", seen.sides, [""] * dims, note)
    formulas = _formulas(layer, dims)
    note = "of the network's input"
    found = _lines("receptive_field", "sees", seen.sides, [f.field for f in formulas], note)
    if seen.jump is not None and _whole(seen.jump):
        even = seen.jump == seen.largest_jump
        note = (
            "from one place to the next" if even else "from one place to the next at least: branches disagree"
        )
        found += _lines("jump", "jump", map(int, seen.jump), [f.jump for f in formulas], note)
    note = "where the first place's window begins"
    return found + _lines("start", "start", seen.start, [f.start for f in formulas], note)


def _formulas(layer: Layer, dims: int) -> list[_Formulas]:
    """The layer's figures from those of what came before it."""
    seen = layer.window
    if SLIDING.get(layer.base) == dims and seen is not None and seen.jump == seen.largest_jump:
        # A subclass may keep something else by the names of its base's hyperparameters.
        with suppress(TypeError, ValueError, ArithmeticError, LookupError):
            return _of_window(seen, windows_of(layer, dims))
    return [_Formulas()] * dims


def _of_window(seen: Window, windows: Sequence[SlidingWindow] | None) -> list[_Formulas]:
    if windows is None or seen.jump is None:
        return [_Formulas()] * len(seen.sides)
    return [
        # Behind a transposed convolution places may be less than a pixel apart.
        _of_one(w, side, int(jump) // w.stride, start) if jump > 0 and jump % w.stride == 0 else _Formulas()
        for w, side, jump, start in zip(windows, seen.sides, seen.jump, seen.start, strict=True)
    ]


def _of_one(w: SlidingWindow, side: int, apart: int, start: int) -> _Formulas:
    """`apart` is the jump before the layer."""
    narrower = side - (w.span - 1) * apart
    if narrower < 1:
        return _Formulas()
    steps = f"{w.dilation}*({w.kernel} - 1)" if w.dilation > 1 else f"({w.kernel} - 1)"
    return _Formulas(
        f"{narrower} + {steps}*{apart}",
        f"{apart}*{w.stride}",
        f"{start + w.before * apart} - {w.before}*{apart}",
    )


def _lines(
    key: str, label: str, values: Iterable[int], formulas: Iterable[str], note: str
) -> tuple[Line, ...]:
    """A line for each direction, or one where all are alike."""
    both = list(zip(values, formulas, strict=True))
    if len(set(both)) == 1:
        value, formula = both[0]
        return (Line(key, label, value, formula, "pixels", note),)
    names = DIRECTIONS.get(len(both), tuple(str(place) for place in range(len(both))))
    return tuple(
        Line(f"{key}_{name}", f"{label}, {name}", value, formula, "pixels", note)
        for name, (value, formula) in zip(names, both, strict=True)
    )


def _whole(numbers: Iterable[float]) -> bool:
    return all(float(number).is_integer() for number in numbers)
