"""What stands on a page of HTML as it is: tables, facts, bars, sentences.

They are written in one of two looks. A document says by classes what things are, and its style sheet how they
look; an element for a page that somebody else wrote brings its style with it. Text takes that page's colours,
so that it reads on light and dark alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape as escape_html
from typing import Final, NamedTuple

from netscope.base import units
from netscope.show.drawing.looks import MONO
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
    Piece,
    Row,
    Section,
    Table,
    Title,
    Tone,
)
from netscope.show.strings import short, visible

# Pixels that one level of nesting moves a name to the right, and the deepest level that still does.
_INDENT: Final = 14
_DEEPEST: Final = 12
# Pixels that the whole of a bar takes.
_WHOLE: Final = 240


class Look(NamedTuple):
    """How a thing looks.

    styles:
        {what it is: its style}; None where a style sheet says so by classes.
    """

    styles: Mapping[str, str] | None

    def of(self, *whats: str, style: str = "") -> str:
        """The attributes of a thing that is all that, with a style of its own; blanks are left out."""
        named = [what for what in whats if what]
        if self.styles is None:
            classes = f' class="{" ".join(named)}"' if named else ""
            return classes + (f' style="{style}"' if style else "")
        found = ";".join(filter(None, [*(self.styles[what] for what in named), style]))
        return f' style="{found}"' if found else ""


_CELL: Final = "padding:1px 10px;border:0;background:transparent"

INLINE: Final = Look(
    {
        "rows": "border-collapse:collapse;font:12px/1.5 " + MONO.replace('"', "'") + ";"
        "font-variant-numeric:tabular-nums;color:inherit;background:transparent;margin-bottom:8px",
        "cell": f"{_CELL};white-space:nowrap;text-align:left",
        "figure": f"{_CELL};white-space:nowrap;text-align:right",
        "sentence": f"{_CELL};white-space:normal;text-align:left",
        "heading": "border-bottom:1px solid rgba(128,128,128,.35)",
        "dim": "opacity:.55",
        "lead": "padding:4px 10px",
        "title": "margin-top:8px",
        "note": "padding:1px 10px",
        "bar": "display:inline-block;height:.7em;background:currentColor;opacity:.6",
        # A page of one's own has colours for these.
        "accent": "",
        "added": "",
        "warn": "",
        "bad": "",
    }
)
CLASSES: Final = Look(None)


def escape(text: str) -> str:
    """Text that reads as itself."""
    return escape_html(visible(text))


def sections(found: Iterable[Section], look: Look) -> str:
    """One after the other; pictures are left out."""
    return "".join(text for one in found for text in section(one, look))


def section(one: Section, look: Look) -> Iterator[str]:
    """What stands for one of them."""
    match one:
        case Table():
            yield table(one, look)
        case Layers(rows):
            yield table(rows, look)
        case Facts(items):
            yield _rows(
                look,
                (
                    [_td(look, label, "cell", "dim"), _bold(look, value, tone),
                     _td(look, note, "sentence", "dim")]
                    for label, value, note, tone in items
                ),
            )  # fmt: skip
        case Bars(_, items):
            yield _rows(
                look,
                (
                    [_td(look, bar.label, "cell", "dim"), _bar(look, bar.share, bar.tone),
                     _td(look, units.percent(bar.share), "figure"), _td(look, bar.value, "figure"),
                     _td(look, bar.note, "sentence", "dim")]
                    for bar in items
                ),
            )  # fmt: skip
        case Derivations(items):
            yield _rows(
                look,
                (
                    [_td(look, step.label, "cell", "dim"), _td(look, step.formula),
                     _bold(look, step.value),
                     _td(look, step.note, "sentence", "dim")]
                    for step in items
                ),
            )  # fmt: skip
        case Listing(items):
            yield _div(look, ", ".join(map(escape, items)))
        case Notes(items):
            yield from (_div(look, escape(f"{note.mark}{note.text}"), note.tone) for note in items)
        case Title(pieces):
            yield f"<div{look.of('lead', 'title')}>{joined(pieces)}</div>\n"
        case Folded(title, inner):
            opened = "" if one.aside else " open"
            summary = f"<summary{look.of('note')}>{escape(title)}</summary>"
            yield f"<details{opened}>{summary}\n{sections(inner, look)}</details>\n"


def joined(pieces: Sequence[Piece]) -> str:
    """Pieces with dots between them."""
    return " · ".join(_toned(escape(text), tone) for text, tone in pieces)


def table(found: Table, look: Look) -> str:
    """Rows under headings; what only draws other cells out is left out."""
    shown = [heading for heading in found.headings if not heading.spare]
    head = "".join(
        _td(look, heading.title, "figure" if heading.right else "cell", "dim", "heading", tag="th")
        for heading in shown
    )
    body = "\n".join(_row(look, found.headings, row) for row in found.rows)
    titled = f"<thead><tr>{head}</tr></thead>" if any(heading.title for heading in shown) else ""
    return f"<table{look.of('rows')}>{titled}<tbody>\n{body}\n</tbody></table>\n"


def _row(look: Look, headings: Sequence[Heading], row: Row) -> str:
    both = zip(headings, row.cells, strict=True)
    cells = [_cell(look, heading, cell) for heading, cell in both if not heading.spare]
    attributes = look.of("sentence", "dim")
    below = f'\n<tr><td colspan="{len(headings)}"{attributes}>{escape(row.note)}</td></tr>'
    return f"<tr>{''.join(cells)}</tr>{below if row.note else ''}"


def _cell(look: Look, heading: Heading, cell: Cell) -> str:
    seen = cell.seen if heading.name else cell
    text = short(seen.text) if heading.name else visible(seen.text)
    html = _toned(escape_html(text), seen.tone)
    html += escape(seen.remark)
    indent = f"padding-left:{10 + _INDENT * min(len(seen.lasts), _DEEPEST)}px" if seen.lasts else ""
    kind = "figure" if heading.right else "sentence" if heading.wraps else "cell"
    return _td(look, html, kind, seen.tone if seen.tone != "title" else "", html=True, style=indent)


def _toned(html: str, tone: Tone) -> str:
    return f"<b>{html}</b>" if tone in ("title", "accent", "bad") and html else html


def _bar(look: Look, share: float, tone: Tone) -> str:
    attributes = look.of("bar", tone if tone != "dim" else "", style=f"width:{_WHOLE * share:.0f}px")
    return _td(look, f"<span{attributes}></span>", html=True)


def _bold(look: Look, text: str, tone: Tone = "") -> str:
    return _td(look, f"<b>{escape(text)}</b>", "figure", tone, html=True)


def _rows(look: Look, rows: Iterable[Sequence[str]]) -> str:
    body = "".join(f"<tr>{''.join(cells)}</tr>\n" for cells in rows)
    return f"<table{look.of('rows')}><tbody>{body}</tbody></table>\n"


def _td(
    look: Look,
    text: str,
    kind: str = "cell",
    *whats: str,
    tag: str = "td",
    html: bool = False,
    style: str = "",
) -> str:
    inner = text if html else escape(text)
    if look.styles is None and kind == "cell":
        kind = ""  # what most cells are needs no class
    return f"<{tag}{look.of(kind, *whats, style=style)}>{inner}</{tag}>"


def _div(look: Look, html: str, tone: Tone = "") -> str:
    return f"<div{look.of('note', tone if tone != 'title' else '')}>{html}</div>\n"
