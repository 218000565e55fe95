"""The whole report as JSON, lossless: `netscope.load` reads it back equal.

It is always whole, whatever rows and columns the table shows, so that a saved report never lacks a layer.
"""

from __future__ import annotations

from typing import TextIO

from netscope.report import store
from netscope.show.table import Table


def render(
    table: Table,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """One line a layer."""
    return store.to_json(table.report)
