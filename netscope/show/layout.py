"""A table becomes lines of a screen: columns leave or are shortened where they must, and no cell is wrapped.

When the rows are too wide, columns leave by `Heading.drop`, highest first, until the rest fits with its texts
shortened to no less than `Heading.floor`. One that fits again once a wider one has left comes back. Only a
column of sentences goes on below itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from netscope.show.page import Cell, Heading, Piece, Table
from netscope.show.strings import broken, cut, cut_middle, for_encoding, pad, short, visible, width_of

GAP: Final = "  "

# Tree branches deeper than this are not drawn; the depth is written instead.
DEEPEST: Final = 8
# A sentence beside the other columns has at least so much room, or else begins below them.
SENTENCE: Final = 40
# Columns that what belongs to a row is moved to the right.
INDENT: Final = 4


class _Text(NamedTuple):
    """A text that may be shortened, what stands before and behind it, and their width."""

    main: Piece
    before: str
    behind: str
    width: int


class Laid(NamedTuple):
    """The heading, the lines of all rows, and the titles of the columns that had to go."""

    head: list[Piece]
    body: list[list[Piece]]
    left_out: list[str]


def laid_out(table: Table, room: int | None, encoding: str) -> Laid:
    """The table's lines, at most `room` wide."""
    headings = [heading._replace(title="") if table.bare else heading for heading in table.headings]
    texts = [
        _column([row.cells[place] for row in table.rows], heading, encoding)
        for place, heading in enumerate(headings)
    ]
    wrapped = headings.pop() if headings[-1].wraps else None
    sentences = texts.pop() if wrapped is not None else []
    headings = [
        heading._replace(floor=_told_apart(column, heading.floor, room)) if heading.name else heading
        for heading, column in zip(headings, texts, strict=True)
    ]
    shown, widths = fit(headings, [[one.width for one in column] for column in texts], room)
    head = _joined([_head(headings[place], widths[place]) for place in shown])
    if wrapped is not None:
        head += [Piece(GAP + wrapped.title, "dim")]
    body: list[list[Piece]] = []
    for number, row in enumerate(table.rows):
        line = _joined([_fitted(texts[place][number], headings[place], widths[place]) for place in shown])
        body += [line] if wrapped is None else _with_sentence(line, sentences[number].main, widths, room)
        if row.note:
            body += [[Piece(" " * INDENT + text, "warn")] for text in _broken(row.note, room, INDENT)]
    left = [heading for place, heading in enumerate(headings) if place not in shown and not heading.spare]
    return Laid(head, body, list(dict.fromkeys(heading.title for heading in left if heading.title)))


def _column(cells: Sequence[Cell], heading: Heading, encoding: str) -> list[_Text]:
    texts = [_text(cell.seen, heading, encoding) for cell in cells]
    return _on_units(texts) if heading.units else texts


def _text(cell: Cell, heading: Heading, encoding: str) -> _Text:
    text = short(cell.text) if heading.name else visible(cell.text)
    if heading.longest:
        text = cut(text, heading.longest)
    text = for_encoding(text, encoding)
    before = for_encoding(branches(cell.lasts), encoding)
    behind = for_encoding(visible(cell.remark), encoding)
    return _made(text, cell, before, behind)


def _made(text: str, cell: Cell, before: str, behind: str) -> _Text:
    width = width_of(before) + width_of(text) + width_of(behind)
    return _Text(Piece(text, cell.tone), before, behind, width)


def branches(lasts: Sequence[bool]) -> str:
    """What stands before a row of a tree, by whether it and each row around it is the last sibling."""
    if len(lasts) > DEEPEST:
        around = f"⋯ {len(lasts)} deep ".ljust(3 * DEEPEST - 3)
    else:
        around = "".join("   " if last else "│  " for last in lasts[:-1])
    return around + ("└─ " if lasts[-1] else "├─ ") if lasts else ""


def _on_units(texts: Sequence[_Text]) -> list[_Text]:
    """The same padded so that numbers end at the same column, units or not."""
    longest = max((len(_unit(one.main.text)) for one in texts), default=0)
    padded = []
    for one in texts:
        text = one.main.text
        if text and longest:
            unit = _unit(text)
            number = text[: len(text) - len(unit)]
            text = number + (unit.rjust(longest) if unit else " " * longest)
            wider = width_of(text) - width_of(one.main.text)
            padded.append(one._replace(main=one.main._replace(text=text), width=one.width + wider))
        else:
            padded.append(one)
    return padded


