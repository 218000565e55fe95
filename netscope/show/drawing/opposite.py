"""A difference as a static picture: both networks beside each other, with what changed in words between them.

What happened to a box is shown in its border as well as in its colour: a thick one for what was added, a
dashed one for what was removed, a double one for what changed. What stayed is pale.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from netscope.base import units
from netscope.show.drawing.became import PASSED as PASSING
from netscope.show.drawing.became import Became
from netscope.show.drawing.blocks import in_blocks
from netscope.show.drawing.canvas import WIDE, Canvas, fitted, number, rect, safe, text, wide
from netscope.show.drawing.difference import DrawnDiff, DrawnPair
from netscope.show.drawing.drawing import Drawing, DrawnNode
from netscope.show.drawing.looks import PASSED, QUANTITIES, STATUSES, Status
from netscope.show.drawing.make import DEEPEST, MOST_OPEN, is_worth_opening
from netscope.show.drawing.place import Box, Placed, Steps, path_in, place_both
from netscope.show.drawing.svg import network, reach
from netscope.show.strings import broken, visible

# Pixels between the networks where nothing is told, and where something is.
APART: Final = 60
TELLING: Final = 210
# Pixels that the legend takes.
LEGEND: Final = 560
# Lines of what is told of a box, and pixels for each.
MOST: Final = 3
LINE: Final = 13
# Boxes that are seen on a side at most before anybody asks for more.
VISIBLE: Final = 70


class _Side(NamedTuple):
    """A network, its pairs by the paths that they have in it, and its open boxes."""

    drawing: Drawing
    pairs: Mapping[str, DrawnPair]
    opened: Collection[Steps]


def svg_of_both(both: DrawnDiff, depth: int | None = None, head: Sequence[str] = ()) -> str:
    """Both networks, their totals first.

    Args:
        depth: boxes less deep than that are open; without it, those in which something changed.
        head: sentences below the names.
    """
    before, after = in_blocks(both.before), in_blocks(both.after)
    opened = _opened(both, before, after, depth)
    sides = (
        _Side(before, {pair.before: pair for pair in both.pairs if pair.before is not None}, opened[0]),
        _Side(after, {pair.after: pair for pair in both.pairs if pair.after is not None}, opened[1]),
    )
    partners = {p.before: p.after for p in both.pairs if p.before is not None and p.after is not None}
    left, right = place_both(before, after, opened, partners)
    looks = [_looks(side, placed) for side, placed in zip(sides, (left, right), strict=True)]
    told = list(_told(sides, left, right))
    between = TELLING if told else APART

    totals = list(_totals(before, after))
    name = " → ".join(dict.fromkeys((before.name, after.name)))
    wide_as = left.width + between + max(right.width, reach(right))
    canvas = Canvas(name, head, max(wide_as, LEGEND))
    canvas.add(*_table(canvas, totals))
    start = (canvas.width - wide_as) / 2
    corners = start, start + left.width + between
    for drawing, corner, placed in zip((before, after), corners, (left, right), strict=True):
        middle = corner + placed.width / 2
        title = fitted(drawing.name, placed.width + between - 20, 14)
        canvas.add(text(middle, canvas.height, title, "label name", anchor="middle"))
    canvas.height += 16
    top = canvas.height
    for side, corner, placed, look in zip(sides, corners, (left, right), looks, strict=True):
        canvas.add(f'<g transform="translate({number(corner)} {number(top)})">')
        canvas.add(*network(side.drawing, placed, look))
        canvas.add(*_signs(placed, look))
        canvas.add("</g>")
    canvas.add(*_between(told, corners, top, corners[0] + left.width + between / 2))
    canvas.height = top + max(left.height, right.height) + 30
    canvas.add(*_legend(canvas))
    return canvas.document()


def _opened(
    both: DrawnDiff, before: Drawing, after: Drawing, depth: int | None, most: int = MOST_OPEN
) -> tuple[set[Steps], set[Steps]]:
    """The open boxes of each side: those in which something changed, or all to a depth, up to `most`."""
    worth = _worth(both)
    opened: tuple[set[Steps], set[Steps]] = set(), set()
    levels = [_level(drawing, [((), "", 0)]) for drawing in (before, after)]
    seen = [len(level) for level in levels]
    deep = 0
    while any(levels) and deep < (DEEPEST if depth is None else min(depth, DEEPEST)):
        opening = []
        for drawing, level, wanted in zip((before, after), levels, worth, strict=True):
            opens = [one for one in level if is_worth_opening(drawing.groups, one[2])]
            opening.append([one for one in opens if depth is not None or one[1] in wanted])
        if depth is not None:
            opening = [boxes[: max(most - len(side), 0)] for side, boxes in zip(opened, opening, strict=True)]
        levels = [
            _level(drawing, [(steps, path, node.inside) for steps, path, node in boxes])
            for drawing, boxes in zip((before, after), opening, strict=True)
        ]
        seen = [
            count + sum(not node.is_end for _, _, node in level)
            for count, level in zip(seen, levels, strict=True)
        ]
        if depth is None and max(seen) > VISIBLE:
            break
        for side, boxes in zip(opened, opening, strict=True):
            side.update(steps for steps, _, _ in boxes)
        deep += 1
    return opened


def _worth(both: DrawnDiff) -> tuple[set[str], set[str]]:
    """The paths of both sides in which something changed, and not only passes by; with their partners.

    Those too that were put around what had been there, or taken away from around it.
    """
    before: set[str] = set()
    after: set[str] = set()
    alone = {(pair.before, pair.after) for pair in both.pairs if pair.before is None or pair.after is None}
    for pair in both.pairs:
        kept = pair.before is not None and pair.after is not None
        changed = pair.status != "=" and not (kept and (not pair.text or _is_passed(pair)))
        for path, found, side in ((pair.before, before, 0), (pair.after, after, 1)):
            around = [] if path is None else _around(path)
            single = [one for one in around if ((one, None), (None, one))[side] in alone]
            if kept:
                found.update(around if changed else single)
            elif changed:  # all of what is new is new: it stays closed
                found.update(set(around).difference(single))
    partners = {(pair.before, pair.after) for pair in both.pairs if pair.before and pair.after}
    opposite = {old for old, new in partners if new in after}, {new for old, new in partners if old in before}
    return before | opposite[0], after | opposite[1]


def _around(path: str) -> list[str]:
    """The paths of what is around a row."""
    parts = path.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _level(drawing: Drawing, around: Sequence[tuple[Steps, str, int]]) -> list[tuple[Steps, str, DrawnNode]]:
    """The boxes inside those."""
    return [
        ((*steps, place), path_in(path, node), node)
        for steps, path, inside in around
        for place, node in enumerate(drawing.groups[inside].nodes)
    ]


def _looks(side: _Side, placed: Placed) -> dict[Steps, str]:
    """What each box looks like, by what became of it; an open one that changed says so within."""
    became = Became(
        side.drawing,
        {
            path: PASSING if pair.status == "~" and _is_passed(pair) else pair.status
            for path, pair in side.pairs.items()
        },
    )
    found: dict[Steps, str] = {}
    for box in placed.boxes:
        status = became.of(box.node, box.path, closed=not box.open)
        if not box.node.is_end and not (status == "~" and box.open):
            found[box.steps] = _look(STATUSES.get(status, PASSED))
    return found


def _look(status: Status) -> str:
    """The class of a box; what stayed is pale."""
    return "dim" if status is STATUSES["="] else status.look


def _is_passed(pair: DrawnPair) -> bool:
    """Whether nothing is to be told of a layer but that it returns another shape."""
    return pair.text.startswith("output ")


def _told(sides: tuple[_Side, _Side], left: Placed, right: Placed) -> Iterator[tuple[Box, Box, str]]:
    """What changed of boxes that are seen on both sides."""
    there: dict[str, Box] = {}
    for box in right.boxes:
        if box.node.path:
            there.setdefault(box.path, box)
    said: set[str] = set()
    for box in left.boxes:
        pair = sides[0].pairs.get(box.path) if box.node.path else None
        if pair is None or pair.status != "~" or pair.after not in there or box.path in said:
            continue
        said.add(box.path)
        words = pair.text
        if pair.before != pair.after and "moved" not in words:
            was, now = (path.rpartition(".")[2] for path in (box.path, pair.after))
            words = ", ".join(filter(None, [f"now {now}" if was != now else "", words]))
        if words and not (pair.before == pair.after and _is_passed(pair)) and not box.open:
            yield box, there[pair.after], words


def _between(
    told: Sequence[tuple[Box, Box, str]], corners: tuple[float, float], top: float, middle: float
) -> Iterator[str]:
    """The words between boxes, none on others, with a line to the box on either side."""
    places = sorted(
        (
            (box.y + box.height / 2 + other.y + other.height / 2) / 2 + top,
            (box.x + box.width + corners[0], box.y + box.height / 2 + top),
            (other.x + corners[1], other.y + other.height / 2 + top),
            words,
        )
        for box, other, words in told
    )
    free = 0.0
    for at, (x0, y0), (x1, y1), words in places:
        lines = broken(visible(words), int((TELLING - 24) / WIDE[10]))
        if len(lines) > MOST:
            lines = [*lines[: MOST - 1], f"{lines[MOST - 1]} …"]
        high = LINE * len(lines)
        y = max(at, free + high / 2)
        free = y + high / 2 + LINE / 2
        half = max(wide(line, 10) for line in lines) / 2 + 5
        yield (
            f'<path class="tie" d="M{number(x0)} {number(y0)}L{number(middle - half)} {number(y)}'
            f'M{number(middle + half)} {number(y)}L{number(x1)} {number(y1)}"/>'
        )
        for place, line in enumerate(lines):
            base = y + LINE * (place - (len(lines) - 1) / 2) + 3.5
            yield text(middle, base, safe(line), "aside halo changedtext", anchor="middle")


def _signs(placed: Placed, looks: Mapping[Steps, str]) -> Iterator[str]:
    """The sign of what happened at the corner of each box, for who sees no colours."""
    signs = {status.look: status.sign for status in STATUSES.values() if status.sign}
    for box in placed.boxes:
        look = looks.get(box.steps, "")
        if look in signs:
            x, y = number(box.x), number(box.y)
            yield f'<circle class="sign {look}" cx="{x}" cy="{y}" r="7"/>'
            yield text(box.x, box.y + 4, signs[look], f"label {look}text", anchor="middle")


def _totals(before: Drawing, after: Drawing) -> Iterator[tuple[str, str, str, str]]:
    """What, before, after and the change, of what both know."""
    for key, (name, told) in QUANTITIES.items():
        if key in before.values and key in after.values:
            was, now = before.values[key].get(""), after.values[key].get("")
            change = units.change(was, now)
            yield name, _total(told, was), _total(told, now), "the same" if change == "=" else change


def _total(told: Callable[..., str], value: float | None) -> str:
    return told(value, units.TOTAL)


def _table(canvas: Canvas, rows: Sequence[tuple[str, str, str, str]]) -> Iterator[str]:
    """The totals below the head."""
    widths = [max([wide(row[column], 11) for row in rows], default=0.0) for column in range(4)]
    for row in rows:
        x = 0.0
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            look = ("below", "below", "label small", "changedtext small")[column]
            look = "below" if column == 3 and cell == "the same" else look
            yield text(x, canvas.height, safe(cell), look)
            x += width + (28 if column != 1 else 12)
            if column == 1:
                yield text(x, canvas.height, "→", "below")
                x += 20
        canvas.height += 16
    canvas.height += 18


def _legend(canvas: Canvas) -> Iterator[str]:
    """What the borders mean."""
    x, y = 0.0, canvas.height
    for status in (*STATUSES.values(), PASSED):
        look, told = _look(status), f"{status.sign} {status.said}".lstrip()
        yield rect(x, y, 22, 14, f"box {look}", round=3)
        if look == "changed":
            yield rect(x + 3, y + 3, 16, 8, "inner changed", round=1)
        yield text(x + 28, y + 11, told, "below")
        x += 28 + wide(told, 11) + 20
    canvas.height += 16
