"""Where boxes and lines stand in pixels, for a set of boxes that are open.

A group says in which line each box stands, and in which column. What a column takes depends on what is open:
a box that opens is as large as what is inside it. The page's script places by the same rules.

1. A closed box has its own size. An open one has room for its group, which is placed first, with PAD at three
   sides and HEAD at the top.
2. In each line stand the boxes, and the bends of the edges that pass it, which are 0 wide. Bends of a line in
   the same column are one: edges with the same value run in one.
3. Columns stand as far left as their boxes allow, and as far right as they do within the same width; each is
   put in the middle of the two. Neighbours in a line are GAP apart, or LANE where one of them is a bend; no
   column stands left of the one before it.
4. The leftmost edge of all boxes and bends is at 0.
5. A line is as high as its highest box, and boxes stand in the middle of it. RANK lies between lines.
6. An edge begins at the bottom of its source and ends at the top of its target, in the middle of the box, or
   at its port in an open one. It runs straight down within lines, through all that it bends in, from its
   source to the end of that line, and from the beginning of its target's line to that; between lines it moves
   aside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from netscope.show.drawing.drawing import Drawing, DrawnEdge, DrawnGroup, DrawnNode

RANK: Final = 34
GAP: Final = 20
LANE: Final = 10
PAD: Final = 14
HEAD: Final = 26

# Where the text of an edge begins: so far right of where it starts and below it, or above where it ends.
BESIDE: Final = 5
BELOW: Final = 15
ABOVE: Final = 8

Steps = tuple[int, ...]
Spot = tuple[float, float]


class Box(NamedTuple):
    """A box in its place.

    steps:
        the indices of the nodes on the way down to it.
    path:
        the qualified name of its row; of an operator that of the module which ran it.
    x, y:
        of its upper left corner.
    """

    steps: Steps
    node: DrawnNode
    path: str
    x: float
    y: float
    width: float
    height: float
    open: bool


class Line(NamedTuple):
    """An edge in its place.

    steps:
        of the box in whose group it is.
    points:
        where it passes, from the top: an even number, of which two and two are above each other.
    text, spot:
        what is written at it, and where that begins, on its base line; "" where it is written elsewhere
        already.
    """

    steps: Steps
    edge: DrawnEdge
    points: tuple[Spot, ...]
    text: str
    spot: Spot


class Placed(NamedTuple):
    """A drawing in its place: the boxes, each before those inside it, and the lines."""

    boxes: list[Box]
    lines: list[Line]
    width: float
    height: float


def place(drawing: Drawing, opened: Collection[Steps]) -> Placed:
    """Where everything stands that is seen while those boxes are open."""
    return read(drawing, Laid(drawing, 0, tree_of(opened)))


def place_both(
    before: Drawing,
    after: Drawing,
    opened: tuple[Collection[Steps], Collection[Steps]],
    partners: Mapping[str, str],
) -> tuple[Placed, Placed]:
    """Where both networks of a difference stand: lines whose boxes belong together begin beside each other.

    Args:
        opened: the open boxes of each.
        partners: {path before: path after} of rows that belong together.
    """
    left, right = (
        Laid(drawing, 0, tree_of(those)) for drawing, those in zip((before, after), opened, strict=True)
    )
    _level(left, right, "", "", partners)
    return read(before, left), read(after, right)


class Tree(dict[int, "Tree"]):
    """The open boxes of a group: their numbers, each with the open boxes inside it."""


def tree_of(opened: Iterable[Steps]) -> Tree:
    """The open boxes as a tree. One within a closed box is not seen, and is left out."""
    tree = Tree()
    kept = set(opened)
    for steps in sorted(kept, key=len):
        inside = tree
        for step in steps[:-1]:
            if step not in inside:
                break
            inside = inside[step]
        else:
            inside[steps[-1]] = Tree()
    return tree


class Laid:
    """A group with its columns and lines in their places.

    open:
        what is inside each open box.
    widths, heights:
        of each box.
    centers:
        `x` of the middle of each box.
    columns:
        `x` of each column.
    tops, highs:
        `y` and height of each line.
    """

    def __init__(self, drawing: Drawing, index: int, tree: Mapping[int, Tree]) -> None:
        group = drawing.groups[index]
        self.group: DrawnGroup = group
        nodes = group.nodes
        self.open = {
            number: Laid(drawing, nodes[number].inside, inner)
            for number, inner in sorted(tree.items())
            if number < len(nodes) and nodes[number].inside >= 0
        }
        self.widths = [node.width for node in nodes]
        self.heights = [node.height for node in nodes]
        for number, inside in self.open.items():
            self.widths[number] = max(nodes[number].width, inside.width + 2 * PAD)
        self.highs: list[float] = []
        self.tops: list[float] = []
        self.height = 0.0
        self._stand()
        self.stack()

    def _stand(self) -> None:
        lines = self._lines()
        columns = sorted({x for line in lines for x in line})
        order = {x: number for number, x in enumerate(columns)}
        apart: list[list[tuple[int, float]]] = [[] for _ in columns]  # of neighbours, by the right one
        for line in lines:
            left = -1
            for x in sorted(line):
                here = order[x]
                if left >= 0:
                    wide = line[columns[left]]
                    least = LANE if not wide or not line[x] else GAP
                    apart[here].append((left, wide / 2 + line[x] / 2 + least))
                left = here
        xs = _centered(apart)
        half: list[float] = [0.0] * len(columns)
        for line in lines:
            for x, wide in line.items():
                half[order[x]] = max(half[order[x]], wide / 2)
        edge = min([x - wide for x, wide in zip(xs, half, strict=True)], default=0.0)
        self.columns = {x: xs[number] - edge for x, number in order.items()}
        self.width = max([x - edge + wide for x, wide in zip(xs, half, strict=True)], default=0.0)
        self.centers = [self.columns[node.x] for node in self.group.nodes]

    def _lines(self) -> list[dict[float, float]]:
        """For each line {column: width} of what stands in it; a bend is 0 wide."""
        nodes = self.group.nodes
        lines: list[dict[float, float]] = [
            {} for _ in range(max([node.rank for node in nodes], default=-1) + 1)
        ]
        for node, width in zip(nodes, self.widths, strict=True):
            lines[node.rank][node.x] = width
        for edge in self.group.edges:
            for rank, x in enumerate(edge.bends, nodes[edge.source].rank + 1):
                lines[rank].setdefault(x, 0.0)
        return lines

    def stack(self) -> None:
        """Put the lines below each other, each as high as its highest box."""
        self.measure()
        self.put(_stacked([self.highs], [])[0])

    def put(self, tops: list[float]) -> None:
        """Put the lines where they begin."""
        self.tops = tops
        self.height = tops[-1] + self.highs[-1] if tops else 0.0

    def measure(self) -> None:
        """How high the boxes are, and the lines."""
        nodes = self.group.nodes
        for number, inside in self.open.items():
            self.heights[number] = HEAD + inside.height + PAD
        self.highs = [0.0] * (max([node.rank for node in nodes], default=-1) + 1)
        for node, height in zip(nodes, self.heights, strict=True):
            self.highs[node.rank] = max(self.highs[node.rank], height)

    def corner(self, number: int) -> Spot:
        """The upper left corner of a box, from that of the group."""
        rank = self.group.nodes[number].rank
        x = self.centers[number] - self.widths[number] / 2
        return x, self.tops[rank] + (self.highs[rank] - self.heights[number]) / 2

    def inner(self, number: int) -> Spot:
        """The upper left corner of what is inside an open box, from that of the group."""
        x, y = self.corner(number)
        return x + (self.widths[number] - self.open[number].width) / 2, y + HEAD

    def door(self, number: int, port: int, bottom: bool) -> Spot:
        """Where an edge starts from a box or ends at it, from the upper left corner of the group."""
        x, y = self.corner(number)
        at = x + self.widths[number] / 2
        inside = self.open.get(number)
        if inside is not None and 0 <= port < len(inside.centers):
            at = self.inner(number)[0] + inside.centers[port]
        return at, y + self.heights[number] if bottom else y


def _centered(apart: Sequence[Sequence[tuple[int, float]]]) -> list[float]:
    """Columns in the middle of where they could stand, by the distances to those on their left."""
    left: list[float] = []
    for pairs in apart:
        left.append(max([left[-1] if left else 0.0, *(left[other] + least for other, least in pairs)]))
    right = [left[-1] if left else 0.0] * len(left)
    for here in range(len(apart) - 1, -1, -1):
        if here:
            right[here - 1] = min(right[here - 1], right[here])
        for other, least in apart[here]:
            right[other] = min(right[other], right[here] - least)
    return [(low + high) / 2 for low, high in zip(left, right, strict=True)]


def _level(left: Laid, right: Laid, before: str, after: str, partners: Mapping[str, str]) -> None:
    """Let lines of two groups begin at the same height that have boxes which belong together, from the top.

    Args:
        before, after: the paths of what is around each.
    """
    there: dict[str, int] = {}
    for number, node in enumerate(right.group.nodes):
        if node.path:
            there.setdefault(path_in(after, node), number)
    lines: dict[int, list[int]] = {}  # of the left those of the right that they have partners in
    for number, node in enumerate(left.group.nodes):
        path = path_in(before, node)
        other = there.get(partners.get(path, "")) if node.path else None
        if other is None:
            continue
        lines.setdefault(node.rank, []).append(right.group.nodes[other].rank)
        if number in left.open and other in right.open:
            around = path, path_in(after, right.group.nodes[other])
            _level(left.open[number], right.open[other], *around, partners)
    left.measure()
    right.measure()
    beside: list[tuple[int, int]] = []
    for line in sorted(lines):
        below = [other for other in lines[line] if not beside or other > beside[-1][1]]
        if below:
            beside.append((line, min(below)))
    for laid, tops in zip((left, right), _stacked([left.highs, right.highs], beside), strict=True):
        laid.put(tops)


def _stacked(highs: Sequence[Sequence[float]], beside: Iterable[Sequence[int]]) -> list[list[float]]:
    """Where the lines of each side begin, of which some begin beside each other: a number of each side's."""
    tops: list[list[float]] = [[] for _ in highs]
    below = [0.0] * len(highs)

    def fill(side: int, until: int) -> None:
        for high in highs[side][len(tops[side]) : until]:
            tops[side].append(below[side])
            below[side] += high + RANK

    for numbers in beside:
        for side, number in enumerate(numbers):
            fill(side, number)
        below[:] = [max(below)] * len(below)
        for side, number in enumerate(numbers):
            fill(side, number + 1)
    for side in range(len(highs)):
        fill(side, len(highs[side]))
    return tops


