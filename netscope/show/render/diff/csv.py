"""Comma-separated values in raw base units: one line a pair, the root's first, which has the totals.

Each quantity has four columns: before, after, change and ratio, the change as a part of what was before.
A value that is not known is empty. Changes are JSON. All pairs are written unless a path is asked for.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TextIO

from netscope.answers.diff import document
from netscope.report.store import documents
from netscope.show.diff import Differences


def render(
    differences: Differences,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """A heading and one line a pair."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["schema_version", *document.headings()])
    pairs = [row.pairs[0] for row in differences.rows] if differences.flat else differences.diff.pairs
    for pair in pairs:
        writer.writerow([documents.SCHEMA_VERSION, *map(_text, document.values(pair))])
    return out.getvalue()


def _text(value: object) -> object:
    if isinstance(value, list):
        return json.dumps(value)
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
