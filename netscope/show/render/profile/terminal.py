"""A profile on a terminal: the answer first, then where the time went as bars, then the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TextIO

from netscope.base import units
from netscope.show.render.cells import joined_by_dots
from netscope.show.render.fit import GAP
from netscope.show.render.paint import Piece, painted, room_for, wants_color
from netscope.show.render.profile.words import Part, equation, facts, parts, pieces, sentences, shown
from netscope.show.render.summary import Tone
from netscope.show.render.terminal import fact_lines, rows_laid_out
from netscope.show.render.text import broken, cut, encoding_of, pad, width_of
from netscope.show.table import Table

# Columns that a whole step takes as a bar.
BAR: Final = 40
_NARROW: Final = 6
_TONES: Final[dict[str, Tone]] = {"layers": "accent", "unattributed": "warn"}


def render(
    table: Table,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """The header, the figures, the bars, the rows and what is to be doubted."""
    room, encoding = room_for(width, stream), encoding_of(stream)
    report = table.report
    lines = [*joined_by_dots(pieces(report), room), []]
    lines += fact_lines(facts(report), room)
    if report.timing is not None and report.timing.reconciliation is not None:
        lines += [[], *_bars(parts(report.timing), room)]
        lines += wrapped(equation(report.timing), room)
    if report.timing is None or report.timing.reconciliation is not None:
        laid = rows_laid_out(table, room, encoding)
        lines += [[], laid.head, *laid.body]
        if text := shown(table):
            lines += wrapped(f"{text}; --all shows the whole network", room, "dim")
        if laid.left_out:
            titles = ", ".join(dict.fromkeys(heading.title for heading in laid.left_out))
            lines += wrapped(f"not shown, for want of width: {titles}", room, "dim")
    said = sentences(report)
    if said:
        lines.append([])
        for text, tone in said:
            lines += wrapped(marked(text, tone), room, tone, indent="  " if tone == "warn" else "")
    coloured = wants_color(stream) if color is None else color
    return "".join(painted(line, coloured, encoding) for line in lines)


def _bars(found: Sequence[Part], room: int | None) -> list[list[Piece]]:
    """A line for each part: its name, a bar, its share, its seconds, and what it consists of."""
    labels = max(width_of(part.label) for part in found)
    shares = [units.percent(part.share) for part in found]
    seconds = [units.seconds(part.seconds) for part in found]
    longest, widest = max(map(width_of, shares)), max(map(width_of, seconds))
    bar = BAR if room is None else max(_NARROW, min(BAR, room - labels - longest - widest - 3 * len(GAP)))
    lines = []
    for part, share, time in zip(found, shares, seconds, strict=True):
        tone = _TONES.get(part.label, "dim")
        full = round(bar * min(max(part.share, 0.0), 1.0))
        blocks = "█" * full or ("▏" if part.seconds > 0 else "")
        line = [
            Piece(pad(part.label, labels, right=False) + GAP, "dim"),
            Piece(blocks, tone),
            Piece(" " * (bar - width_of(blocks)) + GAP),
            Piece(pad(share, longest, right=True) + GAP),
            Piece(pad(time, widest, right=True)),
        ]
        used = sum(width_of(piece.text) for piece in line)
        if part.note and (room is None or room - used > len(GAP) + 8):
            note = part.note if room is None else cut(part.note, room - used - len(GAP))
            line.append(Piece(GAP + note, "dim"))
        lines.append(line)
    return lines


def marked(text: str, tone: Tone) -> str:
    """A warning begins with a mark, for those who see no colour."""
    return f"! {text}" if tone == "warn" else text


def wrapped(text: str, room: int | None, tone: Tone = "", indent: str = "  ") -> list[list[Piece]]:
    """A sentence on as many lines as it takes."""
    if room is None:
        return [[Piece(text, tone)]]
    return [[Piece(line, tone)] for line in broken(text, room, indent)]
