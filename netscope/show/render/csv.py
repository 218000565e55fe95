"""Comma-separated values in raw base units: elements, multiply-accumulates, bytes, fractions.

The first column is `schema_version`. Shapes are written 1x96x55x55, several of them with semicolons, and
mappings as JSON. A figure that adds up comes twice, as on a `Layer`: `macs` with everything inside the
layer (empty while an operator in it is unknown), and `own_macs`, the row's own part; the `own_` columns
add up to the totals. All columns are written unless some are named, those of a machine for reports that
know of one.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any, TextIO

from netscope.show.columns import Column, known_to
from netscope.show.table import Row, Table


def render(
    table: Table,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """A heading and one line a row."""
    columns = table.columns if table.chosen else known_to(table.report)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["schema_version", *headings(columns)])
    version = table.report.schema_version
    writer.writerows([version, *map(_text, values(table, row, columns))] for row in table.rows)
    return out.getvalue()


def headings(columns: tuple[Column, ...]) -> list[str]:
    """The keys of the columns, those that add up once more as `own_`."""
    return [key for column in columns for key in _keys(column)]


def values(table: Table, row: Row, columns: tuple[Column, ...]) -> list[Any]:
    """The raw values of a row under these headings."""
    found: list[Any] = []
    for column in columns:
        found.append(row.path if column.key == "path" else column.get(row.layer, table.report))
        if column.own is not None and column.adds:
            found.append(column.own(row.figures, table.report))
    return found


def _keys(column: Column) -> list[str]:
    return [column.key, f"own_{column.key}"] if column.own is not None and column.adds else [column.key]


def _number(value: Any) -> str:
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _text(value: Any) -> Any:
    """A value as one field."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, Mapping):
        return json.dumps(value)
    if isinstance(value, tuple):
        if any(isinstance(inner, tuple) for inner in value):
            return ";".join("x".join(map(str, inner)) for inner in value)
        return "x".join(map(_number, value))
    return value
