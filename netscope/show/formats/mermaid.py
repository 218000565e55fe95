"""Mermaid, which GitHub and others draw where it stands in Markdown: a network, or the difference of two.

At most so many boxes are shown, the outermost first. All that an author chose is spelt in Mermaid's own
codes for characters but for letters and digits, so that nothing of it is read as anything but text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from netscope.base.errors import UsageError
from netscope.show.drawing.difference import DrawnDiff
from netscope.show.drawing.drawing import Drawing, DrawnNode
from netscope.show.drawing.outline import Box, Outline, Scene, outline_of, told
from netscope.show.drawing.place import path_in
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

# All but letters, digits and what means nothing to Mermaid.
_SIGN: Final = re.compile(r"[^A-Za-z0-9 .,+/=×·→−…-]")
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


class _Looks(NamedTuple):
    """How a status is shown: in shape as well as in colour."""

    sign: str
    name: str
    style: str


_STATUS: Final = {
    "+": _Looks("+ ", "added", "stroke:#1a7f37,stroke-width:4px"),
    "-": _Looks("− ", "removed", "stroke:#cf222e,stroke-width:2px,stroke-dasharray:6 4"),
    "~": _Looks("~ ", "changed", "stroke:#9a6700,stroke-width:3px"),
    "=": _Looks("", "same", "stroke:#8c959f,stroke-width:1px"),
}
_FAILED: Final = "stroke:#cf222e,stroke-width:4px"


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
    if drawing.failed is not None:
        at = [box.number for box in outline.boxes() if box.path == drawing.failed and box.inside is None]
        lines += _class("failed", _FAILED, at)
    return lines, len(outline.lines)


def _difference(both: DrawnDiff, most: int) -> tuple[list[str], int]:
    lines = ["flowchart LR"]
    classes: dict[str, list[int]] = {}
    drawn = first = 0
    sides = (
        ("before", both.before, {pair.before: pair.status for pair in both.pairs}),
        ("after", both.after, {pair.after: pair.status for pair in both.pairs}),
    )
    for side, drawing, statuses in sides:
        outline = outline_of(drawing, max(most // 2, 1), first)
        found = _Statuses(drawing, statuses)
        status = {box.number: found.of(box) for box in outline.boxes()}
        signs = {number: _STATUS[one].sign for number, one in status.items()}
        lines.append(f'  subgraph {side}["{text_of(f"{side}: {drawing.name}")}"]')
        lines += ["    direction TB", *_boxes(outline.scene, signs, 2), *_lines(outline, 2), "  end"]
        for number, one in status.items():
            classes.setdefault(one, []).append(number)
        drawn += len(outline.lines)
        first += len(status)
    lines.append("  before ~~~ after")
    for one, looks in _STATUS.items():
        lines += _class(looks.name, looks.style, classes.get(one, ()))
    return lines, drawn


class _Statuses:
    """What became of the boxes of one side, by what became of their rows."""

    def __init__(self, drawing: Drawing, statuses: Mapping[str | None, str]) -> None:
        self._drawing = drawing
        self._of = {path: status for path, status in statuses.items() if path is not None}
        # Rows that have one within them that is not the same.
        self._touched: set[str] = set()
        for path, status in self._of.items():
            parts = path.split(".") if status != "=" else []
            self._touched.update(".".join(parts[:count]) for count in range(len(parts)))

    def of(self, box: Box) -> str:
        """A key of `_STATUS`."""
        node = box.node
        if node is None:
            return "="
        if node.kind != "run":
            return self._of_node(node, box.path, closed=box.inside is None)
        within = set(self._within(node, box.path))
        return within.pop() if len(within) == 1 else "~"

    def _within(self, node: DrawnNode, path: str) -> Iterator[str]:
        """What became of each of those that a run stands for."""
        for one in self._drawing.groups[node.inside].nodes if node.inside >= 0 else ():
            if one.kind in ("input", "output"):
                continue
            if one.path or one.inside < 0:
                yield self._of_node(one, path_in(path, one), closed=True)
            else:  # a copy of several
                yield from self._within(one, path)

    def _of_node(self, node: DrawnNode, path: str, *, closed: bool) -> str:
        status = self._of.get(path, "=")
        if not node.path:  # work of the row around, of which nothing is told but that it came or went
            return status if status in "+-" else "="
        return "~" if status == "=" and closed and path in self._touched else status


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
    return _SIGN.sub(lambda sign: f"#{ord(sign[0])};", plain) or " "
