"""What of a report is to be shown: rows, columns, raw values. Renderers read it.

Every row carries the figures that are its own: those of its layer, plus those of the layers within that
have no visible row. So the visible rows of a tree add up to the report's totals, at any depth, folded or
not, and tied weights are never added twice. A folded row ("layers.0-11", ×12) stands for all its copies:
its figures are those of the copies together, its shapes those of one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, NamedTuple

from netscope.report.layer import Layer
from netscope.report.report import Report
from netscope.show.columns import Column
from netscope.show.figures import NOTHING, Figures

State = Literal["", "uncalled", "by parent", "unreached", "raised", "stopped"]


class Cell(NamedTuple):
    """A raw value and how far it may be trusted.

    mark:
        "bound" for a lower bound (an operator could not be counted), "shared" for parameters that
        another row counts already, "inner" for what only repeats in a row whose children are shown.
    """

    value: Any
    mark: Literal["", "bound", "shared", "inner"] = ""


@dataclass(frozen=True, slots=True)
class Row:
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
        a module that never was called, "by parent" when its parameters were read all the same.
    marks:
        remarks that follow the operator ("shared with embed", "2 calls").
    """

    layer: Layer
    path: str
    label: str
    figures: Figures
    lasts: tuple[bool, ...] = ()
    times: int = 1
    heads_run: bool = False
    expanded: bool = False
    state: State = ""
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Rows and columns of a report, ready for a renderer.

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
    rows: tuple[Row, ...]
    chosen: bool = False
    flat: bool = False
    folded: bool = False
    sort: str | None = None
    matching: int = 0
    figures: Figures = field(default=NOTHING)

    @property
    def body(self) -> Sequence[Row]:
        """The rows that people should see: without the root's, when that only repeats the totals."""
        if self.flat or len(self.rows) < 2 or self.rows[0].layer.path:
            return self.rows
        root = self.rows[0]
        if root.figures or root.state == "raised":
            return self.rows
        return [replace(row, lasts=row.lasts[1:]) for row in self.rows[1:]]

    def cell(self, row: Row, column: Column) -> Cell:
        """The raw value that `row` shows in `column`."""
        layer = row.layer
        if column.own is not None:
            value = column.own(row.figures, self.report)
            if column.bounded and row.figures.unknown:
                return Cell(value, "bound")
            if not value and column.key in _SHARED and layer.own_params == 0 and not row.expanded:
                whole = column.get(layer, self.report)
                return Cell(whole, "shared") if whole else Cell(value)
            return Cell(value, "inner" if row.expanded or row.state else "")
        value = column.get(layer, self.report) if column.display is None else column.display(layer)
        return Cell(value, "inner" if row.expanded else "")


_SHARED: Final = frozenset({"params", "trainable_params", "param_bytes"})
