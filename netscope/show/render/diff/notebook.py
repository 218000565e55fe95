"""A diff as a small HTML table, for a notebook: no script, and no colour of its own."""

from __future__ import annotations

from html import escape
from typing import TextIO

from netscope.base import units
from netscope.base.units import TOTAL
from netscope.show.diff import Differences, Row, figure_of, total_of
from netscope.show.render.diff.sentences import ending, followers, header, nothing, tally, timed, told
from netscope.show.render.diff.terminal import FOLLOWERS
from netscope.show.render.figures import figure_text
from netscope.show.render.notebook import CELL, DEEPEST, DIM, INDENT, LINE, STYLE
from netscope.show.render.summary import short


def render(
    differences: Differences,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """The header, the totals and the rows, as one element."""
    diff = differences.diff
    (names, _), *rest = header(differences)
    title = " · ".join([f"<b>{escape(names)}</b>", *(escape(text) for text, _ in rest)])
    below = [nothing(diff)] if not diff else [*filter(None, [ending(diff)]), tally(diff)]
    below += [text for text, _ in timed(diff)]
    tables = [_totals(differences), _rows(differences)] if diff else []
    return (
        f'<div style="overflow-x:auto"><div style="padding:4px 10px">{title}</div>\n'
        + "".join(f'<table style="{STYLE};margin-bottom:8px">{table}</table>\n' for table in tables)
        + "".join(f'<div style="padding:1px 10px">{escape(text)}</div>' for text in below)
        + "</div>\n"
    )


def _totals(differences: Differences) -> str:
    lines = []
    for quantity in differences.totals:
        text = figure_text(quantity, total_of(differences.diff, quantity), TOTAL)
        cells = [_cell(quantity.title, DIM), _cell(text.before, right=True), _cell(text.after, right=True)]
        cells += [_cell(text.change or "the same", right=True), _cell(text.percent, right=True)]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<tbody>{''.join(lines)}</tbody>"


def _rows(differences: Differences) -> str:
    titles = [("", False), ("layer", False), ("what changed", False), ("output", False)]
    titles += [(quantity.title, True) for quantity in differences.quantities]
    head = "".join(_cell(title, f"{LINE}{DIM}", right=right) for title, right in titles)
    body = "\n".join(_row(differences, row) for row in differences.rows)
    return f"<thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody>"


def _row(differences: Differences, row: Row) -> str:
    dim = DIM if row.kind in ("same", "around") else ""
    indent = f"padding-left:{10 + INDENT * min(len(row.lasts), DEEPEST)}px;"
    times = f" {units.times(row.times)}" if row.times > 1 else ""
    names = ", ".join([short(row.label) + times, *followers(row, FOLLOWERS)])
    cells = [_cell(row.mark, dim), _cell(names, dim + indent), _cell(told(row, differences), dim)]
    cells.append(_cell(row.output, dim))
    for quantity in differences.quantities:
        text = figure_text(quantity, figure_of(differences.diff, row, quantity))
        shown = text.short if row.has_figures else ""
        cells.append(_cell(shown, dim, right=True))
    return f"<tr>{''.join(cells)}</tr>"


def _cell(text: str, style: str = "", *, right: bool = False) -> str:
    return f'<td style="{CELL}{"right" if right else "left"};{style}">{escape(text)}</td>'
