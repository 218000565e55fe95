"""Which layer of one network is which layer of another.

From the top down, within containers that pair up: by name where the meaning agrees, then in order by
likeness. What is left over after that has moved or is new, so it is looked for everywhere: first whole
subtrees that are exactly the same, then layers that stand between the same neighbours, and at last
containers by what they hold.

The result does not depend on which network comes first: the two are put into an order of their own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from netscope.answers.diff.alignment import Alignment
from netscope.answers.diff.forest import Forest, Numbers, portrait
from netscope.answers.diff.likeness import NAME, OUTPUT, Likeness, family
from netscope.answers.diff.matches import Match, gaps, in_order, singles
from netscope.report.report import Report

# Containers that share this much of what they hold are one container that was renamed or moved.
MOSTLY: Final = 0.5


@dataclass(frozen=True, slots=True)
class Pairing:
    """Indices of layers before -> indices of the same layers after.

    moved:
        those (by index before) that stand in another order among their siblings.
    """

    after: dict[int, int]
    moved: frozenset[int]

    def turned(self) -> Pairing:
        """The same from the other side."""
        return Pairing({j: i for i, j in self.after.items()}, frozenset(self.after[i] for i in self.moved))


def pair(before: Report, after: Report) -> Pairing:
    """How the layers of two reports pair up; the roots always do."""
    for x, y in zip(before.layers, after.layers, strict=False):
        first, second = portrait(x), portrait(y)
        if first != second:
            return _pair(before, after) if first < second else _pair(after, before).turned()
    if len(before) == len(after):
        return Pairing({i: i for i in range(len(before))}, frozenset())
    return _pair(before, after) if len(before) < len(after) else _pair(after, before).turned()


def _pair(before: Report, after: Report) -> Pairing:
    known: Numbers = {}
    matcher = _Matcher(Forest(before, known), Forest(after, known))
    matcher.descend(0, 0)
    matcher.find_known()
    matcher.find_moved()
    matcher.find_between_neighbours()
    matcher.find_changed_siblings()
    matcher.find_containers()
    return Pairing(matcher.to, frozenset(matcher.displaced()))


class _Matcher:
    def __init__(self, a: Forest, b: Forest) -> None:
        self.a, self.b = a, b
        self.to: dict[int, int] = {}
        self.back: dict[int, int] = {}
        self.likeness = Likeness(a, b)
        self.align = Alignment(a, b, self.likeness)
        self.align_anywhere = Alignment(a, b, self.likeness, numbers=False)
        # What is told apart from all others in both networks, wherever it stands.
        self.known = {**dict(singles(_filled(a), _filled(b))), **dict(singles(_signed(a), _signed(b)))}
        self.known_back = {j: i for i, j in self.known.items()}

    def match(self, i: int, j: int) -> None:
        self.to[i] = j
        self.back[j] = i

    # Within containers that pair up

    def descend(self, i: int, j: int) -> None:
        """Pair these two and whatever pairs up within them."""
        waiting = [(i, j)]
        while waiting:
            i, j = waiting.pop()
            self.match(i, j)
            left, right = self._free(self.a, i, self.to), self._free(self.b, j, self.back)
            around = self._match_wrapped(left, right)
            waiting.extend(
                self._siblings(
                    [i for i in left if i not in self.to and i not in around[0]],
                    [j for j in right if j not in self.back and j not in around[1]],
                )
            )

    def _free(self, forest: Forest, index: int, taken: dict[int, int]) -> list[int]:
        return [child for child in forest.children[index] if child not in taken]

    def _siblings(self, left: Sequence[int], right: Sequence[int]) -> Iterator[Match]:
        """Which children of one are which children of the other."""
        named = self._by_name(left, right)
        yield from named
        # Those that were paired by name, and those that are known to be somebody elsewhere.
        taken = {i for i, _ in named}, {j for _, j in named}
        taken[0].update(i for i in left if i in self.known and self.known[i] not in right)
        taken[1].update(j for j in right if j in self.known_back and self.known_back[j] not in left)
        for ours, theirs in gaps(left, right, in_order(named)):
            yield from self.align(
                [i for i in ours if i not in taken[0]], [j for j in theirs if j not in taken[1]]
            )

    def _match_wrapped(self, left: Sequence[int], right: Sequence[int]) -> tuple[set[int], set[int]]:
        """Pair a layer with the same one in a container that now has its name; returns those containers.

        So an adapter is put around a Linear: "q" is "q.base" then.
        """
        a, b = self.a, self.b
        others = {b.names[j]: j for j in right if not b.numeric[j]}
        around: tuple[set[int], set[int]] = (set(), set())
        for i in left:
            j = others.get(a.names[i])
            if j is None or a.containers[i] == b.containers[j]:
                continue
            ours, theirs = (a.children[i], [j]) if a.containers[i] else ([i], b.children[j])
            found = [(x, y) for x in ours for y in theirs if a.own[x] == b.own[y] and a.layers[x].params]
            if len(found) == 1:
                self.match(*found[0])
                around[0 if a.containers[i] else 1].add(i if a.containers[i] else j)
        return around

    def _by_name(self, left: Sequence[int], right: Sequence[int]) -> list[Match]:
        """Children of the same name, unless that is a number, or they have nothing else in common."""
        others = {self.b.names[j]: j for j in right if not self.b.numeric[j]}
        found = []
        for i in left:
            j = others.get(self.a.names[i])
            if j is None or self.a.numeric[i] or self.a.functional[i] != self.b.functional[j]:
                continue
            if self.a.functional[i] or self.likeness(i, j) > NAME + OUTPUT:
                found.append((i, j))
        return found

    # Everywhere

    def find_known(self) -> None:
        """Pair what there is but one of in each network, though in different containers."""
        for i, j in self.known.items():
            if i not in self.to and j not in self.back:
                self.descend(i, j)

    def find_moved(self) -> None:
        """Pair whole subtrees that are the same, the largest first.

        Of equal size, those that are exactly the same come before those that are the same but for what
        follows from the layers before: other channels may come in where they stand now.
        """
        candidates = []
        for numbers in ((self.a.whole, self.b.whole), (self.a.shapeless, self.b.shapeless)):
            left = self._unpaired_subtrees(self.a, self.to, numbers[0])
            right = self._unpaired_subtrees(self.b, self.back, numbers[1])
            candidates += [(left[number], right[number]) for number in left if number in right]
        for ours, theirs in sorted(candidates, key=lambda found: -self.a.sizes[found[0][0]]):
            left_over = [i for i in ours if i not in self.to], [j for j in theirs if j not in self.back]
            for i, j in self._same_thing(*left_over):
                self._match_whole(i, j)

    def _unpaired_subtrees(
        self, forest: Forest, taken: dict[int, int], numbers: Sequence[int]
    ) -> dict[int, list[int]]:
        """Subtrees of which nothing is paired yet, by their numbers."""
        free = [index not in taken and not forest.functional[index] for index in range(len(forest))]
        for index in range(len(forest) - 1, 0, -1):
            if index in taken or (not free[index] and not forest.functional[index]):
                free[forest.parents[index]] = False
        found: dict[int, list[int]] = defaultdict(list)
        for index, whole in enumerate(numbers):
            if free[index]:
                found[whole].append(index)
        return found

    def _same_thing(self, ours: Sequence[int], theirs: Sequence[int]) -> Iterator[Match]:
        """Of subtrees that are all the same, which one went where: to its siblings before anywhere else."""
        left = list(theirs)
        for i in ours:
            found = [j for j in left if self.to.get(self.a.parents[i]) == self.b.parents[j]]
            if not found and self._telling(i):
                name = "" if self.a.numeric[i] else self.a.names[i]
                found = [j for j in left if self.b.names[j] == name] or left
            if found:
                j = found[0]
                left.remove(j)
                yield i, j

    def _telling(self, i: int) -> bool:
        """Whether what a layer is tells it apart: an activation or a norm is the same wherever it stands."""
        layer = self.a.layers[i]
        if self.a.containers[i]:
            return True
        return layer.params > 0 and family(layer.base, layer.type) != "norm"

    def find_changed_siblings(self) -> None:
        """Pair the only leaf of its type left with the only one among the same siblings."""
        a, b = self.a, self.b
        ours = {i: (self.to.get(a.parents[i]), a.layers[i].type) for i in _leaves(a) if i not in self.to}
        theirs = {j: (b.parents[j], b.layers[j].type) for j in _leaves(b) if j not in self.back}
        for i, j in singles(ours, theirs):
            self.match(i, j)

    def _match_whole(self, i: int, j: int) -> None:
        """Pair two subtrees that are the same, layer by layer."""
        waiting = [(i, j)]
        while waiting:
            i, j = waiting.pop()
            if i in self.to or j in self.back:
                continue
            self.match(i, j)
            waiting.extend(zip(self.a.children[i], self.b.children[j], strict=True))

    def find_between_neighbours(self) -> None:
        """Pair leaves that are alike and stand between leaves that pair up, whatever is around them."""
        left, right = _leaves(self.a), _leaves(self.b)
        leaves = set(right)
        fences = in_order([(i, self.to[i]) for i in left if self.to.get(i) in leaves])
        for ours, theirs in gaps(left, right, fences):
            free = [i for i in ours if i not in self.to], [j for j in theirs if j not in self.back]
            for i, j in self.align_anywhere(*free):
                self.match(i, j)

    def find_containers(self) -> None:
        """Pair containers that hold mostly the same layers, the innermost first."""
        for i in range(len(self.a) - 1, 0, -1):
            if i in self.to or not self.a.containers[i]:
                continue
            inside = [n for n in range(i + 1, self.a.ends[i]) if n in self.to]
            votes: Counter[int] = Counter()
            for n in inside:
                votes.update(self._free_around(self.to[n]))
            if not votes:
                continue
            j = min(votes, key=lambda k: (-self._dice(votes[k], i, k), k))
            if self._dice(votes[j], i, j) >= MOSTLY:
                self.descend(i, j)

    def _free_around(self, j: int) -> Iterator[int]:
        while (j := self.b.parents[j]) > 0:
            if j not in self.back:
                yield j

    def _dice(self, common: int, i: int, j: int) -> float:
        """The part of what two containers hold that they have in common."""
        return 2 * common / (self.a.sizes[i] + self.b.sizes[j] - 2)

    def displaced(self) -> Iterator[int]:
        """Layers that stand in another order among the siblings they kept."""
        for i, j in self.to.items():
            kept = [
                (child, self.to[child])
                for child in self.a.children[i]
                if child in self.to and self.b.parents[self.to[child]] == j
            ]
            settled = {child for child, _ in in_order(kept)}
            yield from (child for child, _ in kept if child not in settled)


def _leaves(forest: Forest) -> list[int]:
    """Modules without modules within."""
    return [i for i in range(1, len(forest)) if not (forest.functional[i] or forest.containers[i])]


def _filled(forest: Forest) -> dict[int, Hashable]:
    """Containers with parameters by all that is in them."""
    return {
        i: forest.whole[i] for i in range(1, len(forest)) if forest.containers[i] and forest.layers[i].params
    }


def _signed(forest: Forest) -> dict[int, Hashable]:
    """Modules by the name that people gave them and what they are."""
    return {
        i: (forest.names[i], forest.chosen[i])
        for i in range(1, len(forest))
        if not forest.numeric[i] and not forest.functional[i]
    }
