"""All rows of a network with all columns, for where rows can be opened, sorted, filtered and searched.

A row that is closed shows what is in it, one that is open only what is its own: the figures that are seen
always add up to the network's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from netscope.answers.explain import Line, explain
from netscope.report import operators
from netscope.report.own import Own, all_of
from netscope.report.report import Report
from netscope.report.tree import parents_of
from netscope.show.columns import Column, default_of, known_to
from netscope.show.rows import LayerRow, LayerTable, Shown, value_text
from netscope.show.selection import build


class Value(NamedTuple):
    """A raw value and its text. `raw` is None where nothing can be sorted by it."""

    raw: Any
    text: str


class GridColumn(NamedTuple):
    """One column.

    whole:
        the values of the rows with everything inside them, as closed rows show them.
    own:
        without what other rows have, as open rows show them; None for a column whose values do not depend on
        what is open.
    shown:
        whether it is to be seen before anybody asks for more.
    adds:
        whether the own values of all rows add up to the whole network's, so that a part can be drawn of it.
    """

    key: str
    title: str
    help: str
    number: bool
    whole: Sequence[Value]
    own: Sequence[Value] | None = None
    shown: bool = False
    adds: bool = False


class GridRow(NamedTuple):
    """One row of a tree in preorder.

    path:
        the layer's whole name, "" for the root.
    state:
        as of `LayerRow`: "raised", "unreached", "uncalled" and the like.
    derived:
        the index of its explanation in `Grid.derivations`, -1 for none.
    """

    path: str
    name: str
    depth: int
    type: str
    operator: str
    marks: Sequence[str] = ()
    state: str = ""
    derived: int = -1


class Grid(NamedTuple):
    """Rows and columns.

    derivations:
        how figures were counted: for each the lines (label, formula, value, note). Rows that are counted
        alike share one.
    """

    columns: Sequence[GridColumn]
    rows: Sequence[GridRow]
    derivations: Sequence[Sequence[tuple[str, str, str, str]]] = ()


def grid_of(report: Report, shown: Iterable[str] | None = None) -> Grid:
    """All rows of a report, with all columns that say anything of it.

    Args:
        shown: keys of the columns that are to be seen at first; those of a summary without it.
    """
    table = build(report, columns=[column.key for column in known_to(report)])
    opened = table.rows
    closed = [
        row._replace(figures=whole, expanded=False)
        for row, whole in zip(opened, _wholes(report), strict=True)
    ]
    keys = set(default_of(report) if shown is None else shown)
    columns = [
        _column(table, column, closed, opened, column.key in keys)
        for column in table.columns
        if column.key != "path"
    ]
    derived, derivations = _derivations(report)
    rows = [
        GridRow(
            path=row.path,
            name=row.label,
            depth=row.layer.depth,
            type=row.layer.type,
            operator=operators.describe(row.layer),
            marks=row.marks,
            state=row.state,
            derived=number,
        )
        for row, number in zip(opened, derived, strict=True)
    ]
    return Grid([column for column in columns if column is not None], rows, derivations)


def _wholes(report: Report) -> list[Own]:
    """For every row its own figures and those of all rows within, together."""
    figures = all_of(report)
    for index, parent in reversed(list(enumerate(parents_of(report.layers)))):
        if parent >= 0:
            figures[parent] = figures[parent].plus(figures[index])
    return figures


def _column(
    table: LayerTable, column: Column, closed: Sequence[LayerRow], opened: Sequence[LayerRow], shown: bool
) -> GridColumn | None:
    """The column with its values; None where no row has any."""
    values = _Values(table, column)
    whole = [values.of(row) for row in closed]
    if not any(value.raw not in (None, "") or value.text not in ("", "?") for value in whole):
        return None
    own = None
    if column.own is not None:
        # A row without others within is the same, open or closed.
        own = [
            values.of(row) if row.expanded else values.alone(row, value)
            for row, value in zip(opened, whole, strict=True)
        ]
    return GridColumn(
        key=column.key,
        title=column.title,
        help=column.help,
        number=column.kind.number,
        whole=whole,
        own=own,
        shown=shown,
        adds=column.own is not None and column.adds,
    )


class _Values:
    """What rows say in a column; the same values are written once."""

    def __init__(self, table: LayerTable, column: Column) -> None:
        self._table = table
        self._column = column
        self._known: dict[tuple[type, Shown], Value] = {}

    def of(self, row: LayerRow) -> Value:
        """As the table for people has it."""
        column = self._column
        if column.look is not None:
            text = column.look(self._table, row).text
            return Value(text if column.kind.sorts else None, text)
        found = self._table.value(row, column)
        key = type(found.raw), found
        try:
            if key in self._known:
                return self._known[key]
        except TypeError:  # a mapping
            return self._written(found)
        value = self._known[key] = self._written(found)
        return value

    def _written(self, found: Shown) -> Value:
        return Value(found.raw if self._column.kind.sorts else None, value_text(self._column, found))

    def alone(self, row: LayerRow, value: Value) -> Value:
        """What a row adds to the others: nothing where it only says what another row counts."""
        if self._column.counted_elsewhere and self._table.value(row, self._column).mark == "shared":
            return Value(0, value.text)
        return value


Lines = tuple[tuple[str, str, str, str], ...]


def _derivations(report: Report) -> tuple[list[int], list[Lines]]:
    """For every row the number of its explanation, and the explanations."""
    from netscope.show.explain import figure

    def written(line: Line) -> tuple[str, str, str, str]:
        return line.label, line.formula, figure(line), line.note

    known: dict[Lines, int] = {}
    numbers = [
        known.setdefault(tuple(map(written, explanation)), len(known)) for explanation in explain(report)
    ]
    return numbers, list(known)
