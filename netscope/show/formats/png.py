"""One picture of an answer in pixels, for where nothing shows SVG."""

from __future__ import annotations

import re
from typing import Final

from netscope.base.errors import MissingExtraError, UsageError
from netscope.show.drawing.picture import picture_of
from netscope.show.page import Page
from netscope.show.screen import Screen

SUFFIXES: Final = (".png",)
HELP: Final = "the same in pixels, for a file"
BINARY: Final = True

# Pixels for each of the picture, and at most of a side: what has more is drawn smaller.
ZOOM: Final = 2.0
LONGEST: Final = 16_000

# Families that have letters of one width, the first that is there is taken.
_MONOSPACE: Final = "DejaVu Sans Mono"
_SIZE: Final = re.compile(r'<svg[^>]* width="([0-9.]+)" height="([0-9.]+)"')


def lower(page: Page, screen: Screen) -> bytes:
    """The picture as SVG has it, in the light colours.

    Raises:
        UsageError: there is none.
        MissingExtraError: resvg is not installed.
    """
    try:
        import resvg_py
    except ImportError:
        raise MissingExtraError("a PNG needs resvg.", hint="pip install 'netscope[html]'") from None

    picture = picture_of(page)
    size = _SIZE.search(picture)
    assert size is not None
    longest = max(float(size[1]), float(size[2]))
    zoom = min(ZOOM, LONGEST / longest)
    if zoom < 0.1:
        raise UsageError(
            "the picture is too large for a PNG.", hint="draw less of it with --depth, or an SVG"
        )
    made = resvg_py.svg_to_bytes(
        svg_string=picture,
        width=round(float(size[1]) * zoom),
        height=round(float(size[2]) * zoom),
        monospace_family=_MONOSPACE,
    )
    return bytes(made)
