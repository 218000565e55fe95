"""The table that people see on a terminal.

Width. A terminal gets at most its own width and never more than 160 columns; off a terminal, lines have
their natural width. `fit` says which columns leave a table that is too wide; a line below the table names
them. No cell is ever wrapped.

Lines are put together by hand: a rich table needs 40 ms to import and seconds for thousands of rows.
rich still says how wide a character is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TextIO

from netscope.base import units
from netscope.show.columns import BY_KEY, Column
from netscope.show.render.cells import Cell, Laid, branches, cell, joined_by_dots, laid_out, on_units
from netscope.show.render.fit import GAP, Heading
from netscope.show.render.paint import Piece, painted, room_for, wants_color
from netscope.show.render.summary import STATES, Fact, Tone, cell_text, facts, header, remarks, short, suffix
from netscope.show.render.text import broken, cut, cut_middle, encoding_of, for_encoding, pad, width_of
from netscope.show.table import Row, Table

# Rows from this share of the MACs, or of the params, on are the few that matter.
HEAVY: Final = 0.1

# Longest text of a cell at natural width.
CELL: Final = 44


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
    laid = rows_laid_out(table, room, encoding)
    lines = [*joined_by_dots(header(table.report), room), [], laid.head, *laid.body, []]
    lines += fact_lines(facts(table), room)
    if laid.left_out:
        titles = ", ".join(dict.fromkeys(heading.title for heading in laid.left_out))
        lines.append([Piece(f"not shown, for want of width: {titles}", "dim")])
    lines += [[Piece(text, tone)] for text, tone in remarks(table)]
    coloured = wants_color(stream) if color is None else color
    return "".join(painted(line, coloured, encoding) for line in lines)


def fact_lines(found: Sequence[Fact], room: int | None) -> list[list[Piece]]:
    """Label, figure and note in three columns; a long note goes on below itself."""
    label_width = max(width_of(fact.label) for fact in found)
    value_width = max(width_of(fact.value) for fact in found)
    indent = label_width + value_width + 2 * len(GAP)
    lines: list[list[Piece]] = []
    for fact in found:
        notes = [fact.note]
        tone: Tone = "warn" if fact.tone == "warn" else "dim"
        if room is not None and fact.note:
            notes = broken(fact.note, max(12, room - indent))
        lines.append(
            [
                Piece(pad(fact.label, label_width, right=False) + GAP, "dim"),
                Piece(pad(fact.value, value_width, right=True) + GAP, fact.tone),
                Piece(notes[0], tone),
            ]
        )
        lines += [[Piece(" " * indent + note, tone)] for note in notes[1:]]
    return lines


def rows_laid_out(table: Table, room: int | None, encoding: str) -> Laid:
    """The heading and the rows, and the columns that had to go."""
    cells = [[_cell(table, row, column, encoding) for row in table.body] for column in table.columns]
    headings = [
        Heading(
            c.title,
            c.right,
            c.drop,
            _told_apart(texts, c.floor, room) if c.key == "path" else c.floor,
            c.kind == "name",
        )
        for c, texts in zip(table.columns, cells, strict=True)
    ]
    aligned = [on_units(c) if heading.right else c for heading, c in zip(headings, cells, strict=True)]
    return laid_out(headings, aligned, room)


def _told_apart(names: Sequence[Cell], floor: int, room: int | None) -> int:
    """The width from `floor` on at which no two names are shortened to the same; half of the room at most."""
    whole = {(name.before, name.main.text) for name in names}
    widest = floor if room is None else max(floor, room // 2)

    def shortened(width: int) -> set[tuple[str, str]]:
        return {(before, cut_middle(text, max(1, width - width_of(before)))) for before, text in whole}

    return next((width for width in range(floor, widest) if len(shortened(width)) == len(whole)), widest)


def _cell(table: Table, row: Row, column: Column, encoding: str) -> Cell:
    """What a row shows in a column."""
    if column.key == "path":
        return _layer(row, encoding)
    tone: Tone = "dim" if row.expanded or row.state in ("uncalled", "unreached") else ""
    if column.key in ("output_shapes", "output_shape"):
        return cell(*_output(row, column, table, tone))
    raw = table.cell(row, column)
    text = for_encoding(cell_text(column, raw), encoding)
    if raw.mark == "bound":
        tone = "warn"
    elif raw.mark == "shared":
        tone = "dim"
    elif column.own is not None:
        if (not row.layer.outputs and text == column.zero) or (row.expanded and text == "·"):
            text = ""
        tone = "accent" if _heavy(table, row, column) else "dim" if text == column.zero else ""
    behind = f" {suffix(row)}" if column.key == "operator" and row.marks else ""
    return cell(cut(text, CELL), tone, behind=for_encoding(behind, encoding))


def _heavy(table: Table, row: Row, column: Column) -> bool:
    """Whether the row is one of the few that hold most of what the column counts."""
    if column.key in ("time", "time_share", "bound", "bound_share"):
        share = BY_KEY["time_share" if column.key.startswith("time") else "bound_share"]
        return (table.cell(row, share).value or 0) >= HEAVY
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


def _layer(row: Row, encoding: str) -> Cell:
    """Branches, name and ×12."""
    behind = f" {units.times(row.times)}" if row.heads_run else ""
    tone: Tone = "dim" if row.state in ("uncalled", "unreached") or row.layer.kind == "functional" else ""
    if row.state == "raised":
        tone = "bad"
    return cell(
        for_encoding(short(row.label), encoding),
        tone,
        before=for_encoding(branches(row.lasts), encoding),
        behind=for_encoding(behind, encoding),
    )
