"""One picture of an answer as SVG, for a paper or a README. No browser is needed to make it."""

from __future__ import annotations

from typing import Final

from netscope.show.drawing.picture import picture_of
from netscope.show.page import Page
from netscope.show.screen import Screen

SUFFIXES: Final = (".svg",)
HELP: Final = "one picture: the network, its map, a difference or a curve"


def lower(page: Page, screen: Screen) -> str:
    """The picture that is asked for, or else the page's first.

    Raises:
        UsageError: there is none.
        MissingExtraError: it needs a library that is not installed.
    """
    return picture_of(page)
