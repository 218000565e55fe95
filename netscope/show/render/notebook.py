"""A report as a small HTML table, for a notebook: no script, no colour of its own but one.

Text takes the page's colours, so it reads on light and dark alike.
"""

from __future__ import annotations

from html import escape
from typing import Final, TextIO

from netscope.base import units
from netscope.show.columns import Column
from netscope.show.render.profile import words
from netscope.show.render.summary import STATES, cell_text, facts, header, remarks, short, suffix
from netscope.show.table import Row, Table

STYLE: Final = (
    "border-collapse:collapse;font:12px/1.5 ui-monospace,Menlo,Consolas,monospace;"
    "font-variant-numeric:tabular-nums;color:inherit;background:transparent"
)
CELL: Final = "padding:1px 10px;border:0;white-space:nowrap;background:transparent;text-align:"
DIM: Final = "opacity:.55;"
LINE: Final = "border-bottom:1px solid rgba(128,128,128,.35);"

# Pixels that one level of nesting moves a name to the right, and the deepest level that still does.
INDENT: Final = 14
DEEPEST: Final = 12


def render(
    table: Table,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """The header, the rows and the facts below them, of a profile above them, as one element."""
    machine = table.report.knows_machine
    (name, _), *rest = words.pieces(table.report) if machine else header(table.report)
    title = " · ".join([f"<b>{escape(name)}</b>", *(escape(text) for text, _ in rest)])
    head = "".join(
        f'<th style="{CELL}{_align(column)};{LINE}{DIM}">{escape(column.title)}</th>'
        for column in table.columns
    )
    body = "\n".join(_row(table, row) for row in table.body)
    below = "".join(
        f'<tr><td style="{DIM}{CELL}left">{escape(label)}</td>'
        f'<td style="{CELL}right"><b>{escape(value)}</b></td>'
        f'<td style="{DIM}{CELL}left">{escape(note)}</td></tr>'
        for label, value, note, _ in (words.facts(table.report) if machine else facts(table))
    )
    said = words.said_of(table.report) if machine else remarks(table)
    ends = "".join(f'<div style="padding:1px 10px">{escape(text)}</div>' for text, _ in said)
    rows = f"<thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody>"
    figures = f"<tbody>{below}</tbody>"
    # Of a measurement the figures are what is wanted first.
    first, second = (figures, rows) if machine else (rows, figures)
    return (
        f'<div style="overflow-x:auto"><div style="padding:4px 10px">{title}</div>\n'
        f'<table style="{STYLE}">{first}</table>\n'
        f'<table style="{STYLE};margin-top:8px">{second}</table>{ends}</div>\n'
    )


def _align(column: Column) -> str:
    return "right" if column.right else "left"


def _row(table: Table, row: Row) -> str:
    dim = DIM if row.expanded or row.state in ("uncalled", "unreached") else ""
    cells = []
    for column in table.columns:
        style = f"{CELL}{_align(column)}"
        if column.key == "path":
            style += f";padding-left:{10 + INDENT * min(len(row.lasts), DEEPEST)}px"
        cells.append(f'<td style="{dim}{style}">{escape(_text(table, row, column))}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def _text(table: Table, row: Row, column: Column) -> str:
    if column.key == "path":
        return short(row.label) + (f" {units.times(row.times)}" if row.heads_run else "")
    if column.key in ("output_shape", "output_shapes") and row.state:
        return STATES[row.state]
    text = cell_text(column, table.cell(row, column))
    return f"{text} {suffix(row)}" if column.key == "operator" and row.marks else text
