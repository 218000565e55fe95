"""A network as it is to be drawn: groups of nodes with their places, each to be opened and closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Kind = Literal["module", "operator", "input", "output", "run"]


class DrawnNode(NamedTuple):
    """A box.

    kind:
        "run" for identical neighbours in one, which opens into them.
    label, below:
        its two lines: the name, and what it is ("Conv2d 11×11 /4"); `below` may be "".
    path:
        the row's name below that of the group around it, "" for none of its own.
    elsewhere:
        whether `path` is the whole name.
    inside:
        the index of the group that it opens into, -1 for none.
    width, height:
        of the closed box, in pixels.
    rank:
        the number of the line of boxes that it stands in, from the top.
    x:
        where it stands in that line; equal numbers in different lines stand below each other.
    times:
        how many nodes a run stands for.
    macs:
        of an operator; None where they are not known, or it is none.
    marks:
        what else there is to say: "shared with embed", "call 2 of 3".
    """

    kind: Kind
    label: str
    below: str
    path: str
    elsewhere: bool
    inside: int
    width: float
    height: float
    rank: int
    x: float
    times: int = 1
    macs: int | None = None
    marks: tuple[str, ...] = ()

    @property
    def is_end(self) -> bool:
        """Whether it is where a value enters or leaves, and nothing that is done."""
        return self.kind in ("input", "output")


class DrawnEdge(NamedTuple):
    """A line from one box to another.

    text:
        the shape, "64×56×56", or both shapes where they differ.
    bends:
        `x` in each rank between the two, from the top. Empty for a line between neighbouring ranks.
    out_port, in_port:
        indices of nodes in the groups inside the source and the target, -1 for none.
    """

    source: int
    target: int
    text: str
    bends: tuple[float, ...] = ()
    out_port: int = -1
    in_port: int = -1


class DrawnGroup(NamedTuple):
    """What is inside a box."""

    nodes: Sequence[DrawnNode]
    edges: Sequence[DrawnEdge]


class Drawing(NamedTuple):
    """A network. `groups[0]` is the whole of it.

    opened:
        which boxes are open at first: the indices of the nodes on the way down to each.
    values:
        {quantity: {path: value}} by which boxes can be coloured, most wanted first; a value may be None.
    failed:
        the row at which the forward failed, None where it did not.
    """

    name: str
    groups: Sequence[DrawnGroup]
    opened: frozenset[tuple[int, ...]]
    values: dict[str, dict[str, float | None]]
    failed: str | None = None
