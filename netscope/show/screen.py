"""Where text will be seen: how wide a line may be, whether it has colour, which characters it can show."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import Final, NamedTuple, TextIO

from netscope.show.page import Piece, Tone
from netscope.show.strings import encoding_of, for_encoding

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


class Screen(NamedTuple):
    """A place for text.

    width:
        columns that a line may take; None for no limit.
    encoding:
        as Python spells it.
    """

    width: int | None = None
    color: bool = False
    encoding: str = "utf-8"

    @classmethod
    def of(cls, stream: TextIO | None) -> Screen:
        """What a stream goes to, with what the environment says of it."""
        return cls(_room(stream), _wants_color(stream), encoding_of(stream))

    def lines(self, lines: Sequence[Sequence[Piece]]) -> str:
        """The text of lines, each ending in a newline."""
        return "".join(self._line(line) for line in lines)

    def _line(self, pieces: Sequence[Piece]) -> str:
        if not self.color:
            return for_encoding("".join(piece.text for piece in pieces).rstrip(), self.encoding) + "\n"
        text = "".join(
            f"{_CODES[tone]}{text}{_RESET}" if tone and not text.isspace() and text else text
            for text, tone in pieces
        )
        return for_encoding(text.rstrip(), self.encoding) + "\n"


def _room(stream: TextIO | None) -> int | None:
    on_terminal = stream is not None and stream.isatty()
    if not on_terminal and not os.environ.get("COLUMNS", "").isdecimal():
        return None
    width = shutil.get_terminal_size((100, 24)).columns
    return max(20, min(width, WIDEST))


def _wants_color(stream: TextIO | None) -> bool:
    """The conventions of no-color.org and force-color.org, and no colour off a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream is not None and stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
