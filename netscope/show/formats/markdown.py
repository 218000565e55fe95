"""GitHub-flavoured Markdown, for a pull request or a README.

A page that is a comment begins with a hidden marker, so that the next run finds the comment and writes it
anew; then comes the verdict as a heading, what matters of it, the rest folded away, and the command that
makes it again. A network that is drawn stands folded at the end, as Mermaid.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from netscope.base import collector, units
from netscope.show.formats.mermaid import charts
from netscope.show.page import (
    Bars,
    Cell,
    Comment,
    Derivations,
    Facts,
    Folded,
    Layers,
    Listing,
    Note,
    Notes,
    Page,
    Piece,
    Row,
    Section,
    Table,
    Title,
)
from netscope.show.screen import Screen
from netscope.show.strings import short, visible

SUFFIXES: Final = (".md", ".markdown")
HELP: Final = "for a pull request or a README"

# GitHub takes 65,536 characters of a comment.
LONGEST: Final = 65_000
# Longest command that is shown: a shell takes longer ones, a reader does not.
COMMAND: Final = 1_000

# What Markdown, or the HTML inside it, would take for its own.
_SPECIAL: Final = re.compile(r"([\\`*_\[\]|~#])")


# What is made lives until it is written: walking it in between is as long as making it.
@collector.paused()
def lower(page: Page, screen: Screen) -> str:
    """The head and the sections; of a comment what is folded comes last."""
    said = page.comment.verdict if page.comment is not None else ""
    open_, folded = [], []
    sections = list(page.sections())
    for section in sections:
        if isinstance(section, Folded):
            folded.append(section)
        else:
            open_.append(section)
    told = [said, *(fold.title for fold in folded)]
    lines = [*([_joined(page.head), ""] if page.head else []), *_lines(open_, told)]
    pictures = list(_pictures(sections))
    if page.comment is not None:
        return comment(page.comment, lines, folded, pictures)
    for fold in folded:
        lines += _details(fold.title, _lines(fold.sections, ()))
    for picture in pictures:
        lines += picture
    return "\n".join(lines).rstrip("\n") + "\n"


def _pictures(sections: Iterable[Section]) -> Iterator[list[str]]:
    """Each network and each difference, folded."""
    for chart in charts(sections):
        yield _details("drawn as a graph", ["```mermaid", *chart.splitlines(), "```"])


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


def _joined(pieces: Sequence[Piece]) -> str:
    """Name · source · input, the name in bold."""
    return " · ".join(f"**{escape(text)}**" if tone == "title" else escape(text) for text, tone in pieces)


def _lines(sections: Iterable[Section], told: Sequence[str]) -> list[str]:
    """The sections' lines, an empty one between them; what is `told` elsewhere is not said again."""
    lines: list[str] = []
    for section in sections:
        close = isinstance(section, Notes) and section.close
        found = list(_section(section, told))
        if found:
            lines += ([""] if lines and not (close and _is_list(lines[-1], found[0])) else []) + found
    return lines


def _is_list(before: str, after: str) -> bool:
    """Whether a list goes on."""
    return before.startswith("- ") and after.startswith("- ")


def _section(section: Section, told: Sequence[str]) -> Iterator[str]:
    match section:
        case Table() | Layers():
            yield from _table(section.table if isinstance(section, Layers) else section)
        case Facts(items):
            for fact in items:
                note = f" ({escape(fact.note)})" if fact.note else ""
                yield f"- {escape(fact.label)}: **{escape(fact.value)}**{note}"
        case Bars(title, items):
            yield _line([escape(title), "", ""])
            yield _line(["---", "---:", "---:"])
            for bar in items:
                yield _line([escape(bar.label), units.percent(bar.share), escape(bar.value)])
        case Derivations(items):
            yield from ("| | | | |", "|---|---|---:|---|")
            for step in items:
                formula = code(step.formula) if step.formula else ""
                yield _line([escape(step.label), formula, escape(step.value), escape(step.note)])
        case Listing(items):
            yield from (f"- {code(name)}" for name in items)
        case Notes(items):
            yield from (f"- {escape(note.text)}" for note in items if not _is_told(note, told))
        case Title((first, *rest)):
            name = code(first.text) if first.tone == "title" else escape(first.text)
            yield " · ".join([f"#### {name}", *(escape(text) for text, _ in rest)])
        case Folded(_, sections):  # within another one, which is cut where it must be
            yield from _lines(sections, ())


