"""What a part of the benchmark hands over: judged figures and the tables behind them, as text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One promise and what became of it.

    met:
        None for a figure that is given without a target.
    """

    line: str
    target: str
    figure: str
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """A table behind the figures. Cells are text; the first column is what the row is about."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the benchmark.

    method:
        how it was measured; Markdown.
    notes:
        what else was found, a paragraph each.
    error:
        why it could not be measured, "" when it could.
    """

    title: str
    method: str = ""
    figures: tuple[Figure, ...] = ()
    grids: tuple[Grid, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""


def all_of(line: str, good: int, total: int, remark: str = "") -> Figure:
    """A promise about every one of many: met when `good` is all of them, and there are some."""
    figure = f"{good:,} of {total:,}" + (f"; {remark}" if remark else "")
    return Figure(line, f"{total:,} of {total:,}", figure, 0 < total == good)
