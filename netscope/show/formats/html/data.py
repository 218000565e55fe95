"""What the interactive parts of a page are made of, as compact JSON.

Texts come once and are numbered; rows are columns of numbers. The script in `assets/data.js` reads it.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, get_args

from netscope.show.drawing.became import failed_of
from netscope.show.drawing.difference import DrawnDiff
from netscope.show.drawing.drawing import Drawing, DrawnEdge, DrawnNode, Kind
from netscope.show.drawing.kinds import OTHER, kind_of, told_of
from netscope.show.grid import Grid, GridColumn, Value
from netscope.show.strings import visible

# The numbers of the kinds of boxes are their places.
_KINDS: Final = get_args(Kind)
# What would end a script, or begin a comment or an entity within one; the ends of lines that JSON has not.
_UNSAFE: Final = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


def script(name: str, text: str, most: int) -> str:
    """JSON text within a page; what has more than that many characters is compressed.

    Args:
        name: the element's id.
    """
    safe = _printable(text.translate(_UNSAFE))
    if len(safe) <= most:
        return f'<script type="application/json" id="{name}">{safe}</script>\n'
    packed = base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode("ascii")
    return f'<script type="application/json+gzip;base64" id="{name}">{packed}</script>\n'


def _printable(text: str) -> str:
    """JSON in which what cannot be seen is written out; lines stay."""
    return "\n".join(
        line if line.isprintable() else "".join(map(_written, line)) for line in text.split("\n")
    )


def _written(c: str) -> str:
    if c.isprintable():
        return c
    number = ord(c)
    if number < 0x10000:
        return f"\\u{number:04x}"
    return f"\\u{0xD800 + (number - 0x10000 >> 10):04x}\\u{0xDC00 + (number - 0x10000 & 0x3FF):04x}"


def dumped(value: Any) -> str:
    """Plain values as JSON without a blank."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class _Texts(dict[str, int]):
    """Texts by their numbers, safe to be seen."""

    def of(self, text: str) -> int:
        """The number of a text."""
        return self.setdefault(visible(text), len(self))


def of_grid(grid: Grid) -> dict[str, Any]:
    """A grid."""
    texts = _Texts()
    rows = grid.rows
    paths: dict[int, int] = {}
    around: list[str] = []
    for index, row in enumerate(rows):
        del around[row.depth :]
        usual = f"{around[-1]}.{row.name}" if around and around[-1] else row.name
        if row.path != usual:
            paths[index] = texts.of(row.path)
        around.append(row.path)
    return {
        "rows": {
            "name": [texts.of(row.name) for row in rows],
            "depth": [row.depth for row in rows],
            "type": [texts.of(row.type) for row in rows],
            "operator": [texts.of(row.operator) for row in rows],
            "derived": [row.derived for row in rows],
            "marks": _some([texts.of(", ".join(row.marks)) if row.marks else None for row in rows]),
            "state": _some([texts.of(row.state) if row.state else None for row in rows]),
            "path": [list(paths), list(paths.values())],
        },
        "columns": [_column(column, texts) for column in grid.columns],
        "kinds": _kinds((row.operator for row in rows), texts),
        "derivations": [[[texts.of(text) for text in line] for line in lines] for lines in grid.derivations],
        "texts": list(texts),
    }


def _kinds(told: Iterable[str], texts: _Texts) -> dict[str, list[int]]:
    """For each kind of layer the numbers of the texts that say it; texts of no kind are left out."""
    found: dict[str, list[int]] = {}
    for text in dict.fromkeys(told):
        kind = kind_of(text)
        if kind != OTHER:
            found.setdefault(kind, []).append(texts.of(text))
    return found


def _some(values: Sequence[Any]) -> list[list[Any]]:
    """Where values are, and which."""
    found = [(index, value) for index, value in enumerate(values) if value is not None]
    return [[index for index, _ in found], [value for _, value in found]]


def _column(column: GridColumn, texts: _Texts) -> dict[str, Any]:
    """A column: its different values, and for each row the number of its own."""
    known: dict[tuple[type, Value], int] = {}

    def number(value: Value) -> int:
        # By its type as well: True is no 1, and 2 no 2.0.
        return known.setdefault((type(value.raw), value), len(known))

    whole = [number(value) for value in column.whole]
    own = None
    if column.own is not None:
        numbers = [number(value) for value in column.own]
        own = _some([mine if mine != all_ else None for mine, all_ in zip(numbers, whole, strict=True)])
    values = [value for _, value in known]
    return {
        "key": column.key,
        "title": column.title,
        "help": column.help,
        "number": column.number,
        "shown": column.shown,
        "adds": column.adds,
        "texts": [texts.of(value.text) for value in values],
        "raws": [_number(value.raw) for value in values] if column.number else None,
        "whole": whole,
        "own": own,
    }


def _number(raw: Any) -> float | int | None:
    """A raw value that rows can be sorted by."""
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        return None
    return _short(raw) if math.isfinite(raw) else None


def _short(value: float) -> float:
    """Whole numbers without a point."""
    whole = int(value)
    return whole if whole == value else value


def of_drawing(drawing: Drawing) -> dict[str, Any]:
    """A network's drawing."""
    texts = _Texts()
    groups = [
        [[_node(node, texts) for node in group.nodes], [_edge(edge, texts) for edge in group.edges]]
        for group in drawing.groups
    ]
    return {
        "name": visible(drawing.name),
        "groups": groups,
        "kinds": _kinds(
            (told_of(node) for group in drawing.groups for node in group.nodes if _has_kind(node)), texts
        ),
        "opened": sorted(map(list, drawing.opened)),
        "values": {
            quantity: [
                [texts.of(path) for path in values],
                [None if value is None else _number(value) for value in values.values()],
            ]
            for quantity, values in drawing.values.items()
        },
        "failed": sorted(map(list, failed_of(drawing))),
        "texts": list(texts),
    }


def _has_kind(node: DrawnNode) -> bool:
    return node.kind in ("module", "run")


def _node(node: DrawnNode, texts: _Texts) -> list[Any]:
    return _cut(
        [
            _KINDS.index(node.kind),
            texts.of(node.label),
            texts.of(node.below),
            _short(node.width),
            _short(node.height),
            node.rank,
            _short(node.x),
            node.inside,
            texts.of(node.path),
            int(node.elsewhere),
            node.times,
            node.macs,
            [texts.of(mark) for mark in node.marks] or None,
        ],
        (0, texts.of(""), texts.of(""), 0, 0, 0, 0, -1, texts.of(""), 0, 1, None, None),
    )


def _edge(edge: DrawnEdge, texts: _Texts) -> list[Any]:
    bends = [_short(x) for x in edge.bends] or None
    return _cut(
        [edge.source, edge.target, texts.of(edge.text), bends, edge.out_port, edge.in_port],
        (-1, -1, -1, None, -1, -1),
    )


def _cut(values: list[Any], usual: Iterable[Any]) -> list[Any]:
    """The values without those at the end that are as usual."""
    expected = list(usual)
    while values and values[-1] == expected[len(values) - 1]:
        values.pop()
    return values


def of_difference(drawn: DrawnDiff) -> dict[str, Any]:
    """Two networks and how their rows pair up."""
    return {
        "before": of_drawing(drawn.before),
        "after": of_drawing(drawn.after),
        "pairs": [
            [
                None if pair.before is None else visible(pair.before),
                None if pair.after is None else visible(pair.after),
                pair.status,
                visible(pair.text),
            ]
            for pair in drawn.pairs
        ],
    }
