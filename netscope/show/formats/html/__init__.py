"""One page for a browser that needs nothing else: it opens from an e-mail, and loads nothing.

What can be drawn, opened, sorted and searched is made by the script in `assets`, which is part of the page;
the rest stands there without it (`static`). A content security policy lets no other script run, and nothing
ask the network. The answer itself is in the page too, as the JSON of `netscope.show.formats.json`.

A notebook shows the element alone, without a script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from html import escape as escape_html
from importlib.resources import files
from typing import Any, Final

from netscope.base import collector
from netscope.base.errors import MissingExtraError
from netscope.report.store.writing import text_of
from netscope.show.formats.html import data, static
from netscope.show.formats.html.static import CLASSES, INLINE, escape
from netscope.show.page import (
    Bars,
    Difference,
    Facts,
    Folded,
    Layers,
    Network,
    Note,
    Notes,
    Page,
    Plot,
    Section,
    Table,
)
from netscope.show.screen import Screen
from netscope.show.strings import visible

__all__ = ["HELP", "SUFFIXES", "escape", "fragment", "lower"]

SUFFIXES: Final = (".html", ".htm")
HELP: Final = "one page for a browser, which loads nothing"

# The script's files, in the order in which they follow each other.
_SCRIPTS: Final = (
    "base data place selection panel table canvas scene network difference map plots page".split()
)
# Characters of JSON that stand in the page as they are; what has more is compressed.
_MOST_ANSWER: Final = 1_000_000
_MOST_DATA: Final = 2_000_000
# Rows of a table for who has no script.
_MOST_ROWS: Final = 1000

_DOCUMENT: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<header class="top">
{head}</header>
<main>
{body}</main>
<footer>made by netscope, without a network</footer>
{data}<script>{script}</script>
</body>
</html>
"""


def lower(page: Page, screen: Screen) -> str:
    """A whole document, which may load nothing."""
    # What is made lives until the page is written: walking it in between is half of a large page's time.
    with collector.paused():
        document = page.document()
        answer = data.script("answer", text_of(document.values, document.rows), _MOST_ANSWER)
        return _whole(page, _Parts(_MOST_DATA), answer)


def framed(page: Page) -> str:
    """The same for a frame in another page, as short as can be: its data packed, its answer left out."""
    return _whole(page, _Parts(0), "")


def _whole(page: Page, parts: _Parts, answer: str) -> str:
    script, style = _assets()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    body = "".join(parts.written(_ordered(page.sections())))
    return _DOCUMENT.format(
        policy=policy,
        title=escape(f"{page.title} · netscope"),
        style=style,
        head=_head(page),
        body=body,
        data=answer + "".join(parts.scripts),
        script=script,
    )


def fragment(page: Page) -> str:
    """The page as one element."""
    head = f"<div{INLINE.of('lead')}>{static.joined(page.head)}</div>\n" if page.head else ""
    return f'<div style="overflow-x:auto">{head}{static.sections(page.sections(), INLINE)}</div>\n'


