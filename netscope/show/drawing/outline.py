"""A drawing with some of its boxes open, as a plain graph: boxes within boxes, and lines between those seen.

For formats that place boxes themselves, and can only take so many.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from netscope.base import units
from netscope.show.drawing.drawing import Drawing, DrawnEdge, DrawnNode
from netscope.show.drawing.place import path_in


@dataclass(slots=True)
class Box:
    """A box that is seen.

    path:
        the row that it is of: of an operator that of the module which ran it.
    node:
        what it looks like; None for one that stands for so many others there is no room for.
    inside:
        what is seen within it, None for a closed one.
    """

    path: str
    node: DrawnNode | None
    steps: tuple[int, ...] = ()
    others: int = 0
    inside: Scene | None = None
    number: int = -1


@dataclass(slots=True)
class Scene:
    """The boxes within an open one, by their index in its group, and in the order in which they are read."""

    group: int
    boxes: dict[int, Box]
    order: list[Box] = field(default_factory=list)
    around: Scene | None = None
    place: int = -1


class Line(NamedTuple):
    """A line between two boxes, by their numbers, and what is written at it."""

    source: int
    target: int
    text: str


class Outline(NamedTuple):
    """The whole. Boxes are numbered as they are read, an open one before those within it."""

    scene: Scene
    lines: Sequence[Line]

    def boxes(self) -> Iterator[Box]:
        """All of them, in that order."""
        yield from _all(self.scene)


def outline_of(drawing: Drawing, most: int, numbered: int = 0) -> Outline:
    """The drawing in at most so many boxes, one at least: what it has open is opened as far as there is room.

    Boxes that are less deep come first.

    Args:
        numbered: the first number.
    """
    scene = _scene(drawing, 0, "", (), None, -1)
    if len(scene.order) > most:
        _shorten(scene, most)
    shown = len(scene.order)
    waiting = deque((box, scene) for box in scene.order)
    while waiting:
        box, around = waiting.popleft()
        node = box.node
        if node is None or node.inside < 0 or box.steps not in drawing.opened:
            continue
        inner = _scene(drawing, node.inside, box.path, box.steps, around, box.steps[-1])
        if not inner.order or shown + len(inner.order) > most:
            continue
        box.inside = inner
        shown += len(inner.order)
        waiting.extend((one, inner) for one in inner.order)
    for number, box in enumerate(_all(scene), numbered):
        box.number = number
    return Outline(scene, list(dict.fromkeys(_lines(drawing, scene))))


def _scene(
    drawing: Drawing, group: int, path: str, steps: tuple[int, ...], around: Scene | None, place: int
) -> Scene:
    """What is within a box; how values enter and leave it is no box of its own."""
    nodes = drawing.groups[group].nodes
    boxes = {
        index: Box(path_in(path, node), node, (*steps, index))
        for index, node in enumerate(nodes)
        if around is None or not node.is_end
    }
    order = [boxes[index] for index in sorted(boxes, key=lambda index: (nodes[index].rank, nodes[index].x))]
    return Scene(group, boxes, order, around, place)


def _shorten(scene: Scene, most: int) -> None:
    """One box in place of all those that there is no room for, before the network's outputs."""
    last = [box for box in scene.order if box.node is not None and box.node.kind == "output"][: most // 4]
    room = most - len(last) - 1
    kept = [box for box in scene.order if box not in last][: max(room, 0)]
    left = [box for box in scene.order if box not in kept and box not in last]
    rest = Box("", None, others=len(left))
    gone = {id(box) for box in left}
    scene.boxes = {index: rest if id(box) in gone else box for index, box in scene.boxes.items()}
    scene.order = [*kept, rest, *last]


def _all(scene: Scene) -> Iterator[Box]:
    for box in scene.order:
        yield box
        if box.inside is not None:
            yield from _all(box.inside)


def _lines(drawing: Drawing, scene: Scene) -> Iterator[Line]:
    """The lines of a scene and of those within it, each from where its value is made to where it is read."""
    ends = _Ends(drawing)
    for edge in drawing.groups[scene.group].edges:
        # What enters and leaves by a port is drawn as the line outside.
        if edge.source not in scene.boxes or edge.target not in scene.boxes:
            continue
        sources = ends.sources(scene, edge.source, edge.out_port)
        targets = ends.targets(scene, edge.target, edge.in_port)
        for source in sources:
            yield from (Line(source, target, edge.text) for target in targets if source != target)
    for box in scene.order:
        if box.inside is not None:
            yield from _lines(drawing, box.inside)


class _Ends:
    """Where lines begin and end, through the ports of boxes that are open."""

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing

    def sources(self, scene: Scene, index: int, port: int) -> list[int]:
        """The boxes that make what this one gives; what enters the scene is made outside of it."""
        box = scene.boxes.get(index)
        if box is None:
            outer = scene.around
            if outer is None:
                return []
            entering = self._edges(outer, lambda edge: edge.target == scene.place and edge.in_port == index)
            return _flat(self.sources(outer, edge.source, edge.out_port) for edge in entering)
        if box.inside is None or port < 0:
            return [box.number]
        inner = box.inside
        leaving = self._edges(inner, lambda edge: edge.target == port)
        return _flat(self.sources(inner, edge.source, edge.out_port) for edge in leaving)

    def targets(self, scene: Scene, index: int, port: int) -> list[int]:
        """The boxes that read what enters this one; what leaves it unread is a line of the scene around."""
        box = scene.boxes.get(index)
        if box is None:
            return []
        if box.inside is None or port < 0:
            return [box.number]
        inner = box.inside
        entering = self._edges(inner, lambda edge: edge.source == port)
        return _flat(self.targets(inner, edge.target, edge.in_port) for edge in entering)

    def _edges(self, scene: Scene, which: Callable[[DrawnEdge], bool]) -> list[DrawnEdge]:
        return [edge for edge in self._drawing.groups[scene.group].edges if which(edge)]


def _flat(found: Iterator[list[int]]) -> list[int]:
    return list(dict.fromkeys(number for some in found for number in some))


def told(box: Box) -> str:
    """A box in a line: its name, what it is, and how many it stands for."""
    if box.node is None:
        return f"{units.count(box.others)} more"
    node = box.node
    times = units.times(node.times) if node.times > 1 else ""
    return " · ".join(filter(None, [node.label, node.below, times]))
