"""Lines for a terminal: how wide they may be, whether they have colour, and pieces of one tone each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import Final, NamedTuple, TextIO

from netscope.show.render.summary import Tone
from netscope.show.render.text import for_encoding

WIDEST: Final = 160

_CODES: Final[dict[Tone, str]] = {
    "": "",
    "title": "\x1b[1m",
    "accent": "\x1b[36m",
    "added": "\x1b[32m",
    "warn": "\x1b[33m",
    "bad": "\x1b[31m",
    "dim": "\x1b[2m",
}
_RESET: Final = "\x1b[0m"


class Piece(NamedTuple):
    """Text of one tone."""

    text: str
    tone: Tone = ""


def painted(pieces: Sequence[Piece], coloured: bool, encoding: str) -> str:
    """One line of text, ending in a newline."""
    if not coloured:
        return for_encoding("".join(piece.text for piece in pieces).rstrip(), encoding) + "\n"
    text = "".join(
        f"{_CODES[tone]}{text}{_RESET}" if tone and not text.isspace() and text else text
        for text, tone in pieces
    )
    return for_encoding(text.rstrip(), encoding) + "\n"


def room_for(width: int | None, stream: TextIO | None) -> int | None:
    """Columns that a line may take; None for no limit."""
    if width is None:
        on_terminal = stream is not None and stream.isatty()
        if not on_terminal and not os.environ.get("COLUMNS", "").isdecimal():
            return None
        width = shutil.get_terminal_size((100, 24)).columns
    return max(20, min(width, WIDEST))


def wants_color(stream: TextIO | None) -> bool:
    """The conventions of no-color.org and force-color.org, and no colour off a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream is not None and stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
