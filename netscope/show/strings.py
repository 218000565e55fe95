"""What all formats for people do to strings: make them safe, short and measurable."""

from __future__ import annotations

import re
from typing import Final, TextIO

_ASCII: Final = str.maketrans(
    {
        "×": "x",
        "−": "-",
        "·": ".",
        "…": "~",
        "→": ">",
        "←": "<",
        "±": "~",
        "≥": ">",
        "≤": "<=",
        "≠": "!=",
        "│": "|",
        "├": "|",
        "└": "`",
        "─": "-",
        "⋯": ":",
        "✗": "X",
        "✓": "v",
        "α": "a",
        "÷": "/",
        "█": "#",
        "▏": "|",
    }
)

# Longest name, type or description among others for people; data formats carry them in full.
LONGEST: Final = 60

# Our own signs and printable ASCII: so that rich is imported for other characters only.
_NARROW: Final = frozenset(map(chr, [*range(32, 127), *_ASCII]))


# The blank between a figure and its unit, as `units` writes them.
_UNITS: Final = r"us|ms|s|MHz|[KMGTPEZY]|[KMGTPEZY]?(?:FLOP/s|B/s|i?B)"
_BEFORE_UNIT: Final = re.compile(rf"(?<=\d) (?=(?:{_UNITS})(?!\w))")
_UNBROKEN: Final = "\N{NO-BREAK SPACE}"


def visible(text: str) -> str:
    """Control characters, surrogates and invisible marks written out: an escape becomes "\\x1b".

    What comes from a user's model reaches a terminal or a page through here, so that it can neither
    move the cursor nor break a line.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def short(text: str) -> str:
    """A user's text, safe and at most `LONGEST` columns wide."""
    return visible(cut_middle(text, LONGEST)) if len(text) > LONGEST else visible(text)


def for_encoding(text: str, encoding: str) -> str:
    """Text that the stream can take: our own signs get ASCII twins, other characters are written out."""
    if text.isascii() or encoding == "utf-8":
        return text
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_ASCII)
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text


def encoding_of(stream: TextIO | None) -> str:
    """The stream's encoding as Python spells it; UTF-8 where there is none."""
    import codecs

    name = getattr(stream, "encoding", None) or "utf-8"
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "ascii"


def width_of(text: str) -> int:
    """Columns that the text takes on a terminal; East-Asian characters take two."""
    if text.isascii() or _NARROW.issuperset(text):
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int) -> str:
    """The text in at most `width` columns, its end elided."""
    if len(text) * 2 <= width or width_of(text) <= width:
        return text
    return _start(text, width - 1) + "…" if width > 0 else ""


def cut_middle(text: str, width: int) -> str:
    """The text in at most `width` columns, its middle elided: names differ at their ends."""
    if len(text) * 2 <= width or width_of(text) <= width:
        return text
    tail = _start(text[::-1][: 2 * width], (width - 1) // 3)[::-1]
    return _start(text, width - 1 - width_of(tail)) + "…" + tail


def pad(text: str, width: int, *, right: bool) -> str:
    """The text in exactly `width` columns or its own, whichever is more."""
    blank = " " * (width - width_of(text))
    return blank + text if right else text + blank


def broken(text: str, width: int, indent: str = "") -> list[str]:
    """A sentence on as many lines as it takes; none ends between a figure and its unit."""
    import textwrap

    kept = _BEFORE_UNIT.sub(_UNBROKEN, text)
    lines = textwrap.wrap(kept, max(width, 1), subsequent_indent=indent, break_on_hyphens=False)
    return [line.replace(_UNBROKEN, " ") for line in lines]


def _start(text: str, width: int) -> str:
    """As much of the text's start as fits."""
    taken = 0
    for index, character in enumerate(text[: max(width, 0) + 1]):
        taken += width_of(character)
        if taken > width:
            return text[:index]
    return text[: max(width, 0)]