def _is_told(note: Note, told: Sequence[str]) -> bool:
    return any(one == note.text or one.endswith(f": {note.text}") for one in told)


def _table(table: Table) -> Iterator[str]:
    """Whole paths say what is around a row, and a cell what a column beside it draws out."""
    notes = []
    shown = [place for place, heading in enumerate(table.headings) if not heading.spare]
    headings = [table.headings[place] for place in shown]
    yield _line([escape(heading.title) for heading in headings])
    yield _line(["---:" if heading.right else "---" for heading in headings])
    for row in table.rows:
        if row.around:
            continue
        yield _line([_cell(row.cells[place]) for place in shown])
        if row.note:
            notes.append(f"- {escape(_name_of(row))}: {escape(row.note)}")
    if notes:
        yield from ("", *notes)


def _name_of(row: Row) -> str:
    """The first cell that says more than a mark."""
    return next((cell.text for cell in row.cells if len(cell.text) > 1), "")


def _cell(cell: Cell) -> str:
    text = code(short(cell.text)) if cell.code else escape(cell.text)
    if cell.tone in ("title", "accent", "bad") and not cell.code and len(cell.text) > 1:
        text = f"**{text}**"
    return f"{text}{escape(cell.remark)}".strip()


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _details(title: str, lines: Sequence[str]) -> list[str]:
    """A part that opens on a click. An empty line on either side lets Markdown be read inside of the HTML."""
    summary = f"<summary>{html.escape(visible(title), quote=False)}</summary>"
    return ["", "<details>", summary, "", *lines, "", "</details>"]


# A comment, which has an end


def comment(
    about: Comment,
    lines: Sequence[str],
    folded: Sequence[Folded] = (),
    pictures: Sequence[Sequence[str]] = (),
    *,
    longest: int = LONGEST,
) -> str:
    """The whole text, at most `longest` characters of it.

    What is too much is cut at its end, and a note says so; the folded parts are cut before `lines` are. A
    picture is there as a whole or not at all, and the first to be left out.
    """
    # Two hyphens would end the hidden comment.
    marker = re.sub("-(?=-)", "- ", f"{about.kind} {visible(about.of)}".strip()).replace(">", ")")
    head = [f"<!-- netscope:{marker} -->", f"### {escape(about.verdict)}", ""]
    command = about.command if len(about.command) <= COMMAND else ""
    foot = ["", f"Made by {code(command)}"] if command else []
    room = longest - _size(head) - _size(foot)
    body = _cut(lines, room)
    room -= _size(body)
    for fold in folded:
        around = _details(fold.title, ())
        room -= _size(around)
        inside = _cut(_lines(fold.sections, ()), room) if room > _NOTE else []
        if not inside:
            break
        room -= _size(inside)
        body += _details(fold.title, inside)
    for picture in pictures:
        if _size(picture) <= room:
            room -= _size(picture)
            body += picture
    return "\n".join([*head, *body, *foot]) + "\n"


def _size(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)


# Room for the note that lines were cut.
_NOTE: Final = 80


def _cut(lines: Sequence[str], room: int) -> list[str]:
    """As many of the lines as there is room for, and a note for the others."""
    if _size(lines) <= room:
        return list(lines)
    room -= _NOTE
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    left = units.plural(len(lines) - len(kept), "line")
    return [*kept, "", f"*{left} left out: there is no room.*"]
