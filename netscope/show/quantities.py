"""Figures before and after as people read them; those of rows and those of whole networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from netscope.answers.diff.figures import Figure
from netscope.base import units
from netscope.report.quantities import Delta, Number, Quantity

# Kind of quantity -> its text, with that many significant digits where they are not exact.
_TEXTS: Final[dict[str, Callable[[Any, int], str]]] = {
    "count": lambda n, digits: units.count(n),
    "metric": units.metric,
    "bytes": units.binary,
    "seconds": units.seconds,
    "rate": units.rate,
}


class FigureText(NamedTuple):
    """What a figure was, is, by how much it changed, and by which part; "" where it did not."""

    before: str
    after: str
    change: str
    percent: str

    @property
    def values(self) -> str:
        """Before and after; nothing of a figure that stayed, or of which there is nothing to compare."""
        return "" if self.percent in ("", "new", "gone") else f"{self.before} → {self.after}"

    @property
    def short(self) -> str:
        """The part by which it changed, or the amount where that is no part of anything."""
        return self.change if self.percent in ("new", "gone") else self.percent


def number_text(quantity: Quantity, value: Number | None, digits: int = units.ROW) -> str:
    """A quantity's value with its unit; "?" when it is not known."""
    return units.UNKNOWN if value is None else _TEXTS[quantity.kind](value, digits)


def figure_text(quantity: Quantity, figure: Figure, digits: int = units.ROW) -> FigureText:
    """Both figures and what became of them. Of lower bounds nobody can say."""
    before, after = (
        _bounded(number_text(quantity, value, digits), bound)
        for value, bound in zip((figure.delta.before, figure.delta.after), figure.bounds, strict=True)
    )
    change = figure.delta.change
    if change is None or any(figure.bounds):
        return FigureText(before, after, units.UNKNOWN, units.UNKNOWN)
    if not change:
        return FigureText(before, after, "", "")
    signed = units.difference(number_text(quantity, change))
    return FigureText(before, after, signed, _percent(figure.delta))


def _bounded(text: str, bound: bool) -> str:
    return units.at_least(text) if bound and text != units.UNKNOWN else text


def _percent(delta: Delta) -> str:
    return "gone" if delta.after == 0 else units.change(delta.before, delta.after)
