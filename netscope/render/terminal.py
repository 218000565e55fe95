"""The table that people see on a terminal.

Width. A terminal gets at most its own width and never more than 160 columns; off a terminal, lines have
their natural width. `fit` says which columns leave a table that is too wide; a line below the table names
them. No cell is ever wrapped.

Lines are put together by hand: a rich table needs 40 ms to import and seconds for thousands of rows.
rich still says how wide a character is.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final, NamedTuple, TextIO

from netscope import units
from netscope.columns import Column
from netscope.render.fit import GAP, fit
from netscope.render.paint import Piece, painted, room_for, wants_color
from netscope.render.summary import STATES, Fact, Tone, cell_text, facts, header, remarks, short, suffix
from netscope.render.text import cut, cut_middle, encoding_of, for_encoding, pad, width_of
from netscope.table import Row, Table

# Tree branches deeper than this are not drawn; the depth is written instead.
DEEPEST: Final = 8

# Rows from this share of the MACs, or of the params, on are the few that matter.
HEAVY: Final = 0.1

# Longest text of a cell at natural width.
CELL: Final = 44


class Cellful(NamedTuple):
    """One cell: a text that may be shortened, what stands before and behind it, and their width."""

    main: Piece
    before: str
    behind: str
    width: int


def _cellful(main: Piece, before: str = "", behind: str = "") -> Cellful:
    return Cellful(main, before, behind, width_of(before) + width_of(main.text) + width_of(behind))


def render(
    table: Table,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """The header, the rows and the facts below them."""
    room = room_for(width, stream)
    encoding = encoding_of(stream)
    rows, left_out = _rows(table, room, encoding)
    lines = [*_header(table, room), [], *rows, [], *_facts(facts(table), room)]
    if left_out:
        titles = ", ".join(dict.fromkeys(column.title for column in left_out))
        lines.append([Piece(f"not shown, for want of width: {titles}", "dim")])
    lines += [[Piece(text, tone)] for text, tone in remarks(table)]
    coloured = wants_color(stream) if color is None else color
    return "".join(painted(line, coloured, encoding) for line in lines)


def _header(table: Table, room: int | None) -> list[list[Piece]]:
    """Name · source · input · mode, on as few lines as hold it."""
    lines: list[list[Piece]] = [[]]
    used = 0
    for text, tone in header(table.report):
        if room is not None and used and used + 3 + width_of(text) > room:
            lines.append([Piece("  ")])
            used = 2
        elif used:
            lines[-1].append(Piece(" · ", "dim"))
            used += 3
        piece = Piece(text, tone)
        if room is not None:
            piece = Piece(cut_middle(text, room - used), tone)
        lines[-1].append(piece)
        used += width_of(piece.text)
    return lines


def _facts(found: Sequence[Fact], room: int | None) -> list[list[Piece]]:
    """Label, figure and note in three columns; a long note goes on below itself."""
    label_width = max(width_of(fact.label) for fact in found)
    value_width = max(width_of(fact.value) for fact in found)
    indent = label_width + value_width + 2 * len(GAP)
    lines: list[list[Piece]] = []
    for fact in found:
        notes = [fact.note]
        tone: Tone = "warn" if fact.tone == "warn" else "dim"
        if room is not None and fact.note:
            notes = textwrap.wrap(fact.note, max(12, room - indent))
        lines.append(
            [
                Piece(pad(fact.label, label_width, right=False) + GAP, "dim"),
                Piece(pad(fact.value, value_width, right=True) + GAP, fact.tone),
                Piece(notes[0], tone),
            ]
        )
        lines += [[Piece(" " * indent + note, tone)] for note in notes[1:]]
    return lines


def _rows(table: Table, room: int | None, encoding: str) -> tuple[list[list[Piece]], list[Column]]:
    """The heading and the rows, and the columns that had to go."""
    columns, body = list(table.columns), table.body
    cells = [[_cell(table, row, column, encoding) for row in body] for column in columns]
    for column, texts in zip(columns, cells, strict=True):
        if column.right:
            texts[:] = _on_units(texts)
    texts_wide = [[cell.width for cell in texts] for texts in cells]
    shown, widths = fit(columns, texts_wide, room)
    lines = [_joined([_head(columns[i], widths[i]) for i in shown])]
    for number in range(len(body)):
        parts = [_fitted(cells[i][number], columns[i], widths[i]) for i in shown]
        lines.append(_joined(parts))
    return lines, [column for i, column in enumerate(columns) if i not in shown]


def _joined(parts: Sequence[Sequence[Piece]]) -> list[Piece]:
    line: list[Piece] = []
    for number, part in enumerate(parts):
        if number:
            line.append(Piece(GAP))
        line.extend(part)
    return line


def _head(column: Column, width: int) -> list[Piece]:
    return [Piece(pad(cut(column.title, width), width, right=column.right), "dim")]


def _cell(table: Table, row: Row, column: Column, encoding: str) -> Cellful:
    """What a row shows in a column."""
    if column.key == "path":
        return _layer(row, encoding)
    tone: Tone = "dim" if row.expanded or row.state in ("uncalled", "unreached") else ""
    if column.key in ("output_shapes", "output_shape"):
        return _cellful(_output(row, column, table, tone))
    cell = table.cell(row, column)
    text = for_encoding(cell_text(column, cell), encoding)
    if cell.mark == "bound":
        tone = "warn"
    elif cell.mark == "shared":
        tone = "dim"
    elif column.own is not None:
        if (not row.layer.outputs and text == column.zero) or (row.expanded and text == "·"):
            text = ""
        tone = "accent" if _heavy(table, row, column) else "dim" if text == column.zero else ""
    behind = f" {suffix(row)}" if column.key == "operator" and row.marks else ""
    return _cellful(Piece(cut(text, CELL), tone), behind=for_encoding(behind, encoding))


def _heavy(table: Table, row: Row, column: Column) -> bool:
    """Whether the row is one of the few that hold most of what the column counts."""
    if column.bounded or column.key == "share":
        return row.figures.macs > 0 and row.figures.macs >= HEAVY * table.report.counted_macs
    if column.key == "params":
        return row.figures.params > 0 and row.figures.params >= HEAVY * table.report.params
    return False


def _output(row: Row, column: Column, table: Table, tone: Tone) -> Piece:
    layer = row.layer
    if row.state:
        return Piece(STATES[row.state], "bad" if row.state in ("raised", "stopped") else "dim")
    if row.expanded:
        return Piece("")
    if len(layer.outputs) == 1 and layer.output_shapes == layer.input_shapes[:1] and layer.output_shapes:
        return Piece("=", "dim")
    return Piece(cut(cell_text(column, table.cell(row, column)), CELL), tone)


def _layer(row: Row, encoding: str) -> Cellful:
    """Branches, name and ×12."""
    branches = "".join("   " if last else "│  " for last in row.lasts[:-1])
    if len(row.lasts) > DEEPEST:
        branches = f"⋯ {len(row.lasts)} deep ".ljust(3 * DEEPEST - 3)
    if row.lasts:
        branches += "└─ " if row.lasts[-1] else "├─ "
    behind = f" {units.times(row.times)}" if row.heads_run else ""
    tone: Tone = "dim" if row.state in ("uncalled", "unreached") or row.layer.kind == "functional" else ""
    if row.state == "raised":
        tone = "bad"
    name = for_encoding(short(row.label), encoding)
    return _cellful(Piece(name, tone), for_encoding(branches, encoding), for_encoding(behind, encoding))


def _on_units(texts: list[Cellful]) -> list[Cellful]:
    """The same texts padded so that numbers end at the same column, units or not."""
    longest = max((len(_unit(cell.main.text)) for cell in texts), default=0)
    if not longest:
        return texts
    padded = []
    for cell in texts:
        text, tone = cell.main
        if text:
            unit = _unit(text)
            number = text[: len(text) - len(unit)]
            text = number + (unit.rjust(longest) if unit else " " * longest)
        padded.append(_cellful(Piece(text, tone), cell.before, cell.behind))
    return padded


def _unit(text: str) -> str:
    """ " MiB" of "1.11 MiB"; "" of a bare number."""
    number, blank, unit = text.rpartition(" ")
    return f"{blank}{unit}" if number and unit.isalpha() else ""


def _fitted(cell: Cellful, column: Column, width: int) -> list[Piece]:
    """The pieces of a cell in exactly `width` columns."""
    if cell.width <= width:
        rest = Piece(" " * (width - cell.width))
        pieces = [Piece(cell.before, "dim"), cell.main, Piece(cell.behind, "dim")]
        return [rest, *pieces] if column.right else [*pieces, rest]
    if column.kind != "name":
        # What follows the text, "(shared with ...)", is shortened first.
        main = cut(cell.main.text, width)
        behind = cut(cell.behind, width - width_of(main))
        blank = " " * (width - width_of(main) - width_of(behind))
        return [cell.main._replace(text=main), Piece(behind + blank, "dim")]
    before = cut(cell.before, max(0, width - 6))
    behind = cut(cell.behind, max(0, width - width_of(before) - 6))
    left = width - width_of(before) - width_of(behind)
    shorten = cut if cell.main.text.startswith("(") else cut_middle
    name = pad(shorten(cell.main.text, left), left, right=False)
    return [Piece(before, "dim"), cell.main._replace(text=name), Piece(behind, "dim")]
