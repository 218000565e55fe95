"""The whole answer as JSON in raw base units, whatever rows and columns are shown of it."""

from __future__ import annotations

from typing import Final

from netscope.report.store.writing import text_of
from netscope.show.page import Page
from netscope.show.screen import Screen

SUFFIXES: Final = (".json",)
HELP: Final = "everything, raw; a report's is read back by netscope"


def lower(page: Page, screen: Screen) -> str:
    """A line for each item of the list that matters."""
    document = page.document()
    return text_of(document.values, document.rows)
