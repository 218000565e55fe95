"""Comma-separated values with every text as the model has it, for other programs.

As `csv`, with nothing escaped: a layer's name may be a formula to a spreadsheet, or hold control characters.
"""

from __future__ import annotations

from typing import Final

from netscope.show.formats import csv
from netscope.show.page import Page
from netscope.show.screen import Screen

SUFFIXES: Final = (".csv_raw",)
HELP: Final = "as csv, and what spreadsheets would run is left as it is"


def lower(page: Page, screen: Screen) -> str:
    """A heading and one line a record."""
    return csv.written(page, lambda text: text.encode("utf-8", "backslashreplace").decode("utf-8"))
