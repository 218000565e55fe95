"""Comma-separated values in raw base units: elements, multiply-accumulates, bytes, seconds, fractions.

The first column is `schema_version`. Shapes are written 1x96x55x55, several of them with semicolons, and
mappings and lists of other things as JSON. What is not known is empty.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any, Final

from netscope.show.page import Page
from netscope.show.screen import Screen

SUFFIXES: Final = (".csv",)
HELP: Final = "raw, for spreadsheets"


def lower(page: Page, screen: Screen) -> str:
    """A heading and one line a record."""
    records = page.records()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["schema_version", *records.keys])
    writer.writerows([records.version, *map(_text, row)] for row in records.rows)
    return out.getvalue()


def _text(value: Any) -> Any:
    """A value as one field."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, (Mapping, list)):
        return json.dumps(value)
    if isinstance(value, tuple):
        if any(isinstance(inner, tuple) for inner in value):
            return ";".join("x".join(map(str, inner)) for inner in value)
        return "x".join(map(_number, value))
    return value


def _number(value: Any) -> str:
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)
