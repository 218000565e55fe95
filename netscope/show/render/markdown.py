"""A GitHub-flavoured Markdown table, for a pull request or a README."""

from __future__ import annotations

import re
from typing import Final, TextIO

from netscope.base import units
from netscope.show.columns import Column
from netscope.show.render.summary import STATES, cell_text, facts, header, remarks, short, suffix
from netscope.show.render.text import visible
from netscope.show.table import Row, Table

# What Markdown, or the HTML inside it, would take for its own.
_SPECIAL: Final = re.compile(r"([\\`*_\[\]|~#])")


def render(
    table: Table,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """The header, the rows and the facts below them."""
    lines = [_header(table), "", *row_lines(table), ""]
    for fact in facts(table):
        note = f" ({escape(fact.note)})" if fact.note else ""
        lines.append(f"- {escape(fact.label)}: **{escape(fact.value)}**{note}")
    lines += [f"- {escape(text)}" for text, _ in remarks(table)]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text that reads as itself in a table's cell."""
    text = _SPECIAL.sub(r"\\\1", visible(text))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """A name as code, fenced by more backticks than it holds; a bar needs its backslash even there."""
    text = visible(text).replace("|", r"\|")
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    blank = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{fence}{blank}{text}{blank}{fence}"


def _header(table: Table) -> str:
    (name, _), *rest = header(table.report)
    return " · ".join([f"**{escape(name)}**", *(escape(text) for text, _ in rest)])


def row_lines(table: Table) -> list[str]:
    """The heading and a line for each row."""
    lines = [
        _line([escape(column.title) for column in table.columns]),
        _line(["---:" if column.right else "---" for column in table.columns]),
    ]
    lines += [_line([_cell(table, row, column) for column in table.columns]) for row in table.body]
    return lines


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(table: Table, row: Row, column: Column) -> str:
    if column.key == "path":
        return code(short(row.path or "(root)")) + (f" {units.times(row.times)}" if row.times > 1 else "")
    if column.key in ("output_shape", "output_shapes") and row.state:
        return STATES[row.state]
    text = escape(cell_text(column, table.cell(row, column)))
    if column.key == "operator" and row.marks:
        return f"{text} {escape(suffix(row))}"
    return text