@cache
def _assets() -> tuple[str, str]:
    """The script and the style sheet."""
    folder = files(__package__) / "assets"
    parts = [(folder / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS]
    script = '\n(function () {\n"use strict";\n' + "\n".join(parts) + "})();\n"
    return script, (folder / "page.css").read_text(encoding="utf-8")


def _head(page: Page) -> str:
    if not page.head:
        return f"<h1>{escape(page.title)}</h1>\n"
    first, *rest = page.head
    below = f"<p>{static.joined(rest)}</p>\n" if rest else ""
    return f"<h1>{escape(first.text)}</h1>\n{below}"


def _ordered(sections: Iterable[Section]) -> list[Section]:
    """What failed first, then totals, then the rows: on a terminal both stand below the rows, to be seen.

    That is for pages with a network's picture; others have their order.
    """
    found = list(sections)
    first = next((number for number, one in enumerate(found) if isinstance(one, Facts)), 0)
    if not all(isinstance(one, (Layers, Network)) for one in found[:first]):
        return found
    found.insert(0, found.pop(first))
    failures = [note for one in found if isinstance(one, Notes) for note in one.items if note.tone == "bad"]
    if not failures or not any(isinstance(one, Network) for one in found):
        return found
    others = [_without(one, failures) if isinstance(one, Notes) else one for one in found]
    return [Notes(failures), *others]


def _without(notes: Notes, those: Sequence[Note]) -> Notes:
    return notes._replace(items=[note for note in notes.items if note not in those])


class _Parts:
    """The sections of a document, and the data of those that the script makes."""

    def __init__(self, most: int) -> None:
        self.scripts: list[str] = []
        # Characters of data that are not packed. Where all are, the page is to be short.
        self._most = most

    def written(self, sections: Sequence[Section]) -> Iterator[str]:
        """A network and the rows of it are one part, in which they stand beside each other."""
        waiting = [one for one in sections if not (isinstance(one, Notes) and one.drawn)]
        while waiting:
            one = waiting.pop(0)
            beside = waiting[0] if waiting else None
            if isinstance(one, Network) and isinstance(beside, Layers):
                waiting.pop(0)
                yield f'<div class="work">\n{"".join([*self._network(one), *self._layers(beside)])}</div>\n'
                one = beside
            elif isinstance(one, Plot):
                plots = [one, *_taken(waiting)]
                yield '<div class="plots">\n'
                yield from (f'<figure class="plot">{_svg(plot)}</figure>\n' for plot in plots)
                yield "</div>\n"
            else:
                yield from self._section(one)
            # Nothing of a table was left out here, whatever is said of it.
            if isinstance(one, Layers) and waiting and _is_hint(waiting[0]):
                waiting.pop(0)

    def _section(self, one: Section) -> Iterator[str]:
        match one:
            case Network():
                yield from self._network(one)
            case Layers():
                yield from self._layers(one)
            case Difference():
                yield from self._made("difference", "Both networks", lambda: _difference(one))
            case Facts():
                yield _facts(one)
            case Bars(title):
                yield _block(one, f"<h2>{escape(title)}</h2>\n")
            case Folded(title, sections):
                opened = "" if one.aside else " open"
                yield f'<details class="block"{opened}><summary>{escape(title)}</summary>\n'
                yield from self.written(sections)
                yield "</details>\n"
            case _:
                yield _block(one)

    def _network(self, one: Network) -> Iterator[str]:
        def made() -> Any:
            drawing = one.drawing()
            return None if drawing is None else data.of_drawing(drawing)

        yield from self._made("network", "Network", made)

    def _layers(self, one: Layers) -> Iterator[str]:
        if not self._most:
            yield from self._made("layers", "Layers", lambda: data.of_grid(one.grid()))
            return
        plain = static.table(_first(one.table), CLASSES)
        left = len(one.table.rows) - _MOST_ROWS
        more = f"<p>and {left:,} rows more, which a script shows</p>\n" if left > 0 else ""
        yield from self._made(
            "layers", "Layers", lambda: data.of_grid(one.grid()), f"<noscript>\n{plain}{more}</noscript>\n"
        )

    def _made(self, kind: str, label: str, make: Callable[[], Any], without: str = "") -> Iterator[str]:
        """The place of a part that the script makes, its data, and what stands there without a script."""
        try:
            made = make()
        except MissingExtraError as error:
            hint = f" {error.hint}" if error.hint else ""
            yield f'<div class="block missing">{escape(f"{error}{hint}")}</div>\n'
            return
        if made is None:
            return
        name = f"{kind}-{len(self.scripts) + 1}"
        self.scripts.append(data.script(name, data.dumped(made), self._most))
        yield f'<section class="part {kind}" data-from="{name}" aria-label="{label}">{without}</section>\n'


def _block(one: Section, title: str = "") -> str:
    """What stands there as it is; sentences may belong to what is before them."""
    close = " close" if isinstance(one, Notes) and one.close else ""
    return f'<div class="block{close}">\n{title}{static.sections([one], CLASSES)}</div>\n'


def _is_hint(one: Section) -> bool:
    """Whether it only says what to type to see more of the rows."""
    return isinstance(one, Notes) and one.close and all(note.hint for note in one.items)


def _taken(waiting: list[Section]) -> Iterator[Plot]:
    """Plots that come first; they leave the list."""
    while waiting and isinstance(plot := waiting[0], Plot):
        waiting.pop(0)
        yield plot


def _first(table: Table) -> Table:
    return table if len(table.rows) <= _MOST_ROWS else table._replace(rows=table.rows[:_MOST_ROWS])


def _difference(one: Difference) -> Any:
    drawn = one.drawing()
    return None if drawn is None else data.of_difference(drawn)


def _svg(plot: Plot) -> str:
    from netscope.show.drawing.plot import svg_of  # few pages have curves

    return svg_of(plot)


def _facts(facts: Facts) -> str:
    """A card each."""
    cards = []
    for label, value, note, tone in facts.items:
        below = f"<dd>{escape(note)}</dd>" if note else ""
        cards.append(
            f"<div{CLASSES.of(tone)}><dt>{escape(label)}</dt><dd><b>{escape_html(visible(value))}</b></dd>{below}</div>\n"
        )
    return f'<dl class="facts">\n{"".join(cards)}</dl>\n'
