"""HTML that needs nothing else: no script, and no colour of its own but one.

Text takes the page's colours, so that it reads on light and dark alike. A notebook shows the element alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape as escape_html
from typing import Final

from netscope.base import units
from netscope.show.page import (
    Bars,
    Cell,
    Derivations,
    Facts,
    Folded,
    Heading,
    Layers,
    Listing,
    Notes,
    Page,
    Piece,
    Row,
    Section,
    Table,
    Title,
    Tone,
)
from netscope.show.screen import Screen
from netscope.show.strings import short, visible

SUFFIXES: Final = (".html", ".htm")
HELP: Final = "one page for a browser, without scripts"

_TABLE: Final = (
    "border-collapse:collapse;font:12px/1.5 ui-monospace,Menlo,Consolas,monospace;"
    "font-variant-numeric:tabular-nums;color:inherit;background:transparent;margin-bottom:8px"
)
_CELL: Final = "padding:1px 10px;border:0;white-space:nowrap;background:transparent;text-align:"
_SENTENCE: Final = "padding:1px 10px;border:0;white-space:normal;background:transparent;text-align:"
_DIM: Final = "opacity:.55;"
_LINE: Final = "border-bottom:1px solid rgba(128,128,128,.35);"
_LEAD: Final = "padding:4px 10px"
_NOTE: Final = "padding:1px 10px"
_BAR: Final = "display:inline-block;height:.7em;background:currentColor;opacity:.6;width:"

# Pixels that one level of nesting moves a name to the right, and the deepest level that still does.
_INDENT: Final = 14
_DEEPEST: Final = 12
# Pixels that the whole of a bar takes.
_WHOLE: Final = 240

_DOCUMENT: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>body {{ font: 14px/1.5 system-ui, sans-serif; margin: 12px }}</style>
</head>
<body>
{body}</body>
</html>
"""


def lower(page: Page, screen: Screen) -> str:
    """A whole document, which may load nothing."""
    return _DOCUMENT.format(title=escape(f"{page.title} · netscope"), body=fragment(page))


def fragment(page: Page) -> str:
    """The page as one element."""
    head = f'<div style="{_LEAD}">{_joined(page.head)}</div>\n' if page.head else ""
    return f'<div style="overflow-x:auto">{head}{_all(page.sections())}</div>\n'


def escape(text: str) -> str:
    """Text that reads as itself."""
    return escape_html(visible(text))


def _all(sections: Iterable[Section]) -> str:
    return "".join(text for section in sections for text in _section(section))


def _section(section: Section) -> Iterator[str]:
    match section:
        case Table():
            yield _table(section)
        case Layers(table):
            yield _table(table)
        case Facts(items):
            yield _rows(
                [_td(label, dim=True), _td(value, right=True, bold=True), _td(note, dim=True, wraps=True)]
                for label, value, note, _ in items
            )
        case Bars(_, items):
            yield _rows(
                [_td(bar.label, dim=True), _td_of(f'<span style="{_BAR}{_WHOLE * bar.share:.0f}px"></span>'),
                 _td(units.percent(bar.share), right=True), _td(bar.value, right=True),
                 _td(bar.note, dim=True, wraps=True)]
                for bar in items
            )  # fmt: skip
        case Derivations(items):
            yield _rows(
                [_td(step.label, dim=True), _td(step.formula), _td(step.value, right=True, bold=True),
                 _td(step.note, dim=True, wraps=True)]
                for step in items
            )  # fmt: skip
        case Listing(items):
            yield _div(", ".join(map(escape, items)))
        case Notes(items):
            yield from (_div(escape(f"{note.mark}{note.text}")) for note in items)
        case Title(pieces):
            yield f'<div style="{_LEAD};margin-top:8px">{_joined(pieces)}</div>\n'
        case Folded(title, sections):
            opened = "" if section.aside else " open"
            summary = f'<summary style="{_NOTE}">{escape(title)}</summary>'
            yield f"<details{opened}>{summary}\n{_all(sections)}</details>\n"


def _joined(pieces: Sequence[Piece]) -> str:
    return " · ".join(_toned(escape(text), tone) for text, tone in pieces)


def _toned(html: str, tone: Tone) -> str:
    return f"<b>{html}</b>" if tone in ("title", "accent", "bad") and html else html


def _table(table: Table) -> str:
    shown = [heading for heading in table.headings if not heading.spare]
    head = "".join(_td(heading.title, right=heading.right, dim=True, tag="th") for heading in shown)
    body = "\n".join(_row(table.headings, row) for row in table.rows)
    titled = f"<thead><tr>{head}</tr></thead>" if any(heading.title for heading in shown) else ""
    return f'<table style="{_TABLE}">{titled}<tbody>\n{body}\n</tbody></table>\n'


def _row(headings: Sequence[Heading], row: Row) -> str:
    both = zip(headings, row.cells, strict=True)
    cells = [_cell(heading, cell) for heading, cell in both if not heading.spare]
    below = f'\n<tr><td colspan="{len(headings)}" style="{_DIM}{_SENTENCE}left">{escape(row.note)}</td></tr>'
    return f"<tr>{''.join(cells)}</tr>{below if row.note else ''}"


def _cell(heading: Heading, cell: Cell) -> str:
    seen = cell.seen if heading.name else cell
    text = short(seen.text) if heading.name else visible(seen.text)
    html = _toned(escape_html(text), seen.tone)
    html += escape(seen.remark)
    indent = f";padding-left:{10 + _INDENT * min(len(seen.lasts), _DEEPEST)}px" if seen.lasts else ""
    return _td_of(html, right=heading.right, dim=seen.tone == "dim", wraps=heading.wraps, style=indent)


def _rows(rows: Iterable[Sequence[str]]) -> str:
    body = "".join(f"<tr>{''.join(cells)}</tr>\n" for cells in rows)
    return f'<table style="{_TABLE}"><tbody>{body}</tbody></table>\n'


def _td(
    text: str,
    *,
    right: bool = False,
    dim: bool = False,
    bold: bool = False,
    wraps: bool = False,
    tag: str = "td",
) -> str:
    html = f"<b>{escape(text)}</b>" if bold else escape(text)
    return _td_of(html, right=right, dim=dim, wraps=wraps, tag=tag, style=f";{_LINE}" if tag == "th" else "")


def _td_of(
    html: str,
    *,
    right: bool = False,
    dim: bool = False,
    wraps: bool = False,
    tag: str = "td",
    style: str = "",
) -> str:
    side = "right" if right else "left"
    return f'<{tag} style="{_DIM if dim else ""}{_SENTENCE if wraps else _CELL}{side}{style}">{html}</{tag}>'


def _div(html: str) -> str:
    return f'<div style="{_NOTE}">{html}</div>\n'
