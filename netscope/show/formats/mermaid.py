"""Mermaid, which GitHub and others draw where it stands in Markdown: a network, or the difference of two.

At most so many boxes are shown, the outermost first. All that an author chose is spelt in Mermaid's own
codes for characters but for letters and digits, so that nothing of it is read as anything but text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from netscope.base.errors import UsageError
from netscope.show.drawing.became import Became, has_failed
from netscope.show.drawing.difference import DrawnDiff
from netscope.show.drawing.drawing import Drawing
from netscope.show.drawing.looks import COLOURS, STATUSES
from netscope.show.drawing.outline import Outline, Scene, outline_of, told
from netscope.show.page import Difference, Folded, Network, Page, Section
from netscope.show.screen import Screen
from netscope.show.strings import short

SUFFIXES: Final = (".mmd", ".mermaid")
HELP: Final = "the network as a flowchart, for Markdown"

# Boxes that are shown; lines and characters that the programs which draw it take without being told to.
MOST: Final = 80
LINES: Final = 450
LONGEST: Final = 45_000
# A box that opens can be left closed, until so few are there.
_FEWEST: Final = 8

# All but letters, digits and what means nothing to Mermaid. It reads Markdown in texts, but draws no lists of
# it, as "+ a" and "1. a" would be, and no code, as what begins with blanks.
_SIGN: Final = re.compile(r"[^A-Za-z0-9 .,/=×·→−…]")
_BEGIN: Final = re.compile(r"^(?P<blank> *)(?P<number>\d+\.(?= |$))?")
# With this letter Mermaid begins what it puts in place of its codes.
_LIGATURE: Final = "\N{LATIN SMALL LIGATURE FL}"

# Kind of box -> what is around its text.
_BOXES: Final = {
    "module": ("[", "]"),
    "run": ("[[", "]]"),
    "operator": ("(", ")"),
    "input": ("([", "])"),
    "output": ("([", "])"),
}


# Status -> how its border is drawn, besides its colour.
_BORDERS: Final = {
    "+": "stroke-width:4px",
    "-": "stroke-width:2px,stroke-dasharray:6 4",
    "~": "stroke-width:3px",
    "=": "stroke-width:1px",
}
_FAILED: Final = f"stroke:{COLOURS['bad'][0]},stroke-width:4px"


def lower(page: Page, screen: Screen) -> str:
    """The first picture of the page.

    Raises:
        UsageError: there is none.
    """
    return next(charts(page.sections()), "") or _none(page)


def _none(page: Page) -> str:
    raise UsageError(
        f"nothing in the answer on {short(page.title)} can be drawn as a network.",
        hint="a summary and a diff can, unless their reports were saved by an older netscope",
    )


def charts(sections: Iterable[Section]) -> Iterator[str]:
    """A flowchart of each network and each difference among the sections."""
    for section in sections:
        match section:
            case Network():
                if (drawing := section.drawing(placed=False)) is not None:
                    yield chart_of(drawing)
            case Difference():
                if (both := section.drawing(placed=False)) is not None:
                    yield chart_of_both(both)
            case Folded(_, inner):
                yield from charts(inner)
            case _:
                pass


def chart_of(drawing: Drawing, most: int = MOST) -> str:
    """A network as a flowchart."""
    return _fitting(lambda boxes: _network(drawing, boxes), most)


def chart_of_both(both: DrawnDiff, most: int = MOST) -> str:
    """A difference: the two networks beside each other."""
    return _fitting(lambda boxes: _difference(both, boxes), most)


def _fitting(made: Callable[[int], tuple[list[str], int]], most: int) -> str:
    """The chart of as many boxes as fit, for a few boxes may have many lines."""
    while True:
        lines, drawn = made(most)
        text = "\n".join(lines) + "\n"
        if most <= _FEWEST or (drawn <= LINES and len(text) <= LONGEST):
            return text
        most = max(most * 3 // 4, _FEWEST)


def _network(drawing: Drawing, most: int) -> tuple[list[str], int]:
    outline = outline_of(drawing, most)
    lines = ["flowchart TD", *_boxes(outline.scene, {}), *_lines(outline)]
    at = [
        box.number
        for box in outline.boxes()
        if box.node is not None and has_failed(drawing, box.node, box.path, box.steps)
    ]
    lines += _class("failed", _FAILED, at)
    return lines, len(outline.lines)


def _difference(both: DrawnDiff, most: int) -> tuple[list[str], int]:
    lines = ["flowchart LR"]
    classes: dict[str, list[int]] = {}
    drawn = first = 0
    sides = (
        ("before", both.before, {p.before: p.status for p in both.pairs if p.before is not None}),
        ("after", both.after, {p.after: p.status for p in both.pairs if p.after is not None}),
    )
    for side, drawing, statuses in sides:
        outline = outline_of(drawing, max(most // 2, 1), first)
        became = Became(drawing, statuses)
        status = {
            box.number: "=" if box.node is None else became.of(box.node, box.path, closed=box.inside is None)
            for box in outline.boxes()
        }
        signs = {number: f"{STATUSES[one].sign} ".lstrip() for number, one in status.items()}
        lines.append(f'  subgraph {side}["{text_of(f"{side}: {drawing.name}")}"]')
        lines += ["    direction TB", *_boxes(outline.scene, signs, 2), *_lines(outline, 2), "  end"]
        for number, one in status.items():
            classes.setdefault(one, []).append(number)
        drawn += len(outline.lines)
        first += len(status)
    lines.append("  before ~~~ after")
    for one, border in _BORDERS.items():
        look = STATUSES[one].look
        style = f"stroke:{COLOURS.get(look, COLOURS['edge'])[0]},{border}"
        lines += _class(look, style, classes.get(one, ()))
    return lines, drawn


def _boxes(scene: Scene, signs: Mapping[int, str], depth: int = 1) -> Iterator[str]:
    """The boxes of a scene, those within an open one between its lines."""
    indent = "  " * depth
    for box in scene.order:
        text = text_of(signs.get(box.number, "") + told(box))
        if box.inside is not None:
            yield f'{indent}subgraph n{box.number}["{text}"]'
            yield from _boxes(box.inside, signs, depth + 1)
            yield f"{indent}end"
        else:
            begin, end = _BOXES["operator" if box.node is None else box.node.kind]
            yield f'{indent}n{box.number}{begin}"{text}"{end}'


def _lines(outline: Outline, depth: int = 1) -> Iterator[str]:
    indent = "  " * depth
    for source, target, text in outline.lines:
        label = f'|"{text_of(text)}"| ' if text else ""
        yield f"{indent}n{source} --> {label}n{target}"


def _class(name: str, looks: str, boxes: Sequence[int]) -> list[str]:
    if not boxes:
        return []
    return [f"  classDef {name} {looks}", f"  class {','.join(f'n{number}' for number in boxes)} {name}"]


def text_of(text: str) -> str:
    """Text that Mermaid shows and does not read, to stand between quotes."""
    plain = short(text).replace(_LIGATURE, "fl")
    plain = _SIGN.sub(_spelt, plain)
    return _BEGIN.sub(_begun, plain, count=1) or " "


def _spelt(sign: re.Match[str]) -> str:
    return f"#{ord(sign[0])};"


def _begun(begin: re.Match[str]) -> str:
    number = begin["number"] or ""
    return "#32;" * len(begin["blank"]) + (f"{number[:-1]}#46;" if number else "")
