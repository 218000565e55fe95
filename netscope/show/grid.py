"""All rows of a network with all columns, for where rows can be opened, sorted, filtered and searched.

A row that is closed shows what is in it, one that is open only what is its own: the figures that are seen
always add up to the network's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


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
