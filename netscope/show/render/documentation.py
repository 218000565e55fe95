"""The documentation of one check, as `netscope lint --explain` shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TextIO

from netscope.answers.lint import Documentation
from netscope.answers.lint.docstrings import HEADINGS
from netscope.show.render.findings import TONES
from netscope.show.render.paint import Piece, painted, room_for, wants_color
from netscope.show.render.text import broken, encoding_of

# Prose in longer lines is hard to read; help texts are as wide.
_WIDEST: Final = 100
_INDENT: Final = "  "


def to_terminal(
    documentation: Documentation,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """Code, name and severity, the summary, and what stands under each heading."""
    room, encoding = min(room_for(width, stream) or _WIDEST, _WIDEST), encoding_of(stream)
    coloured = wants_color(stream) if color is None else color
    severity = documentation.severity
    lines = [
        [
            Piece(documentation.code, TONES[severity]),
            Piece(f" {documentation.name}", "title"),
            Piece(f" · {severity}"),
        ],
        [],
        *([Piece(line)] for line in _wrapped(documentation.summary, room)),
    ]
    example, instead = documentation.example, documentation.instead
    texts = (documentation.finds, documentation.why, example.words, instead.words)
    codes = ("", "", example.code, instead.code)
    for heading, words, code in zip(HEADINGS, texts, codes, strict=True):
        lines += [[], [Piece(heading, "title")]]
        lines += [[Piece(_INDENT + line)] for line in _wrapped(words, room - len(_INDENT))]
        lines += [[]] if words and code else []
        lines += [[Piece(f"{_INDENT}{_INDENT}{line}", "accent")] for line in code.splitlines()]
    return "".join(painted(line, coloured, encoding) for line in lines)


def _wrapped(words: str, room: int) -> Iterator[str]:
    """Paragraphs and the items of lists, each on lines of its own."""
    for number, paragraph in enumerate(words.split("\n\n") if words else ()):
        if number:
            yield ""
        for item in re.split(r"\n(?=- )", paragraph):
            yield from broken(" ".join(item.split()), room, _INDENT if item.startswith("- ") else "")
