"""Where a network's parameters, work, memory or time are: an icicle, every row as wide as its share.

The network stands at the top, and below each row those within it, in order. What is left free below a row is
its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from netscope.base import units
from netscope.base.errors import UsageError
from netscope.base.suggest import nearest
from netscope.report.tree import parents_of
from netscope.show.drawing.canvas import Canvas, fitted, rect, text, title, wide
from netscope.show.drawing.kinds import OTHER, kind_of
from netscope.show.drawing.looks import DEEPEST, LEAST, QUANTITIES
from netscope.show.grid import Grid, GridColumn

WIDTH: Final = 1000
# Height of a tile, with the gap below it.
TALL: Final = 36
GAP: Final = 2
# Narrower tiles say nothing: a name needs so much.
TOLD: Final = 30


class Tile(NamedTuple):
    """A row: its place in the grid, where it begins and ends as shares of the whole, and how deep it is."""

    row: int
    start: float
    end: float
    depth: int


def column_of(grid: Grid, key: str = "") -> GridColumn:
    """The column of that key, by which a map can be drawn; the first of the usual ones that has any.

    Raises:
        UsageError: there is none, or nothing in it.
    """
    columns = {column.key: column for column in grid.columns if column.adds and column.own is not None}
    if key and key not in columns:
        known = nearest(key, columns) or list(columns)
        raise UsageError(f"no map can be drawn by {key!r}.", hint=f"by {', '.join(known)} one can")
    for wanted in [key] if key else [*QUANTITIES, *columns]:
        column = columns.get(wanted)
        if column is not None and any(_amounts(column)):
            return column
    raise UsageError(
        f"there is nothing of {key or 'it'} in the network, so no map of it.", hint="ask for another column"
    )


def tiles_of(grid: Grid, column: GridColumn) -> list[Tile]:
    """The rows that have a share, each behind the one before it, as much as is not too small to be seen."""
    whole = list(_amounts(column))
    parents = parents_of(grid.rows)
    for index in range(len(whole) - 1, 0, -1):
        whole[parents[index]] += whole[index]
    total = whole[0]
    starts = [0.0] * len(whole)
    free = [0.0] * len(whole)  # where the next row within each begins
    tiles = []
    for index, (row, parent) in enumerate(zip(grid.rows, parents, strict=True)):
        starts[index] = free[parent] if parent >= 0 else 0.0
        free[index] = starts[index]
        share = whole[index] / total
        if parent >= 0:
            free[parent] += share
        if share * WIDTH >= LEAST and row.depth < DEEPEST:
            tiles.append(Tile(index, starts[index], starts[index] + share, row.depth))
    return tiles


def icicle(name: str, head: Sequence[str], grid: Grid, key: str = "") -> str:
    """The map of a network as a static picture.

    Raises:
        UsageError: no map can be drawn by that.
    """
    column = column_of(grid, key)
    tiles = tiles_of(grid, column)
    canvas = Canvas(name, [*head, f"by {column.title}: {column.whole[0].text}"], WIDTH)
    top = canvas.height
    canvas.add(*(_drawn(grid, column, tile, name, top) for tile in tiles))
    canvas.height += TALL * (1 + max(tile.depth for tile in tiles)) - GAP
    return canvas.document()


def _amounts(column: GridColumn) -> list[float]:
    """What each row has by itself; 0 where nobody knows."""
    raws = [value.raw for value in column.own or ()]
    return [float(raw) if isinstance(raw, (int, float)) and raw > 0 else 0.0 for raw in raws]


def _drawn(grid: Grid, column: GridColumn, tile: Tile, name: str, top: float) -> str:
    row = grid.rows[tile.row]
    x, y = tile.start * WIDTH, top + tile.depth * TALL
    width, height = max((tile.end - tile.start) * WIDTH - 1, 0.5), TALL - GAP
    label = row.name if row.path else name
    amount = column.whole[tile.row].text
    share = units.percent(tile.end - tile.start)
    around = tile.row + 1 < len(grid.rows) and grid.rows[tile.row + 1].depth > row.depth
    kind = OTHER if around else kind_of(row.operator)
    told = [row.path or name, row.operator, *row.marks, f"{column.title} {amount}".rstrip(), share]
    parts = ["<g>", title(told), rect(x, y, width, height, "box", round=3)]
    parts.append(
        rect(
            x,
            y,
            width,
            height,
            f"tint {kind}",
            round=3,
        )
    )
    if width >= TOLD:
        parts.append(text(x + 5, y + 17, fitted(label, width - 8), "label"))
        if width >= 2 * TOLD:
            both = f"{amount} · {share}"
            aside = both if amount and wide(both, 10) <= width - 8 else share
            parts.append(text(x + 5, y + 29, fitted(aside, width - 8, 10), "aside"))
    return "".join([*parts, "</g>"])
