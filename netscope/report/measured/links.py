"""What links between machines carry, and how long that takes at least: the third bound of a roofline.

A bound and never a prediction: all that is sent at the same time by different links, at the rate that their
makers state, and each collective by the ring or tree that sends least over the slowest link. Where several
ranks of a group share a node, only what must leave the node is sent between nodes, by all their adapters
together. Switches that add up by themselves need less for an all_reduce.
"""

from __future__ import annotations

import functools
import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Final, NamedTuple

from netscope.base.units import ratio
from netscope.report.ranks import Axis, Traffic

# How links are called that have no name of their own.
PCIE: Final = "PCIe"
NETWORK: Final = "network"
# GPUs in a node, unless one says otherwise.
NODE: Final = 8


class Links(NamedTuple):
    """What one GPU can send, bytes a second in one direction; None where its maker does not say.

    name:
        of the link inside a node, "NVLink"; "" for a machine without one.
    inside, joined:
        by that link to all others together, and how many GPUs it joins: two by a bridge.
    pcie:
        to the others of its node, by the host.
    network:
        to other nodes, by the adapter that stands beside it.
    node:
        GPUs in a node.
    source:
        where the figures are from, with the year.
    """

    name: str = ""
    inside: float | None = None
    joined: int = 1
    pcie: float | None = None
    network: float | None = None
    node: int = NODE
    source: str = ""

    def but(self, node: int | None, network: float | None) -> Links:
        """With that many GPUs in a node, all of them joined where all were before, and that network."""
        size = self.node if node is None else node
        return self._replace(
            node=size,
            joined=size if self.joined >= self.node else self.joined,
            network=self.network if network is None else network,
        )

    def rate(self, link: str) -> float | None:
        """Of the link of that name."""
        return self.network if link == NETWORK else self.pcie if link == PCIE else self.inside

    def reached(self, reach: int) -> str:
        """The link by which a group that stretches over so many ranks is joined."""
        if reach > self.node:
            return NETWORK
        return self.name if self.name and reach <= self.joined else PCIE


class Load(NamedTuple):
    """What a rank sends by one link along one axis. `seconds` is None where the link's rate is not known."""

    link: str
    axis: str
    wire_bytes: int
    seconds: float | None


class Busiest(NamedTuple):
    """The link that takes longest, how long, and the axis that has most of it."""

    link: str
    axis: str
    seconds: float


def loads(
    traffic: Iterable[Traffic], mesh: Sequence[Axis], links: Links, phases: Sequence[str] = ()
) -> tuple[Load, ...]:
    """What is sent by each link along each axis, in those phases or in all."""
    found: dict[tuple[str, str], Load] = {}
    for one in traffic:
        if phases and one.phase not in phases:
            continue
        link, seconds = _sent(one, mesh, links)
        before = found.get((link, one.axis), Load(link, one.axis, 0, 0.0))
        took = None if seconds is None or before.seconds is None else before.seconds + seconds
        found[link, one.axis] = Load(link, one.axis, before.wire_bytes + one.wire_bytes, took)
    return tuple(found.values())


def busiest(some: Iterable[Load]) -> Busiest | None:
    """The link that takes longest, of those whose rate is known; None where nothing is sent by any."""
    by_link: dict[str, list[tuple[float, str]]] = {}
    for load in some:
        if load.seconds:
            by_link.setdefault(load.link, []).append((load.seconds, load.axis))
    found = [
        Busiest(link, max(parts)[1], sum(seconds for seconds, _ in parts)) for link, parts in by_link.items()
    ]
    return max(found, key=lambda one: one.seconds, default=None)


def _sent(one: Traffic, mesh: Sequence[Axis], links: Links) -> tuple[str, float | None]:
    """The slowest link that a collective needs, and the seconds that it takes there."""
    link = links.reached(one.reach)
    unit = links.node if link == NETWORK else links.joined if links.name else 1
    if link == links.name:
        return link, ratio(one.wire_bytes, links.inside)
    near = most_near(one, mesh, unit)
    if one.collective in ("send", "recv") and near > 1:  # whose neighbour may be in the same node
        link = links.reached(near)
        return link, ratio(one.wire_bytes, links.rate(link))
    return link, ratio(one.wire_bytes * _crossing(one, near), links.rate(link))


def _crossing(one: Traffic, near: int) -> float:
    """The part of what a rank sends that it must send beyond the ranks near it, `near` of them with it."""
    if near == 1 or one.ranks < 2:
        return 1.0
    if one.collective in ("all_gather", "reduce_scatter", "all_reduce"):
        # Ranks that are near first put together what they have, and each sends its part of that.
        return (one.ranks - near) / near / (one.ranks - 1)
    if one.collective == "all_to_all":
        return (one.ranks - near) / (one.ranks - 1)
    return 1 / near


def most_near(one: Traffic, mesh: Sequence[Axis], unit: int) -> int:
    """How many ranks of a group lie at most within so many ranks of the world."""
    return _most_near(one.axis, one.ranks, one.reach, tuple(mesh), unit)


@functools.lru_cache(maxsize=256)
def _most_near(axis_name: str, ranks: int, reach: int, mesh: tuple[Axis, ...], unit: int) -> int:
    axes = {axis.name: axis for axis in mesh}
    names = axis_name.split("+")
    known = [axes[name] for name in names if name in axes]
    if len(known) == len(names) and math.prod(axis.size for axis in known) == ranks:
        steps = product(*(range(0, axis.size * axis.stride, axis.stride) for axis in known))
        places = sorted(sum(step) for step in steps)
        return max(bisect_left(places, place + unit) - index for index, place in enumerate(places))
    stride = max(1.0, (reach - 1) / max(1, ranks - 1))
    return min(ranks, math.ceil(unit / stride))
