"""Where the nodes of a group stand: in which line from the top, and how far from the left in it.

A line reads what the lines above it make. An edge that passes lines between its ends has a place in each of
them, so that it runs around their boxes; edges with the same value run in one, and part where they are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from netscope.base.errors import MissingExtraError

# Bends of a group: beyond them its longest edges have none, for a line in which thousands pass says nothing
# to anybody, and takes megabytes to say it.
BENDS: Final = 100_000

# How far apart those are that were laid onto each other.
NEAR: Final = 0.0005

# Rounds of undoing crossings.
ROUNDS: Final = 40


class Link(NamedTuple):
    """An edge: its ends, and which of the source's values it carries."""

    source: int
    target: int
    port: int = -1


class Stand(NamedTuple):
    """Where everything of a group stands.

    ranks, xs:
        of each node.
    bends:
        of each edge.
    """

    ranks: list[int]
    xs: list[float]
    bends: list[tuple[float, ...]]


def stand(inputs: int, inner: int, outputs: int, links: Sequence[Link], *, most: int = BENDS) -> Stand:
    """Where nodes stand, of which the inputs come first and the outputs last.

    Args:
        links: every one leads from an earlier node to a later one.
        most: bends that there may be.

    Raises:
        MissingExtraError: igraph is needed, and not installed.
    """
    ranks = ranks_of(inputs, inner, outputs, links)
    lanes = _lanes(ranks, links, most)
    layers = list(ranks)
    pairs: list[tuple[int, int]] = []
    lane_of: dict[tuple[int, int], list[int]] = {}
    for number, link in enumerate(links):
        length = ranks[link.target] - ranks[link.source]
        if length > 1 and number not in lanes:
            continue
        lane = lane_of.setdefault((link.source, link.port), [])
        while len(lane) < length - 1:  # as far as the edge goes
            pairs.append((lane[-1] if lane else link.source, len(layers)))
            lane.append(len(layers))
            layers.append(ranks[link.source] + len(lane))
        pairs.append((lane[length - 2] if length > 1 else link.source, link.target))
    xs = _columns(layers, pairs)
    bends = [
        tuple(
            [
                xs[item]
                for item in lane_of[link.source, link.port][: ranks[link.target] - ranks[link.source] - 1]
            ]
        )
        if number in lanes
        else ()
        for number, link in enumerate(links)
    ]
    return Stand(ranks, xs[: len(ranks)], bends)


def in_order(inputs: int, inner: int, outputs: int, links: Sequence[Link]) -> Stand:
    """The line of each node, in which they stand in their order: for who places them otherwise."""
    ranks = ranks_of(inputs, inner, outputs, links)
    taken: Counter[int] = Counter()
    xs = []
    for rank in ranks:
        xs.append(float(taken[rank]))
        taken[rank] += 1
    return Stand(ranks, xs, [()] * len(links))


def ranks_of(inputs: int, inner: int, outputs: int, links: Sequence[Link]) -> list[int]:
    """The line of each node: below all that it reads, and what reads nothing just above its first reader."""
    count = inputs + inner + outputs
    first = 1 if inputs else 0
    ranks = [0] * inputs + [first] * (inner + outputs)
    readers: list[list[int]] = [[] for _ in range(count)]
    reads = [False] * count
    for link in links:
        readers[link.source].append(link.target)
        reads[link.target] = True
    for node in range(count):
        below = ranks[node] + 1
        for reader in readers[node]:
            ranks[reader] = max(ranks[reader], below)
    for node in range(inputs + inner - 1, inputs - 1, -1):
        if not reads[node] and readers[node]:
            ranks[node] = max(first, min([ranks[reader] for reader in readers[node]]) - 1)
    last = max([rank + 1 for rank in ranks[: inputs + inner]], default=0)
    ranks[inputs + inner :] = [last] * outputs
    return ranks


def _lanes(ranks: Sequence[int], links: Sequence[Link], most: int) -> set[int]:
    """The edges that have bends: the shortest ones, as many as there may be."""
    lengths = [(ranks[link.target] - ranks[link.source] - 1, number) for number, link in enumerate(links)]
    chosen: set[int] = set()
    for length, number in sorted(pair for pair in lengths if pair[0] > 0):
        most -= length
        if most < 0:
            break
        chosen.add(number)
    return chosen


def _columns(layers: Sequence[int], pairs: Sequence[tuple[int, int]]) -> list[float]:
    """How far from the left each item stands, by whole numbers: equal ones stand below each other."""
    if len(set(layers)) == len(layers):
        return [0.0] * len(layers)
    try:
        from igraph import Graph
    except ImportError:
        raise MissingExtraError(
            "a picture of a network needs igraph.", hint="pip install 'netscope[html]'"
        ) from None

    graph = Graph(n=len(layers), edges=pairs, directed=True)
    found = graph.layout_sugiyama(layers=list(layers), maxiter=ROUNDS)
    layout = found[0] if isinstance(found, tuple) else found
    xs = _apart([round(x, 3) for x, _ in layout.coords[: len(layers)]], layers)
    columns = {x: float(column) for column, x in enumerate(sorted(set(xs)))}
    return [columns[x] for x in xs]


def _apart(xs: Sequence[float], layers: Sequence[int]) -> list[float]:
    """The same places, but no two in one: it happens that some of a line are laid onto each other."""
    apart = list(xs)
    before: dict[int, float] = {}
    for item in sorted(range(len(xs)), key=lambda item: (xs[item], item)):
        layer = layers[item]
        if layer in before and apart[item] <= before[layer]:
            apart[item] = round(before[layer] + NEAR, 4)
        before[layer] = apart[item]
    return apart
