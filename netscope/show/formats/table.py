"""What people see on a terminal.

A terminal gets at most its own width and never more than 160 columns; off a terminal, lines have their
natural width. `netscope.show.layout` says which columns leave a table that is too wide; a line below the
table names them.

Lines are put together by hand: a rich table needs 40 ms to import and seconds for thousands of rows.
rich still says how wide a character is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from netscope.base import units
from netscope.show.layout import GAP, laid_out
from netscope.show.page import (
    Bar,
    Bars,
    Derivations,
    Derived,
    Fact,
    Facts,
    Folded,
    Layers,
    Listing,
    Note,
    Notes,
    Page,
    Piece,
    Section,
    Table,
    Title,
    Tone,
)
from netscope.show.screen import Screen
from netscope.show.strings import broken, cut, cut_middle, for_encoding, pad, visible, width_of

SUFFIXES: Final = (".txt", "")
HELP: Final = "for people, on a terminal"

# Columns that the whole of a bar takes, and takes at least.
BAR: Final = 40
NARROW: Final = 6

Lines = list[list[Piece]]


def lower(page: Page, screen: Screen) -> str:
    """The head and the sections, an empty line between them."""
    lines: Lines = joined_by_dots(page.head, screen.width) if page.head else []
    block = False
    for section in _opened(page.sections()):
        found = list(_section(section, screen))
        if isinstance(section, Title):
            block = False
        close = block or (isinstance(section, Notes) and section.close)
        lines += ([[]] if found and lines and not close else []) + found
        if isinstance(section, Title):
            block = section.close
    return screen.lines(lines)


def _opened(sections: Iterable[Section]) -> Iterator[Section]:
    """Nothing can be folded here."""
    for section in sections:
        if not isinstance(section, Folded):
            yield section
        elif not section.aside:
            yield from _opened(section.sections)


def _section(section: Section, screen: Screen) -> Iterator[list[Piece]]:
    room = screen.width
    match section:
        case Table():
            laid = laid_out(section, room, screen.encoding)
            yield from [*([] if section.bare else [laid.head]), *laid.body]
            if laid.left_out:
                yield from _wrapped(
                    Note(f"not shown, for want of width: {', '.join(laid.left_out)}", "dim"), room
                )
        case Layers(table):
            yield from _section(table, screen)
        case Facts(items):
            yield from _facts(items, room)
        case Bars(_, items):
            yield from _bars(items, room)
        case Derivations(items):
            width = max((width_of(visible(step.label)) for step in items), default=0)
            for step in items:
                yield from _derived(step, width, room)
        case Listing(items):
            yield from _names([for_encoding(visible(name), screen.encoding) for name in items], room)
        case Notes(items):
            for note in items:
                yield from _wrapped(note, room)
        case Title(pieces):
            yield from joined_by_dots(pieces, room)


def joined_by_dots(pieces: Sequence[Piece], room: int | None) -> Lines:
    """Name · source · input · mode, on as few lines as hold it."""
    found: Lines = [[]]
    used = 0
    for raw, tone in pieces:
        text = visible(raw)
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


def _facts(items: Sequence[Fact], room: int | None) -> Iterator[list[Piece]]:
    """Label, figure and note in three columns; a long note goes on below itself."""
    label_width = max(width_of(fact.label) for fact in items)
    value_width = max(width_of(fact.value) for fact in items)
    indent = label_width + value_width + 2 * len(GAP)
    for fact in items:
        note = visible(fact.note)
        notes = [note] if room is None or not note else broken(note, max(12, room - indent))
        tone: Tone = "warn" if fact.tone == "warn" else "dim"
        yield [
            Piece(pad(visible(fact.label), label_width, right=False) + GAP, "dim"),
            Piece(pad(visible(fact.value), value_width, right=True) + GAP, fact.tone),
            Piece(notes[0], tone),
        ]
        yield from ([Piece(" " * indent + more, tone)] for more in notes[1:])


def _bars(items: Sequence[Bar], room: int | None) -> Iterator[list[Piece]]:
    """A line for each part: its name, a bar, its share, its amount, and what it consists of."""
    labels = max(width_of(bar.label) for bar in items)
    shares = [units.percent(bar.share) for bar in items]
    longest, widest = max(map(width_of, shares)), max(width_of(bar.value) for bar in items)
    whole = BAR if room is None else max(NARROW, min(BAR, room - labels - longest - widest - 3 * len(GAP)))
    for bar, share in zip(items, shares, strict=True):
        full = round(whole * min(max(bar.share, 0.0), 1.0))
        blocks = "█" * full or ("▏" if bar.share > 0 else "")
        line = [
            Piece(pad(bar.label, labels, right=False) + GAP, "dim"),
            Piece(blocks, bar.tone),
            Piece(" " * (whole - width_of(blocks)) + GAP),
            Piece(pad(share, longest, right=True) + GAP),
            Piece(pad(bar.value, widest, right=True)),
        ]
        used = sum(width_of(piece.text) for piece in line)
        if bar.note and (room is None or room - used > len(GAP) + 8):
            note = visible(bar.note) if room is None else cut(visible(bar.note), room - used - len(GAP))
            line.append(Piece(GAP + note, "dim"))
        yield line


def _derived(step: Derived, width: int, room: int | None) -> Iterator[list[Piece]]:
    """Label, formula, value and note; what does not fit goes on below itself."""
    indent = width + 3
    label, formula, value, note = map(visible, step)
    if room is not None and formula and indent + width_of(f"{formula} = {value}") > room:
        lines = [[Piece(text)] for text in broken(f"{formula} = {value}", max(24, room - indent))]
    else:
        lines = [[Piece(f"{formula} = " if formula else ""), Piece(value, "accent")]]
    if note:
        used = indent + sum(width_of(piece.text) for piece in lines[-1])
        if room is None or used + 2 + width_of(note) <= room:
            lines[-1].append(Piece(f"  {note}", "dim"))
        else:
            lines += [[Piece(text, "dim")] for text in broken(note, max(24, room - indent))]
    head, blank = Piece(f" {pad(label, width, right=False)}  ", "dim"), Piece(" " * indent)
    yield from ([blank if number else head, *pieces] for number, pieces in enumerate(lines))


def _names(names: Sequence[str], room: int | None) -> Iterator[list[Piece]]:
    """In columns, read downwards; one a line where nobody looks on, for other programs."""
    if room is None or not names:
        yield from ([Piece(name)] for name in names)
        return
    cell = max(map(width_of, names)) + 2
    lines = -(-len(names) // max(1, (room - 2) // cell))
    for start in range(lines):
        yield [Piece("  " + "".join(pad(name, cell, right=False) for name in names[start::lines]))]


def _wrapped(note: Note, room: int | None) -> Iterator[list[Piece]]:
    """A sentence on as many lines as it takes, behind its mark."""
    text = visible(note.text) + (f" ({note.hint})" if note.hint else "")
    indent = width_of(note.mark) or 2
    lines = [text] if room is None else broken(text, room - width_of(note.mark)) or [""]
    if note.mark or len(lines) == 1 or room is None:
        for number, line in enumerate(lines):
            yield [Piece(note.mark if not number else " " * indent, note.tone), Piece(line, note.tone)]
        return
    yield from ([Piece(line, note.tone)] for line in broken(text, room, " " * indent))
