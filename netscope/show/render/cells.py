"""Columns of cells become lines of a terminal: padded, shortened where they must be, never wrapped.

A `Heading` says how a column behaves, a `Cell` what stands in it. Every table for a terminal is made
here, whatever it is of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from netscope.show.render.fit import GAP, Heading, fit
from netscope.show.render.paint import Piece
from netscope.show.render.summary import Tone
from netscope.show.render.text import cut, cut_middle, pad, width_of

# Tree branches deeper than this are not drawn; the depth is written instead.
DEEPEST: Final = 8


class Cell(NamedTuple):
    """A text that may be shortened, what stands before and behind it, and their width."""

    main: Piece
    before: str
    behind: str
    width: int


def cell(text: str = "", tone: Tone = "", *, before: str = "", behind: str = "") -> Cell:
    """A cell; what stands before and behind its text is dim."""
    width = width_of(before) + width_of(text) + width_of(behind)
    return Cell(Piece(text, tone), before, behind, width)


EMPTY: Final = cell()


class Laid(NamedTuple):
    """The heading, a line for each row, and the headings of the columns that had to go."""

    head: list[Piece]
    body: list[list[Piece]]
    left_out: list[Heading]


def laid_out(headings: Sequence[Heading], cells: Sequence[Sequence[Cell]], room: int | None) -> Laid:
    """Lines of the cells, which are given column by column, at most `room` wide."""
    shown, widths = fit(headings, [[one.width for one in column] for column in cells], room)
    head = _joined([_head(headings[i], widths[i]) for i in shown])
    body = [
        _joined([_fitted(cells[i][number], headings[i], widths[i]) for i in shown])
        for number in range(len(cells[0]))
    ]
    return Laid(head, body, [heading for i, heading in enumerate(headings) if i not in shown])


def branches(lasts: Sequence[bool]) -> str:
    """What stands before a row of a tree, by whether it and each row around it is the last sibling."""
    if len(lasts) > DEEPEST:
        around = f"⋯ {len(lasts)} deep ".ljust(3 * DEEPEST - 3)
    else:
        around = "".join("   " if last else "│  " for last in lasts[:-1])
    return around + ("└─ " if lasts[-1] else "├─ ") if lasts else ""


def joined_by_dots(texts: Sequence[tuple[str, Tone]], room: int | None) -> list[list[Piece]]:
    """Name · source · input · mode, on as few lines as hold it."""
    found: list[list[Piece]] = [[]]
    used = 0
    for text, tone in texts:
        if room is not None and used and used + 3 + width_of(text) > room:
            found.append([Piece("  ")])
            used = 2
        elif used:
            found[-1].append(Piece(" · ", "dim"))
            used += 3
        piece = Piece(text if room is None else cut_middle(text, room - used), tone)
        found[-1].append(piece)
        used += width_of(piece.text)
    return found


def on_units(cells: Sequence[Cell]) -> list[Cell]:
    """The same cells padded so that numbers end at the same column, units or not."""
    longest = max((len(_unit(one.main.text)) for one in cells), default=0)
    padded = []
    for one in cells:
        text, tone = one.main
        if text and longest:
            unit = _unit(text)
            number = text[: len(text) - len(unit)]
            text = number + (unit.rjust(longest) if unit else " " * longest)
            padded.append(cell(text, tone, before=one.before, behind=one.behind))
        else:
            padded.append(one)
    return padded


def _unit(text: str) -> str:
    """ " MiB" of "1.11 MiB"; "" of a bare number."""
    number, blank, unit = text.rpartition(" ")
    return f"{blank}{unit}" if number and unit.isalpha() else ""


def _joined(parts: Sequence[Sequence[Piece]]) -> list[Piece]:
    line: list[Piece] = []
    for number, part in enumerate(parts):
        if number:
            line.append(Piece(GAP))
        line.extend(part)
    return line


def _head(heading: Heading, width: int) -> list[Piece]:
    return [Piece(pad(cut(heading.title, width), width, right=heading.right), "dim")]


def _fitted(one: Cell, heading: Heading, width: int) -> list[Piece]:
    """The pieces of a cell in exactly `width` columns."""
    if one.width <= width:
        rest = Piece(" " * (width - one.width))
        pieces = [Piece(one.before, "dim"), one.main, Piece(one.behind, "dim")]
        return [rest, *pieces] if heading.right else [*pieces, rest]
    if not heading.name:
        # What follows the text, "(shared with ...)", is shortened first.
        main = cut(one.main.text, width)
        behind = cut(one.behind, width - width_of(main))
        blank = " " * (width - width_of(main) - width_of(behind))
        return [one.main._replace(text=main), Piece(behind + blank, "dim")]
    least = min(6, width_of(one.main.text))
    before = cut(one.before, max(0, width - least))
    behind = cut(one.behind, max(0, width - width_of(before) - least))
    left = width - width_of(before) - width_of(behind)
    shorten = cut if one.main.text.startswith("(") else cut_middle
    name = shorten(one.main.text, left)
    blank = " " * (left - width_of(name))
    return [Piece(before, "dim"), one.main._replace(text=name), Piece(behind + blank, "dim")]