def read(drawing: Drawing, laid: Laid) -> Placed:
    """The boxes and lines of a network that was laid out."""
    boxes: list[Box] = []
    lines: list[Line] = []
    waiting: list[tuple[Steps, str, Laid, float, float]] = [((), "", laid, 0.0, 0.0)]
    while waiting:
        steps, around, here, left, top = waiting.pop()
        inner = []
        for number, node in enumerate(here.group.nodes):
            x, y = here.corner(number)
            path = path_in(around, node)
            inside = here.open.get(number)
            size = here.widths[number], here.heights[number]
            boxes.append(Box((*steps, number), node, path, left + x, top + y, *size, inside is not None))
            if inside is not None:
                x, y = here.inner(number)
                inner.append(((*steps, number), path, inside, left + x, top + y))
        lines += _lines_of(here, steps, left, top)
        waiting += reversed(inner)
    return Placed(boxes, lines, laid.width, laid.height)


def path_in(around: str, node: DrawnNode) -> str:
    """The qualified name of a box's row, in a box of that name; boxes without a row have that around."""
    if not node.path:
        return around
    return node.path if node.elsewhere or not around else f"{around}.{node.path}"


def _lines_of(laid: Laid, steps: Steps, left: float, top: float) -> list[Line]:
    lines = []
    nodes = laid.group.nodes
    told: set[tuple[int, int, str]] = set()
    begun: set[tuple[int, int]] = set()
    for edge in laid.group.edges:
        source, target = nodes[edge.source], nodes[edge.target]
        start = laid.door(edge.source, edge.out_port, True)
        end = laid.door(edge.target, edge.in_port, False)
        points = [start, (start[0], laid.tops[source.rank] + laid.highs[source.rank])]
        for rank, column in enumerate(edge.bends, source.rank + 1):
            x, y = laid.columns[column], laid.tops[rank]
            points += [(x, y), (x, y + laid.highs[rank])]
        points += [(end[0], laid.tops[target.rank]), end]
        points = [(left + x, top + y) for x, y in points]
        text = edge.text
        # What comes in and goes out by ports is written outside.
        if steps and (source.kind == "input" or target.kind == "output"):
            text = ""
        if (edge.source, edge.out_port, text) in told:
            text = ""
        spot = points[0][0] + BESIDE, points[0][1] + BELOW
        if text:
            told.add((edge.source, edge.out_port, text))
            if (edge.source, edge.out_port) in begun:
                spot = points[-1][0] + BESIDE, points[-1][1] - ABOVE
            begun.add((edge.source, edge.out_port))
        lines.append(Line(steps, edge, tuple(points), text, spot))
    return lines
