"""One picture of an answer in pixels, for where nothing shows SVG."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any, Final

from netscope.base.errors import MissingExtraError, UsageError
from netscope.show.drawing.picture import picture_of
from netscope.show.page import Page
from netscope.show.screen import Screen

SUFFIXES: Final = (".png",)
HELP: Final = "the same in pixels, for a file"
BINARY: Final = True

# Pixels for each of the picture, and at most of a side and in all, of which each takes four bytes of memory:
# what has more is drawn smaller.
ZOOM: Final = 2.0
LONGEST: Final = 16_000
MOST: Final = 64_000_000

# Of one width, where the families that the picture names are not there.
FAMILY: Final = "DejaVu Sans Mono"

_SIZE: Final = re.compile(r'<svg[^>]* width="([0-9.]+)" height="([0-9.]+)"')


def lower(page: Page, screen: Screen) -> bytes:
    """The picture as SVG has it, in the light colours.

    Raises:
        UsageError: there is none, it is too large, or there is no font.
        MissingExtraError: resvg is not installed.
    """
    picture = picture_of(page)
    if not _writes():
        raise UsageError(
            "there is no font to write a PNG's texts in.", hint=f"install {FAMILY}, or ask for SVG"
        )
    size = _SIZE.search(picture)
    assert size is not None
    width, height = float(size[1]), float(size[2])
    zoom = min(ZOOM, LONGEST / max(width, height), math.sqrt(MOST / (width * height)))
    if zoom < 0.1:
        raise UsageError(
            "the picture is too large for a PNG.", hint="draw less of it with --depth, or an SVG"
        )
    wide, high = int(width * zoom), int(height * zoom)
    return _pixels(picture, width=wide, height=high, monospace_family=FAMILY)


@cache
def _writes() -> bool:
    """Whether there is any font: without one a picture would have no texts, and nobody would say so."""
    return _pixels(_LETTER.format("M")) != _pixels(_LETTER.format(""))


_LETTER: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    '<text y="9" font-family="monospace" font-size="9">{}</text></svg>'
)


def _pixels(picture: str, **how: Any) -> bytes:
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise MissingExtraError("a PNG needs resvg.", hint="pip install 'netscope[html]'") from None

    return bytes(svg_to_bytes(svg_string=picture, **how))
