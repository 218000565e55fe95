"""Long stretches of a module's own work, which hide the modules beside them: each is a box by itself.

What a detector does with its boxes after the network is thousands of operators, image by image and class by
class, and no two of them need to be alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from netscope.show.drawing.folding import Wire

# Operators in a row that are one box, where a group has that many boxes and some are modules.
LONG: Final = 24
MANY: Final = 80


def stretches_of(kinds: Sequence[str]) -> list[tuple[int, int]]:
    """Where the stretches begin, and the index behind each, by the kinds of the boxes of a group."""
    if len(kinds) < MANY or "module" not in kinds:
        return []
    found = []
    start = 0
    for index, kind in enumerate([*kinds, ""]):
        if kind == "operator":
            continue
        if index - start >= LONG:
            found.append((start, index))
        start = index + 1
    return found


class Stretch:
    """A stretch of boxes that becomes one, with a port for each value that it reads or gives.

    taken:
        the values from outside, by source and port: the number of the input.
    given:
        the values that others read, by source and port: the number of the output.
    """

    def __init__(self, start: int, end: int, wires: Sequence[Wire]) -> None:
        self.start = start
        self.end = end
        self._wires = [wire for wire in wires if self._has(wire.source) or self._has(wire.target)]
        self.taken: dict[tuple[int, int], int] = {}
        self.given: dict[tuple[int, int], int] = {}
        for wire in self._wires:
            if not self._has(wire.source):
                self.taken.setdefault((wire.source, wire.out_port), len(self.taken))
            elif not self._has(wire.target):
                self.given.setdefault((wire.source, wire.out_port), len(self.given))

    def _has(self, node: int) -> bool:
        return self.start <= node < self.end

    def inner(self) -> Iterator[Wire]:
        """The wires within: inputs come first, then the boxes, then the outputs."""
        shift = len(self.taken) - self.start
        ends = len(self.taken) + self.end - self.start
        told: set[tuple[int, int]] = set()
        for wire in self._wires:
            value = wire.source, wire.out_port
            if not self._has(wire.source):
                yield wire._replace(source=self.taken[value], target=wire.target + shift, out_port=-1)
            elif self._has(wire.target):
                yield wire._replace(source=wire.source + shift, target=wire.target + shift)
            elif value not in told:
                told.add(value)
                target = ends + self.given[value]
                yield wire._replace(source=wire.source + shift, target=target, in_port=-1)

    def outer(self, wires: Sequence[Wire]) -> list[Wire]:
        """The wires of the group with the stretch as one box, each once."""
        ends = len(self.taken) + self.end - self.start
        found: dict[Wire, None] = {}
        for wire in wires:
            value = wire.source, wire.out_port
            comes, goes = self._has(wire.source), self._has(wire.target)
            if comes and goes:
                continue
            found[
                Wire(
                    self._moved(wire.source),
                    self._moved(wire.target),
                    wire.made,
                    ends + self.given[value] if comes else wire.out_port,
                    self.taken[value] if goes else wire.in_port,
                    "" if goes else wire.read,
                )
            ] = None
        return list(found)

    def _moved(self, node: int) -> int:
        """The index of a box once the stretch is one."""
        return min(node, self.start) if node < self.end else node - (self.end - self.start - 1)
