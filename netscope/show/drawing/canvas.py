"""SVG by itself: a document with one style for light and dark, text that is safe and fits, and shapes.

Colours are given outright, and by a media query for the dark: a program that prints or rasters a picture
knows no variables of CSS, and shows the light one.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

from netscope.show.drawing.kinds import NAMES
from netscope.show.drawing.looks import COLOURS, MONO
from netscope.show.strings import broken, cut_middle, visible, width_of

# Pixels of a character of each size of text, in any of these fonts.
FONT: Final = MONO
WIDE: Final = {10: 6.1, 11: 6.7, 12: 7.0, 14: 8.5}

MARGIN: Final = 24
# A head is at least so wide, however narrow the picture below it.
HEADED: Final = 420
LINE: Final = 17

# (what, light, dark); surfaces and lines are those of pictures alone.
COLORS: Final[tuple[tuple[str, str, str], ...]] = (
    (".page{fill:%s}", "#ffffff", "#12161c"),
    (".box{fill:%s}", "#ffffff", "#1c232d"),
    (".box,.card{stroke:%s}", "#c3ccd8", "#465264"),
    (".card{fill:%s}", "#f3f6f9", "#252e3a"),
    (".open{fill:%s}", "#eef2f7", "#8ea3c0"),
    (".open{stroke:%s}", "#b4c0d0", "#56657b"),
    (".pill{fill:%s}", "#eceff4", "#2a3442"),
    (".pill{stroke:%s}", "#c9d1dc", "#465264"),
    (".end{fill:%s}", "#e8f1ff", "#17314f"),
    (".end{stroke:%s}", "#7ba7e6", "#4a7fc0"),
    (".label{fill:%s}", *COLOURS["fg"]),
    (".below,.aside{fill:%s}", *COLOURS["dim"]),
    (".times{fill:%s}", "#9a3412", "#f0a36b"),
    (".mark{fill:%s}", "#7a4b00", "#e0b25c"),
    (".edge{stroke:%s}", "#8793a5", "#72809a"),
    (".tip,.dot{fill:%s}", "#6c7a8e", "#8b99b0"),
    (".halo{stroke:%s}", "#ffffff", "#12161c"),
    *((f".{kind}{{fill:%s}}", *COLOURS[kind]) for kind in NAMES),
    (".failed{stroke:%s}", *COLOURS["bad"]),
    (".added{stroke:%s}", *COLOURS["added"]),
    (".removed{stroke:%s}", *COLOURS["removed"]),
    (".passed{stroke:%s}", *COLOURS["changed"]),
    (".changed{stroke:%s}", *COLOURS["changed"]),
    (".tie{stroke:%s}", *COLOURS["changed"]),
    (".sign{fill:%s}", "#ffffff", "#12161c"),
    (".addedtext{fill:%s}", *COLOURS["added"]),
    (".removedtext{fill:%s}", *COLOURS["removed"]),
    (".changedtext{fill:%s}", *COLOURS["changed"]),
    (".on{fill:%s}", "#ffffff", "#0d1117"),
)

PLAIN: Final = (
    f"text{{font-family:{FONT};font-size:12px;white-space:pre}}"
    ".label{font-weight:600}.below{font-size:11px}.name{font-size:14px;font-weight:700}"
    ".aside{font-size:10px}.times,.mark{font-size:11px;font-weight:700}"
    ".box,.card,.open,.pill,.end{stroke-width:1}"
    ".edge{fill:none;stroke-width:1.25}"
    ".halo{stroke-width:3;stroke-linejoin:round;paint-order:stroke}"
    ".failed,.added,.changed{stroke-width:2.5}.removed{stroke-width:2;stroke-dasharray:6 3}"
    ".tint{fill-opacity:.22}.inner{fill:none;stroke-width:1}.dim,.same{opacity:.55}.small{font-size:11px}"
    ".tie{fill:none;stroke-width:1;stroke-dasharray:2 3}.sign{stroke-width:1.5;stroke-dasharray:none}"
)
# The head of an edge.
TIP: Final = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" '
    'orient="auto"><path class="tip" d="M0 0.5L8 4L0 7.5z"/></marker></defs>'
)
DARK: Final = ".open{fill-opacity:.1}"
LIGHT: Final = ".open{fill-opacity:.75}"


def style() -> str:
    """The one style of a picture."""
    light = PLAIN + LIGHT + "".join(rule % one for rule, one, _ in COLORS)
    dark = DARK + "".join(rule % other for rule, _, other in COLORS)
    return f"<style>{light}@media (prefers-color-scheme:dark){{{dark}}}</style>"


def number(value: float) -> str:
    """A coordinate, no longer than it must be."""
    return f"{value:.1f}".removesuffix(".0")


def safe(text: str) -> str:
    """Text that shows as itself, whatever it is."""
    return html.escape(visible(text))


def fitted(text: str, width: float, size: int = 12) -> str:
    """Text cut in its middle so that it is no wider than that, and safe."""
    room = int(width / WIDE[size] + 0.001)
    return html.escape(cut_middle(visible(text), max(room, 1)))


def wide(text: str, size: int = 12) -> float:
    """Pixels that a text takes."""
    return width_of(visible(text)) * WIDE[size]


def text(x: float, y: float, told: str, looks: str, *, anchor: str = "") -> str:
    """A line of text that is safe already."""
    ends = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text class="{looks}" x="{number(x)}" y="{number(y)}"{ends}>{told}</text>'


def rect(x: float, y: float, width: float, height: float, looks: str, *, round: float = 6) -> str:
    """A box with round corners."""
    corners = f' rx="{number(round)}"' if round else ""
    return (
        f'<rect class="{looks}" x="{number(x)}" y="{number(y)}" width="{number(width)}" '
        f'height="{number(height)}"{corners}/>'
    )


def title(lines: Sequence[str]) -> str:
    """What is shown of a shape by a pointer that rests on it."""
    return f"<title>{'&#10;'.join(safe(line) for line in lines if line)}</title>"


class Canvas:
    """A picture in the making, below a head that says what it is of."""

    def __init__(self, name: str, head: Sequence[str], width: float) -> None:
        self.name = name
        self.width = max(width, HEADED)
        self._parts: list[str] = []
        room = int(self.width / WIDE[11])
        self.height = 0.0
        if name:
            self.height += 14
            self.add(text(0, self.height, fitted(name, self.width, 14), "label name"))
            self.height += 6
        for line in head:
            for part in broken(visible(line), room, "  "):
                self.height += LINE
                self.add(text(0, self.height, fitted(part, self.width, 11), "below"))
        if self.height:
            self.height += 18

    def add(self, *parts: str) -> None:
        """Draw something over what there is."""
        self._parts += parts

    def document(self) -> str:
        """All of it, with a margin around."""
        across, down = number(self.width + 2 * MARGIN), number(self.height + 2 * MARGIN)
        name = safe(self.name)
        size = f'width="{across}" height="{down}" viewBox="0 0 {across} {down}"'
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{name}">',
            f"<title>{name}</title>",
            style(),
            TIP,
            f'<rect class="page" width="{across}" height="{down}"/>',
            f'<g transform="translate({MARGIN} {MARGIN})">',
            *self._parts,
            "</g>",
            "</svg>",
            "",
        ])  # fmt: skip
