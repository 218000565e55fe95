"""Identical neighbours of a group, found by what they are and by how they are wired.

A run is a stretch of nodes that repeats: each copy is the same as the one before, its edges within are the
same, and what it reads comes from the copy before or, for all copies, from the same node outside. What it
gives goes to the next copy, or for all copies to the same node outside; that of the last one goes anywhere.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple

from netscope.base import units

# Nodes that a copy may have.
LONGEST: Final = 16
# Copies that make a run, of single nodes that open and of others.
FEWEST_BLOCKS: Final = 2
FEWEST: Final = 3


class Wire(NamedTuple):
    """An edge: its ends, the ports at both, and the shape of its value.

    made, read:
        as it was made, and as it is read where that is another.
    """

    source: int
    target: int
    made: str
    out_port: int = -1
    in_port: int = -1
    read: str = ""

    @property
    def text(self) -> str:
        """What is written at it."""
        return units.arrow(self.made, self.read) if self.read else self.made


class Run(NamedTuple):
    """`times` copies of `period` nodes each, from `start` on."""

    start: int
    period: int
    times: int

    @property
    def end(self) -> int:
        """The index behind its last node."""
        return self.start + self.period * self.times


def runs_of(
    looks: Sequence[Hashable | None],
    blocks: Sequence[bool],
    stems: Sequence[str],
    wires: Sequence[Wire],
) -> list[Run]:
    """The runs of a group, in order; none overlaps another.

    Args:
        looks: what each node is, equal for nodes that are alike; None for one that is in no run.
        blocks: whether each opens.
        stems: what the names of nodes that belong together have in common, such as a number. Where a run
            may begin at several nodes, it begins where a copy has the fewest.
        wires: in the order of their targets' inputs.
    """
    return _Search(looks, blocks, stems, wires).runs()


class _Search:
    """The nodes of a group, and what each reads and is read by."""

    def __init__(
        self,
        looks: Sequence[Hashable | None],
        blocks: Sequence[bool],
        stems: Sequence[str],
        wires: Sequence[Wire],
    ) -> None:
        self._blocks = blocks
        self._stems = stems
        self._reads: list[list[Wire]] = [[] for _ in looks]
        self._leaves: list[list[Wire]] = [[] for _ in looks]
        for wire in wires:
            self._reads[wire.target].append(wire)
            self._leaves[wire.source].append(wire)
        # One number says whether two nodes may be alike at all.
        known: dict[Hashable, int] = {}
        self._keys = [
            -1 - index
            if look is None
            else known.setdefault(
                (look, tuple([(wire.made, wire.read, wire.in_port) for wire in reads])), len(known)
            )
            for index, (look, reads) in enumerate(zip(looks, self._reads, strict=True))
        ]

    def runs(self) -> list[Run]:
        """Of those that begin at a node the longest, and then those behind it."""
        count = len(self._keys)
        if len(set(self._keys)) == count:
            return []
        alike = {period: self._alike(period) for period in range(1, min(LONGEST, count // 2) + 1)}
        found: list[Run] = []
        start = 0
        while start < count:
            starting = [self._at(start, period, lengths) for period, lengths in alike.items()]
            best = max(filter(None, starting), key=lambda run: run.end, default=None)
            if best is None:
                start += 1
                continue
            # It may have been met before it begins: it may have as many whole copies a few nodes further on.
            later = [
                self._at(best.start + shift, best.period, alike[best.period])
                for shift in range(1, best.period)
            ]
            same = [run for run in later if run is not None and run.times == best.times]
            best = min([best, *same], key=self._mixture)
            found.append(best)
            start = best.end
        return found

    def _mixture(self, run: Run) -> int:
        return len(set(self._stems[run.start : run.start + run.period]))

    def _at(self, start: int, period: int, lengths: Sequence[int]) -> Run | None:
        """The run of that period from there on, as far as nodes are alike and the wiring repeats."""
        if start + 2 * period > len(self._keys) or self._keys[start] != self._keys[start + period]:
            return None
        return self._checked(Run(start, period, 2 + lengths[start + period] // period))

    def _alike(self, period: int) -> list[int]:
        """For every node how many from it on are the same as those a period later, in all that they read."""
        keys, count = self._keys, len(self._keys)
        lengths = [0] * (count + 1)
        for node in range(count - period - 1, -1, -1):
            if keys[node] == keys[node + period] and self._same(node, period):
                lengths[node] = lengths[node + 1] + 1
        return lengths

    def _same(self, node: int, period: int) -> bool:
        for one, other in zip(self._reads[node], self._reads[node + period], strict=True):
            if other.source - one.source not in (0, period) or other.out_port != one.out_port:
                return False
        return True

    def _checked(self, run: Run) -> Run | None:
        """The run as far as its wiring repeats; None where too little is left of it."""
        start, period, times = run
        fewest = FEWEST_BLOCKS if period == 1 and self._blocks[start] else FEWEST
        if times < fewest or not self._begins(start, period):
            return None
        common = self._given(start, period, start + 2 * period)
        if common and times < FEWEST:
            return None
        for copy in range(1, times):
            first = start + copy * period
            if copy > 1 and not self._reads_well(first, start, period):
                times = copy
                break
            if copy + 1 < times and self._given(first, period, first + 2 * period) == common:
                continue
            # The last one gives more than the others, or as much.
            times = copy + 1 if self._given(first, period, first + period) >= common else copy
            break
        return Run(start, period, times) if times >= (FEWEST if common else fewest) else None

    def _given(self, first: int, period: int, behind: int) -> set[tuple[int, Wire]]:
        """What a copy gives to nodes from that one on: by which of its own, and to whom."""
        return {
            (node - first, wire._replace(source=-1))
            for node in range(first, first + period)
            for wire in self._leaves[node]
            if wire.target >= behind
        }

    def _begins(self, start: int, period: int) -> bool:
        """Whether the first copy is as the second, but for where that reads the first."""
        taken: dict[tuple[int, int], tuple[int, int]] = {}
        for node in range(start, start + period):
            if self._keys[node] != self._keys[node + period]:
                return False
            for one, other in zip(self._reads[node], self._reads[node + period], strict=True):
                inner, outer = (other.source, other.out_port), (one.source, one.out_port)
                if start <= other.source < start + period:
                    # What the second copy has from the first, that has from outside.
                    if one.source >= start or taken.setdefault(inner, outer) != outer:
                        return False
                elif outer != (other.source - (period if other.source >= start else 0), other.out_port):
                    return False
        return True

    def _reads_well(self, first: int, start: int, period: int) -> bool:
        """Whether a copy reads as the second one does: itself, the one before it, or what is outside."""
        second = start + period
        return all(
            wire.source == twin.source + (first - second if twin.source >= start else 0)
            for node in range(period)
            for wire, twin in zip(self._reads[first + node], self._reads[second + node], strict=True)
        )
