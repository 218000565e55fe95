"""A diff on a terminal: totals first, then a tree of what changed, then where the difference ends.

Every quantity has the part by which it changed; before and after stand beside it where there is room.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from netscope.answers.diff import Diff
from netscope.base import units
from netscope.base.units import TOTAL, UNKNOWN
from netscope.report.quantities import Number, Quantity
from netscope.show.diff import Differences, Row, figure_of, total_of
from netscope.show.diff.rows import RUNS
from netscope.show.render.cells import EMPTY, Cell, branches, cell, joined_by_dots, laid_out
from netscope.show.render.diff.sentences import ending, followers, header, nothing, tally, timed, told
from netscope.show.render.figures import figure_text
from netscope.show.render.fit import GAP, Heading
from netscope.show.render.paint import Piece, painted, room_for, wants_color
from netscope.show.render.summary import Tone, short
from netscope.show.render.text import broken, cut, encoding_of, for_encoding, width_of

# A row that holds one part in so many of all that a quantity changed by is one of the few that matter.
HEAVY: Final = 10

# Followers that are named; of more only the number is told.
FOLLOWERS: Final = 2

# Longest text of an output at natural width.
OUTPUT: Final = 44

_MARKS: Final[dict[str, Tone]] = {"": "", "=": "dim", "~": "accent", "+": "added", "-": "bad"}


def render(
    differences: Differences,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """The header, the totals, the rows and what there is to say about them."""
    room, encoding = room_for(width, stream), encoding_of(stream)
    diff = differences.diff
    lines = joined_by_dots(header(differences), room)
    if not diff and not differences.everything and not differences.flat:
        lines += [[], [Piece(nothing(diff), "accent")]]
    else:
        lines += [[], *_totals(differences, room, encoding), [], *_rows(differences, room, encoding)]
        lines += _below(differences, room)
    for text, tone in timed(diff):
        lines += [[Piece(line, tone)] for line in (broken(text, room) if room else [text])]
    coloured = wants_color(stream) if color is None else color
    return "".join(painted(line, coloured, encoding) for line in lines)


def _totals(differences: Differences, room: int | None, encoding: str) -> list[list[Piece]]:
    headings = [Heading("", right=right) for right in (False, True, False, True, True, True)]
    headings[4] = Heading("", right=True, drop=1)
    columns: list[list[Cell]] = [[] for _ in headings]
    for quantity in differences.totals:
        text = figure_text(quantity, total_of(differences.diff, quantity), TOTAL)
        texts = (quantity.title, text.before, "→", text.after, text.change, text.percent)
        tones: tuple[Tone, ...] = ("dim", "", "dim", "", "", "warn" if text.percent == UNKNOWN else "accent")
        if not text.percent:
            texts = (quantity.title, "", "", text.after, "the same", "")
            tones = ("dim", "", "", "", "dim", "")
        for column, one, tone in zip(columns, texts, tones, strict=True):
            column.append(cell(for_encoding(one, encoding), tone))
    return laid_out(headings, columns, room).body


def _rows(differences: Differences, room: int | None, encoding: str) -> list[list[Piece]]:
    rows = differences.rows
    if not rows:
        return []
    tones = _tones(rows)
    columns = [
        (Heading(""), [cell(row.mark, _MARKS[row.mark]) for row in rows]),
        (Heading("layer", name=True), _layers(differences, tones, encoding)),
        (
            Heading("what changed"),
            [cell(for_encoding(told(row, differences), encoding), tone) for row, tone in _with(rows, tones)],
        ),
    ]
    if any(row.output for row in rows):
        texts = [for_encoding(cut(row.output, OUTPUT), encoding) for row in rows]
        columns.append((Heading("output", drop=20), [cell(text, "dim") for text in texts]))
    values = []
    for number, quantity in enumerate(differences.quantities):
        percents, both_values = _figures(differences, quantity, tones, encoding)
        if not any(one.width for one in percents):
            continue
        columns.append(
            (Heading(quantity.title, right=True, drop=_DROPS.get(quantity.key, 30 + number)), percents)
        )
        drop = 60 if quantity.key == "macs" else 61 + number
        if any(one.width for one in both_values):
            values.append((len(columns), (Heading("before → after", right=True, drop=drop), both_values)))
    natural = sum(max(width_of(h.title), *(c.width for c in cells)) + len(GAP) for h, cells in columns)
    if room is not None and natural - len(GAP) > room:
        columns = [(h._replace(floor=_FLOORS.get(h.title, 0)), cells) for h, cells in columns]
    else:
        for place, column in reversed(values):
            columns.insert(place, column)
    laid = laid_out([heading for heading, _ in columns], [cells for _, cells in columns], room)
    return [laid.head, *laid.body]


# When a terminal is narrow, before and after leave first, then figures other than these, then these,
# highest first; only then texts are shortened, down to these widths.
_DROPS: Final = {"params": 25, "macs": 1}
_FLOORS: Final = {"layer": 16, "what changed": 32}


def _with(rows: Sequence[Row], tones: Sequence[Tone]) -> Iterator[tuple[Row, Tone]]:
    return zip(rows, tones, strict=True)


def _tones(rows: Sequence[Row]) -> list[Tone]:
    """Dim for what is only around, the same, or has to follow from something else that is shown."""
    leading = any(row.mark == "~" and not row.quiet for row in rows)

    def tone(row: Row) -> Tone:
        if row.kind in ("renamed", "moved"):
            return ""
        return "dim" if row.kind != "layer" or row.mark == "=" or (row.quiet and leading) else ""

    return [tone(row) for row in rows]


def _layers(differences: Differences, tones: Sequence[Tone], encoding: str) -> list[Cell]:
    """The layer column. The range of a run is told as far as it makes the column no wider."""
    rows = differences.rows
    cells = [_layer(row, tone, differences.flat, encoding) for row, tone in _with(rows, tones)]
    widest = max((one.width for one, row in zip(cells, rows, strict=True) if row.kind not in RUNS), default=0)
    for number, (one, row) in enumerate(zip(cells, rows, strict=True)):
        first, between, _ = row.label.partition("…")
        if row.kind in RUNS and between and one.width > widest > 0:
            cells[number] = cell(for_encoding(f"{short(first)}…", encoding), one.main.tone, before=one.before)
    return cells


def _layer(row: Row, tone: Tone, flat: bool, encoding: str) -> Cell:
    """Branches, name, ×12, and the layers that only pass its change on."""
    behind = f" {units.times(row.times)}" if row.times > 1 else ""
    if row.kind == "layer" and row.mark == "~" and row.layer.name.isdecimal() and not flat:
        behind += f" {short(row.layer.type)}"
    behind += "".join(f", {name}" for name in followers(row, FOLLOWERS))
    return cell(
        for_encoding(short(row.label), encoding),
        tone,
        before=for_encoding(branches(row.lasts), encoding),
        behind=for_encoding(behind, encoding),
    )


def _figures(
    differences: Differences, quantity: Quantity, tones: Sequence[Tone], encoding: str
) -> tuple[list[Cell], list[Cell]]:
    """The part by which each row changed, and before and after."""
    moved = _movement(differences.diff, quantity)
    percents, values = [], []
    for row, tone in _with(differences.rows, tones):
        if not row.has_figures:
            percents.append(EMPTY)
            values.append(EMPTY)
            continue
        figure = figure_of(differences.diff, row, quantity)
        text = figure_text(quantity, figure)
        change = figure.delta.change or 0
        heavy = row.kind == "layer" and change and abs(change) * HEAVY >= moved
        emphasis: Tone = "accent" if heavy else tone
        if text.percent == UNKNOWN:
            emphasis = "warn"
        percents.append(cell(for_encoding(text.short, encoding), emphasis))
        values.append(cell(for_encoding(text.values, encoding), "dim"))
    return percents, values


def _movement(diff: Diff, quantity: Quantity) -> Number:
    """All that the layers' figures changed by, up and down."""
    assert quantity.of_layer is not None
    moved: Number = 0
    for pair in diff.leaves:
        sides = (0 if layer is None else quantity.of_layer(layer) for layer in (pair.before, pair.after))
        before, after = (side or 0 for side in sides)
        moved += abs(after - before)
    return moved


def _below(differences: Differences, room: int | None) -> list[list[Piece]]:
    diff, rows = differences.diff, differences.rows
    lines: list[list[Piece]] = [[]]
    if end := ending(diff):
        wrapped = [end] if room is None else textwrap.wrap(end, room - 3, break_on_hyphens=False)
        lines += [
            [Piece("   " if number else "=  ", "dim"), Piece(text, "accent")]
            for number, text in enumerate(wrapped)
        ]
    if any(row.times > 1 for row in rows):
        lines.append(
            [Piece(f"{units.TIMES}N: the same change in each, with the figures of all N together", "dim")]
        )
    # Only who typed a command has an option to type.
    more = " (--all shows them)" if differences.folded and differences.command else ""
    lines.append([Piece(tally(diff) + more, "dim")])
    return lines