def _unit(text: str) -> str:
    """ " MiB" of "1.11 MiB"; "" of a bare number."""
    number, blank, unit = text.rpartition(" ")
    return f"{blank}{unit}" if number and unit.isalpha() else ""


def _told_apart(names: Sequence[_Text], floor: int, room: int | None) -> int:
    """The width from `floor` on at which no two names are shortened to the same; half of the room at most."""
    if not floor or room is None:
        return floor
    whole = {(name.before, name.main.text) for name in names}
    widest = max(floor, room // 2)

    def shortened(width: int) -> set[tuple[str, str]]:
        return {(before, cut_middle(text, max(1, width - width_of(before)))) for before, text in whole}

    return next((width for width in range(floor, widest) if len(shortened(width)) == len(whole)), widest)


# Rows


def _joined(parts: Sequence[Sequence[Piece]]) -> list[Piece]:
    line: list[Piece] = []
    for number, part in enumerate(parts):
        if number:
            line.append(Piece(GAP))
        line.extend(part)
    return line


def _head(heading: Heading, width: int) -> list[Piece]:
    return [Piece(pad(cut(heading.title, width), width, right=heading.right), "dim")]


def _fitted(one: _Text, heading: Heading, width: int) -> list[Piece]:
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


def _with_sentence(
    line: list[Piece], sentence: Piece, widths: Sequence[int], room: int | None
) -> list[list[Piece]]:
    """A row with its sentence beside it, or below it where there is no room."""
    indent = sum(width_of(piece.text) for piece in line) + len(GAP)
    if room is not None and room - indent < SENTENCE:
        below = widths[0] + len(GAP)
        return [
            line,
            *([Piece(" " * below), Piece(t, sentence.tone)] for t in _broken(sentence.text, room, below)),
        ]
    first, *rest = _broken(sentence.text, room, indent)
    lines = [[*line, Piece(GAP), Piece(first, sentence.tone)]]
    return lines + [[Piece(" " * indent), Piece(text, sentence.tone)] for text in rest]


def _broken(text: str, room: int | None, indent: int) -> list[str]:
    return [text] if room is None else broken(text, max(room - indent, 20)) or [""]


# Columns


def fit(
    columns: Sequence[Heading], texts: Sequence[Sequence[int]], room: int | None
) -> tuple[list[int], list[int]]:
    """Which columns stay, and how wide each of all is; `texts` are the widths of every column's cells."""
    natural = [max([width_of(column.title), *wide]) for column, wide in zip(columns, texts, strict=True)]
    everything = list(range(len(columns)))
    if room is None:
        return everything, natural
    floors = [min(wide, column.floor or wide) for wide, column in zip(natural, columns, strict=True)]

    def taken(shown: Sequence[int], widths: Sequence[int]) -> int:
        return sum(widths[i] for i in shown) + len(GAP) * (len(shown) - 1)

    def fits(shown: Sequence[int], last: int) -> bool:
        """Whether column `last` may be among these. No text is shortened to draw out what others say."""
        spare = columns[last].spare and columns[last].title
        return taken(shown, natural if spare else floors) <= room

    shown = everything
    leaving = sorted((i for i in everything if columns[i].drop), key=lambda i: -columns[i].drop)
    left: list[int] = []
    for i in leaving:
        if fits(shown, i):
            break
        shown = [j for j in shown if j != i]
        left.append(i)
    for i in reversed(left):
        again = sorted([*shown, i])
        if fits(again, i):
            shown = again
    return shown, _shortened(shown, natural, floors, texts, taken(shown, natural) - room)


def _shortened(
    shown: Sequence[int],
    natural: Sequence[int],
    floors: Sequence[int],
    texts: Sequence[Sequence[int]],
    excess: int,
) -> list[int]:
    """Widths that are `excess` narrower together, taken where the fewest texts are cut."""
    widths = list(natural)
    lengths = [Counter(wide) for wide in texts]
    cut_at = {i: lengths[i][widths[i]] for i in shown}
    for _ in range(excess):
        able = [i for i in shown if widths[i] > floors[i]]
        if not able:
            break
        i = min(able, key=lambda i: (cut_at[i], floors[i] - widths[i]))
        widths[i] -= 1
        cut_at[i] += lengths[i][widths[i]]
        excess -= 1
    if excess > 0:
        first = shown[0]
        widths[first] = max(min(4, widths[first]), widths[first] - excess)
    return widths
