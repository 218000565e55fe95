"""A comparison as text. `VARIANTS_FORMATS` is the one list of forms, the same as those of a report."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape as escape_html
from typing import Final, TextIO

from netscope.answers.diff import Comparison, Variant, document
from netscope.base import units
from netscope.base.units import TOTAL
from netscope.report.quantities import QUANTITIES, Number, Quantity, find
from netscope.report.store import documents
from netscope.show.render.cells import Cell, cell, laid_out, on_units
from netscope.show.render.figures import number_text
from netscope.show.render.fit import Heading
from netscope.show.render.markdown import code, escape
from netscope.show.render.notebook import CELL, DIM, LINE, STYLE
from netscope.show.render.paint import Piece, painted, room_for, wants_color
from netscope.show.render.renderer import Render
from netscope.show.render.summary import Tone, leaves, short
from netscope.show.render.text import cut, encoding_of, for_encoding, visible

# Longest error in a table; data formats carry it all.
ERROR: Final = 200

# Columns of a printed comparison.
WIDTH: Final = 100


@dataclass(frozen=True, slots=True)
class Board:
    """A comparison, the order in which its networks are shown, and which of their quantities."""

    comparison: Comparison
    variants: tuple[Variant, ...]
    quantities: tuple[Quantity, ...]

    def is_least(self, variant: Variant, quantity: Quantity) -> bool:
        """Whether it alone has the smallest figure."""
        value = variant.quantities.get(quantity.key)
        known = [v for one in self.comparison if (v := one.quantities.get(quantity.key)) is not None]
        return value is not None and len(known) > 1 and value == min(known) and known.count(value) == 1

    def change(self, variant: Variant, quantity: Quantity) -> str:
        """By which part it differs from the first; "" for the first itself."""
        if variant is self.comparison.first:
            return ""
        delta = self.comparison.delta(variant, quantity.key)
        return "" if delta.after is None else units.change(delta.before, delta.after)


def board(comparison: Comparison, columns: Sequence[str] | None = None, sort: str | None = None) -> Board:
    """What of a comparison to show.

    Args:
        columns: keys of `quantities.QUANTITIES`; the main ones that are known without it.
        sort: "name", or a quantity, largest first; failed networks come last.

    Raises:
        UsageError: there is no such quantity.
    """
    variants = comparison.variants if sort is None else tuple(_sorted(comparison, sort))
    if columns is not None:
        return Board(comparison, variants, tuple(dict.fromkeys(map(find, columns))))
    known = {key for one in comparison for key, value in one.quantities.items() if value is not None}
    main = tuple(q for q in QUANTITIES if not q.follows and (q.key in known or q.key in ("params", "macs")))
    return Board(comparison, variants, main)


def _sorted(comparison: Comparison, sort: str) -> list[Variant]:
    """Stable: equals stay in the order in which they were named."""
    if sort == "name":
        return sorted(comparison, key=lambda one: (one.report is None, one.name))
    key = find(sort).key

    def rank(one: Variant) -> tuple[bool, Number]:
        value = one.quantities.get(key)
        return value is None, -(value or 0)

    return sorted(comparison, key=rank)


def to_terminal(
    board: Board, *, width: int | None = None, color: bool | None = None, stream: TextIO | None = None
) -> str:
    """A line each, the smallest figure of each quantity in colour."""
    room, encoding = room_for(width, stream), encoding_of(stream)
    coloured = wants_color(stream) if color is None else color
    several = board.comparison
    names: list[Cell] = []
    inputs: list[Cell] = []
    for one in board.variants:
        tone: Tone = "bad" if one.report is None else "title" if one is several.first else ""
        names.append(cell(for_encoding(short(one.name), encoding), tone))
        said = "✗ failed" if one.report is None else _said(one)
        inputs.append(cell(for_encoding(said, encoding), "bad" if one.report is None else "dim"))
    # What has the same name may differ in its input alone.
    alike = len({one.name for one in board.variants}) < len(board.variants)
    headings = [Heading("model", floor=16, name=True), Heading("input", floor=14, drop=0 if alike else 20)]
    columns = [names, inputs]
    for number, quantity in enumerate(board.quantities):
        figures = [_value(board, one, quantity) for one in board.variants]
        changes = [cell(for_encoding(board.change(one, quantity), encoding), "dim") for one in board.variants]
        headings += [
            Heading(quantity.title, right=True, drop=2 + 2 * number),
            Heading("", right=True, drop=3 + 2 * number),
        ]
        columns += [on_units(figures), changes]
    laid = laid_out(headings, columns, room)
    lines = [laid.head, *laid.body]
    lines += [[]]
    lines += [
        [Piece(f"{short(one.name)}: {_said(one)}", "bad")] for one in board.variants if one.report is None
    ]
    if several.first is not None and len(several) > 1:
        which = f", {_said(several.first)}" if alike else ""
        lines += [[Piece(f"changes are against {short(several.first.name)}{which}", "dim")]]
    return "".join(painted(line, coloured, encoding) for line in lines)


def _value(board: Board, one: Variant, quantity: Quantity) -> Cell:
    if one.report is None:
        return cell()
    tone: Tone = "accent" if board.is_least(one, quantity) else ""
    return cell(_text(one, quantity), tone)


def _text(one: Variant, quantity: Quantity) -> str:
    """The figure, its lower bound where it is not known."""
    if one.report is None:
        return ""
    value = quantity.of_report(one.report)
    if value is None and quantity.at_least is not None:
        return units.at_least(number_text(quantity, quantity.at_least(one.report, one.report.root), TOTAL))
    return number_text(quantity, value, TOTAL)


def _said(one: Variant) -> str:
    """Its input, or why there is none."""
    if one.report is None:
        return visible(cut(f"✗ {' '.join(one.error.split())}", ERROR))
    mode = " train" if one.report.training else ""
    return (leaves(one.report.inputs, most=2) or "none") + mode


def to_markdown(
    board: Board, *, width: int | None = None, color: bool | None = None, stream: TextIO | None = None
) -> str:
    """A table, the smallest figure of each quantity in bold."""
    titles = ["model", "input", *(quantity.title for quantity in board.quantities)]
    lines = [_line(titles), _line(["---", "---", *["---:"] * len(board.quantities)])]
    for one in board.variants:
        cells = [code(short(one.name)), escape(_said(one))]
        for quantity in board.quantities:
            text, change = escape(_text(one, quantity)), escape(board.change(one, quantity))
            text = f"**{text}**" if board.is_least(one, quantity) else text
            cells.append(f"{text} ({change})" if change and one.report else text)
        lines.append(_line(cells))
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def to_csv(
    board: Board, *, width: int | None = None, color: bool | None = None, stream: TextIO | None = None
) -> str:
    """A heading and one line a network, raw."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["schema_version", *document.VARIANT_COLUMNS])
    writer.writerows([documents.SCHEMA_VERSION, *document.variant_values(one)] for one in board.variants)
    return out.getvalue()


