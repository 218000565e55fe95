"""A plot as a picture in SVG: axes, series and marks. The same plot is the same text, always.

In a page it takes the page's colours, by the variables `--card`, `--fg`, `--dim`, `--line`, `--accent`,
`--added`, `--warn` and `--bad`. Alone it has its own, for light and for dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from itertools import pairwise
from typing import Final, NamedTuple

from netscope.base import units
from netscope.show.drawing import canvas
from netscope.show.drawing.axis import Scale, scale_of
from netscope.show.drawing.canvas import WIDE, safe, wide
from netscope.show.drawing.canvas import number as _n
from netscope.show.drawing.looks import COLOURS, MONO
from netscope.show.page import Mark, Plot, Point, Series
from netscope.show.strings import cut_middle, short, visible

WIDTH: Final = 560
HEIGHT: Final = 300

# The size of texts, and pixels of a line of text, and around the whole.
_SIZE: Final = 11
_LINE: Final = 14
_EDGE: Final = 8
# Longest text of a mark and of a label.
_LONGEST: Final = 48
# Points of a line; what is more is thinned, and no peak is lost.
MOST: Final = 500
_RADIUS: Final = 3.5
# The share of a bar's place that it takes.
_BAR: Final = 0.92

# Variables of a page that are used: each has a colour without it, and one in the dark.
_COLOURS: Final = {
    name: COLOURS[name] for name in ("card", "fg", "dim", "line", "accent", "added", "warn", "bad")
}
_OF_TONE: Final = {"": "fg", "title": "fg"}
_FONT: Final = f"{_SIZE}px {MONO}"


def svg_of(plot: Plot, *, alone: bool = False) -> str:
    """The picture as one element.

    Args:
        alone: as a file of its own: with its namespace and its colours.
    """
    label = ". ".join(filter(None, [plot.title, plot.summary]))
    frame = _framed(plot)
    parts = [
        _text(_EDGE, _LINE, plot.title, "nsp-title"),
        *_axes(plot, frame),
        *_series(plot, frame),
        *_marks(plot, frame),
        *_legend(plot, frame),
    ]
    namespace = ' xmlns="http://www.w3.org/2000/svg"' if alone else ""
    size = f' width="{WIDTH}" height="{HEIGHT}"' if alone else ""
    return (
        f'<svg{namespace} class="nsp"{size} viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{safe(label)}">\n{_style(alone=alone)}' + "\n".join(parts) + "\n</svg>\n"
    )


class _Frame(NamedTuple):
    """Where the axes are, and the rows of texts above them: of the legend and of marks along x."""

    x: Scale
    y: Scale
    legend: float
    marked: Sequence[tuple[Mark, float, float, str]]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.x.start, self.y.end, self.x.end, self.y.start


def _framed(plot: Plot) -> _Frame:
    """Scales for all that is to be seen, and room for the texts around."""
    points = [point for one in plot.series for point in one.points]
    xs = [point.x for point in points] + [mark.at for mark in plot.marks if mark.axis == "x"]
    ys = [point.y for point in points] + [mark.at for mark in plot.marks if mark.axis == "y"]
    for one in plot.series:
        if one.look == "bars" and len(one.points) > 1:
            half = _spacing(one.points) / 2
            xs += [one.points[0].x - half, one.points[-1].x + half]
    x, y = scale_of(plot.x, xs, zero=False), scale_of(plot.y, ys, zero=True)
    left = _EDGE + 6 + max([_width(text) for _, text in y.ticks()], default=0.0)
    x = replace(x, start=left, end=WIDTH - 2.0 * _EDGE)
    top = 2.5 * _LINE + 2
    legend = top - 4
    marks = [mark for mark in plot.marks if mark.axis == "x" and x.shows(mark.at)]
    # A label stands in the first row that has room for it.
    ends: list[float] = []
    placed = []
    for mark in sorted(marks, key=lambda mark: mark.at):
        text = cut_middle(visible(mark.text), _LONGEST)
        at = x.at(mark.at)
        begin = min(max(at - _width(text) / 2, left), WIDTH - _EDGE - _width(text))
        row = next((row for row, end in enumerate(ends) if end + WIDE[_SIZE] < begin), len(ends))
        ends[row : row + 1] = [begin + _width(text)]
        placed.append((mark, begin, float(row), text))
    rows = len(ends)
    placed = [(mark, begin, top + (row + 1) * _LINE - 2, text) for mark, begin, row, text in placed]
    y = replace(y, start=HEIGHT - 2.0 * _LINE - _EDGE, end=top + rows * _LINE + 4)
    return _Frame(x, y, legend, placed)


def _axes(plot: Plot, frame: _Frame) -> Iterator[str]:
    left, top, right, bottom = frame.box
    for value, text in frame.y.ticks():
        at = frame.y.at(value)
        yield f'<path class="nsp-grid" d="M{_n(left)} {_n(at)}H{_n(right)}"/>'
        yield _text(left - 6, at + 4, text, "nsp-dim", anchor="end")
    free = -1.0
    for value, text in frame.x.ticks():
        at = frame.x.at(value)
        yield f'<path class="nsp-grid" d="M{_n(at)} {_n(top)}V{_n(bottom)}"/>'
        begin = min(at - _width(text) / 2, WIDTH - _width(text))
        if begin > free:
            yield _text(begin, bottom + _LINE, text, "nsp-dim")
            free = begin + _width(text) + WIDE[_SIZE]
    yield f'<path class="nsp-axis" d="M{_n(left)} {_n(top)}V{_n(bottom)}H{_n(right)}"/>'
    yield _text(right, bottom + 2 * _LINE + 2, plot.x.title, "nsp-dim", anchor="end")
    yield _text(_EDGE, frame.legend, plot.y.title, "nsp-dim")


def _series(plot: Plot, frame: _Frame) -> Iterator[str]:
    for one in plot.series:
        shown = [point for point in one.points if frame.x.shows(point.x) and frame.y.shows(point.y)]
        if one.look == "bars":
            yield from _bars(one, shown, frame)
        elif one.look == "dots":
            yield from _dots(one, shown, frame)
        elif shown:
            yield from _line(one, thinned(shown), frame)


def _line(one: Series, points: Sequence[Point], frame: _Frame) -> Iterator[str]:
    places = [(frame.x.at(point.x), frame.y.at(point.y)) for point in points]
    first, *others = places
    path = f"M{_n(first[0])} {_n(first[1])}"
    for x, y in others:
        path += f"H{_n(x)}V{_n(y)}" if one.look == "steps" else f"L{_n(x)} {_n(y)}"
    colour = _colour(one)
    if one.look == "area":
        bottom = frame.y.start
        closed = f"{path}L{_n(places[-1][0])} {_n(bottom)}L{_n(first[0])} {_n(bottom)}Z"
        yield f'<path class="nsp-area nsp-fill-{colour}" d="{closed}"/>'
    yield f'<path class="nsp-line nsp-stroke-{colour}" d="{path}"/>'
    yield from _touched(points, places, frame)


def _touched(points: Sequence[Point], places: Sequence[tuple[float, float]], frame: _Frame) -> Iterator[str]:
    """What is said where the pointer is: of each point, halfway to its neighbours."""
    _, top, _, bottom = frame.box
    edges = [places[0][0], *((a[0] + b[0]) / 2 for a, b in pairwise(places)), places[-1][0]]
    for point, (x, y), begin, end in zip(points, places, edges, edges[1:], strict=False):
        if not point.text and point.path is None:
            continue
        title = _titled(point, frame)
        yield (
            f'<g class="nsp-at"{_path_of(point)}>{title}<rect x="{_n(begin)}" y="{_n(top)}" '
            f'width="{_n(max(end - begin, 1))}" height="{_n(bottom - top)}"/>'
            f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_RADIUS}"/></g>'
        )


def _dots(one: Series, points: Sequence[Point], frame: _Frame) -> Iterator[str]:
    """Those in the same place are one, and say how many they are."""
    found: dict[tuple[int, int], list[Point]] = {}
    for point in points:
        found.setdefault((round(frame.x.at(point.x)), round(frame.y.at(point.y))), []).append(point)
    for here in found.values():
        first = here[0]
        x, y = frame.x.at(first.x), frame.y.at(first.y)
        more = f", and {units.count(len(here) - 1)} more here" if len(here) > 1 else ""
        yield (
            f'<circle class="nsp-dot nsp-fill-{_colour(one)}" cx="{_n(x)}" cy="{_n(y)}" r="{_RADIUS}"'
            f"{_path_of(first)}>{_titled(first, frame, more)}</circle>"
        )


def _bars(one: Series, points: Sequence[Point], frame: _Frame) -> Iterator[str]:
    bottom = frame.y.start
    half = _spacing(points) / 2
    for point in points:
        begin, end = frame.x.at(point.x - half), frame.x.at(point.x + half)
        gap = (end - begin) * (1 - _BAR) / 2
        top = frame.y.at(point.y)
        yield (
            f'<rect class="nsp-dot nsp-fill-{_colour(one)}" x="{_n(begin + gap)}" y="{_n(top)}" '
            f'width="{_n(max(end - begin - 2 * gap, 1))}" height="{_n(bottom - top)}"{_path_of(point)}>'
            f"{_titled(point, frame)}</rect>"
        )


def _marks(plot: Plot, frame: _Frame) -> Iterator[str]:
    left, _, right, bottom = frame.box
    across = [mark for mark in plot.marks if mark.axis == "y" and frame.y.shows(mark.at)]
    for mark, _, base, _ in frame.marked:
        yield f'<path class="nsp-mark" d="M{_n(frame.x.at(mark.at))} {_n(base + 2)}V{_n(bottom)}"/>'
    for mark in across:
        yield f'<path class="nsp-mark" d="M{_n(left)} {_n(frame.y.at(mark.at))}H{_n(right)}"/>'
    # No line goes through a text.
    for _, begin, base, text in frame.marked:
        yield _text(begin, base, text, "nsp-text")
    for mark in across:
        text = cut_middle(visible(mark.text), _LONGEST)
        yield _text(right - 4, frame.y.at(mark.at) - 4, text, "nsp-text", anchor="end")


def _legend(plot: Plot, frame: _Frame) -> Iterator[str]:
    """What the series are, where there are several, from the right to the left."""
    named = [one for one in plot.series if one.label]
    at = float(WIDTH - 2 * _EDGE)
    for one in reversed(named if len(named) > 1 else []):
        text = cut_middle(visible(one.label), _LONGEST)
        at -= _width(text)
        yield _text(at, frame.legend, text, "nsp-text")
        at -= 14
        sign = f'x="{_n(at)}" y="{_n(frame.legend - 8)}" width="9" height="9"'
        if one.look in ("line", "steps"):
            sign = f'x="{_n(at)}" y="{_n(frame.legend - 5)}" width="10" height="2.5"'
        yield f'<rect class="nsp-fill-{_colour(one)}" {sign}/>'
        at -= 12


def thinned(points: Sequence[Point], most: int = MOST) -> list[Point]:
    """At most so many of a line's points: the first, the last, and of each stretch its lowest and highest."""
    if len(points) <= most:
        return list(points)
    inner = range(1, len(points) - 1)
    stretches = (most - 2) // 2
    kept = {0, len(points) - 1}
    for place in range(stretches):
        some = inner[place * len(inner) // stretches : (place + 1) * len(inner) // stretches]
        kept |= {min(some, key=lambda i: points[i].y), max(some, key=lambda i: points[i].y)}
    return [points[index] for index in sorted(kept)]


def _spacing(points: Sequence[Point]) -> float:
    """How far bars are from each other."""
    xs = sorted(point.x for point in points)
    return min((b - a for a, b in pairwise(xs) if b > a), default=1.0)


def _titled(point: Point, frame: _Frame, more: str = "") -> str:
    """What is said of a point: what it is, and its values."""
    values = f"{frame.x.axis.text(point.x)}, {frame.y.axis.text(point.y)}"
    what = visible(f"{point.text}: {values}" if point.text else values)
    return f"<title>{escape(cut_middle(what, 300))}{more}</title>"


def _path_of(point: Point) -> str:
    return "" if point.path is None else f' data-path="{escape(visible(point.path))}"'


def _colour(one: Series) -> str:
    return _OF_TONE.get(one.tone, one.tone)


def _text(x: float, y: float, told: str, kind: str, anchor: str = "") -> str:
    return canvas.text(x, y, escape(short(told)), kind, anchor=anchor)


def _width(told: str) -> float:
    return wide(told, _SIZE)


def _style(*, alone: bool) -> str:
    """Classes of the picture; in a page all plots have the same."""

    def paint(name: str) -> str:
        return _COLOURS[name][0] if alone else f"var(--{name},{_COLOURS[name][0]})"

    def rules(paint_of: dict[str, str]) -> str:
        found = [f".nsp-stroke-{name}{{stroke:{colour}}}" for name, colour in paint_of.items()]
        found += [f".nsp-fill-{name}{{fill:{colour}}}" for name, colour in paint_of.items()]
        card, fg, dim, line = (paint_of[name] for name in ("card", "fg", "dim", "line"))
        found += [
            f".nsp text{{font:{_FONT};stroke:{card};stroke-width:3px;paint-order:stroke}}",
            f".nsp-text,.nsp-title{{fill:{fg}}}",
            f"text.nsp-dim{{fill:{dim}}}",
            f".nsp-grid{{stroke:{line};fill:none;stroke-width:.6}}",
            f".nsp-axis{{stroke:{dim};fill:none}}",
            f".nsp-mark{{stroke:{fg};fill:none;stroke-dasharray:4 3}}",
            f".nsp-at circle{{fill:{fg}}}",
            f".nsp-dot.current{{stroke:{fg};stroke-width:2}}",
        ]
        return "".join(found)

    fixed = (
        ".nsp-line{fill:none;stroke-width:1.6;stroke-linejoin:round}.nsp-area{fill-opacity:.18}"
        ".nsp-dot{fill-opacity:.75}.nsp-dot:hover{fill-opacity:1}.nsp-at rect{fill:transparent}"
        ".nsp-at circle{visibility:hidden;pointer-events:none}.nsp-at:hover circle{visibility:visible}"
        ".nsp-at.current circle{visibility:visible}.nsp [data-path]{cursor:pointer}"
        ".nsp .nsp-title{font-weight:bold}"
    )
    css = rules({name: paint(name) for name in _COLOURS}) + fixed
    if alone:
        dark = rules({name: colour for name, (_, colour) in _COLOURS.items()})
        css += f"@media (prefers-color-scheme:dark){{{dark}}}"
    return f"<style>{css}</style>\n"
