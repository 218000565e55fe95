"""What of a report is to be shown: rows, columns, raw values.

Every row carries the figures that are its own: those of its layer, plus those of the layers within that
have no visible row. So the visible rows of a tree add up to the report's totals, at any depth, folded or
not, and tied weights are never added twice. A folded row ("layers.0-11", ×12) stands for all its copies:
its figures are those of the copies together, its shapes those of one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

from netscope.base import units
from netscope.report.layer import Layer
from netscope.report.own import NOTHING, Own
from netscope.report.report import Report
from netscope.show.columns import Column, known_to
from netscope.show.page import Cell, Heading, Records, Row, Table, Tone

State = Literal["", "uncalled", "unseen", "by parent", "unreached", "raised", "stopped"]

# Rows from this part of the network on are the few that matter.
HEAVY: Final = 0.1
# Longest text of a cell where there is room for more.
LONGEST: Final = 44


class Shown(NamedTuple):
    """A raw value and how far it may be trusted.

    mark:
        "bound" for a lower bound (something could not be counted), "shared" for parameters that
        another row counts already, "inner" for what only repeats in a row whose children are shown.
    """

    raw: Any
    mark: Literal["", "bound", "shared", "inner"] = ""


class LayerRow(NamedTuple):
    """One visible row.

    path:
        qualified name, of a folded row with its range ("layers.0-11.attn").
    label:
        what the first column shows: the name in a tree, the path in a flat list.
    lasts:
        for the row and its visible ancestors below the top, whether it is the last sibling: the
        tree's branches.
    times, heads_run:
        how many identical layers the row stands for, and whether they are folded here and not around it.
    expanded:
        whether rows of layers within it are visible, so that it shows only what is its own.
    state:
        "raised" at the layer that failed, "stopped" around it, "unreached" behind it; "uncalled" for
        a module that never was called, "by parent" when its parameters were read all the same, "unseen"
        when it may have been where nothing was seen.
    marks:
        remarks that follow the operator ("shared with embed", "2 calls").
    """

    layer: Layer
    path: str
    label: str
    figures: Own
    lasts: tuple[bool, ...] = ()
    times: int = 1
    heads_run: bool = False
    expanded: bool = False
    state: State = ""
    marks: tuple[str, ...] = ()

    @property
    def idle(self) -> bool:
        """Whether the layer took no part."""
        return self.state in ("uncalled", "unseen", "unreached")

    @property
    def tone(self) -> Tone:
        """Of what the row says beside its figures."""
        return "dim" if self.expanded or self.idle else ""


class LayerTable(NamedTuple):
    """Rows and columns of a report.

    chosen:
        whether the caller named the columns; a data format shows all of them otherwise.
    flat:
        whether rows are a list with full paths, and not a tree.
    matching:
        how many rows there were before `top` cut the list.
    sort:
        the key that rows are sorted by, None for execution order.
    """

    report: Report
    columns: tuple[Column, ...]
    rows: tuple[LayerRow, ...]
    chosen: bool = False
    flat: bool = False
    sort: str | None = None
    matching: int = 0
    figures: Own = NOTHING

    @property
    def body(self) -> Sequence[LayerRow]:
        """The rows that people should see: without the root's, when that only repeats the totals."""
        if self.flat or len(self.rows) < 2 or self.rows[0].layer.path:
            return self.rows
        root = self.rows[0]
        if root.figures or root.state == "raised":
            return self.rows
        return [row._replace(lasts=row.lasts[1:]) for row in self.rows[1:]]

    def value(self, row: LayerRow, column: Column) -> Shown:
        """The raw value that `row` shows in `column`."""
        layer = row.layer
        if column.own is not None:
            value = column.own(row.figures, self.report)
            if _bounded(row, column):
                return Shown(value, "bound")
            if not value and column.counted_elsewhere and layer.own_params == 0 and not row.expanded:
                whole = column.get(layer, self.report)
                return Shown(whole, "shared") if whole else Shown(value)
            return Shown(value, "inner" if row.expanded or row.state else "")
        value = column.get(layer, self.report) if column.display is None else column.display(layer)
        return Shown(value, "inner" if row.expanded else "")

    def table(self) -> Table:
        """For people."""
        headings = [
            Heading(
                column.title,
                right=column.kind.number,
                units=column.kind.number,
                drop=column.drop,
                floor=column.floor,
                name=column.key == "path",
                longest=LONGEST,
            )
            for column in self.columns
        ]
        return Table(
            headings, [Row([self._cell(row, column) for column in self.columns]) for row in self.body]
        )

    def _cell(self, row: LayerRow, column: Column) -> Cell:
        if column.look is not None:
            return column.look(self, row)
        value = self.value(row, column)
        text = value_text(column, value)
        if value.mark == "bound":
            return Cell(text, "warn")
        if value.mark == "shared":
            return Cell(text, "dim")
        if column.own is None:
            return Cell(text, row.tone)
        if not text or text == column.zero:
            # A tree has no figure where nothing was returned.
            nothing = not row.layer.outputs or row.expanded
            return Cell(text, "dim", brief=Cell() if nothing else None)
        part = column.part(row.figures, self.report) if column.part is not None else None
        return Cell(text, "accent" if (part or 0) >= HEAVY else "")

    def records(self) -> Records:
        """For programs. A figure that adds up comes twice, as on a `Layer`.

        `macs` has everything inside the layer, `own_macs` the row's own part; the `own_` columns add up to
        the totals. Both are None while something in it is unknown, which the column `unknown` tells.
        """
        columns = self.columns if self.chosen else known_to(self.report)
        keys = [key for column in columns for key in _keys(column)]
        rows = ([value for column in columns for value in self._raw(row, column)] for row in self.rows)
        return Records(keys, rows, self.report.schema_version)

    def _raw(self, row: LayerRow, column: Column) -> Iterator[Any]:
        yield row.path if column.key == "path" else column.get(row.layer, self.report)
        if column.own is not None and column.adds:
            yield None if _bounded(row, column) else column.own(row.figures, self.report)


def _bounded(row: LayerRow, column: Column) -> bool:
    """Whether what is a row's own of that is only a lower bound."""
    return bool(column.bounded) and getattr(row.figures, column.bounded)


def value_text(column: Column, value: Shown) -> str:
    """A raw value as people read it."""
    if value.raw == 0 and column.zero is not None and value.mark != "bound":
        return "" if value.mark == "inner" else column.zero
    text = column.kind.text(value.raw)
    if value.mark == "bound":
        return units.at_least(text) if value.raw else units.UNKNOWN
    return f"({text})" if value.mark == "shared" else text


def _keys(column: Column) -> list[str]:
    return [column.key, f"own_{column.key}"] if column.own is not None and column.adds else [column.key]