def to_json(
    board: Board, *, width: int | None = None, color: bool | None = None, stream: TextIO | None = None
) -> str:
    """Everything, raw, one line a network."""
    return documents.written(document.comparison(Comparison(board.variants)))


VARIANTS_FORMATS: Final[dict[str, Render[Board]]] = {
    "table": to_terminal,
    "markdown": to_markdown,
    "csv": to_csv,
    "json": to_json,
}


def to_text(comparison: Comparison, format: str) -> str:
    """The whole comparison in one of the forms, 100 columns wide and without colour."""
    return VARIANTS_FORMATS[format](board(comparison), width=WIDTH, color=False)


def to_notebook(comparison: Comparison) -> str:
    """A small HTML table."""
    shown = board(comparison)
    titles = ["model", "input", *(quantity.title for quantity in shown.quantities)]
    head = "".join(f'<th style="{CELL}left;{LINE}{DIM}">{escape_html(title)}</th>' for title in titles)
    body = ""
    for one in comparison:
        texts = [short(one.name), _said(one)]
        texts += [f"{_text(one, q)} {shown.change(one, q)}".strip() for q in shown.quantities]
        body += (
            "<tr>" + "".join(f'<td style="{CELL}left">{escape_html(text)}</td>' for text in texts) + "</tr>\n"
        )
    return f'<div style="overflow-x:auto"><table style="{STYLE}"><tr>{head}</tr>\n{body}</table></div>\n'
