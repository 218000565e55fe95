"""Two rows of layers laid side by side, in order, so that as much as possible is alike.

Short rows are aligned by dynamic programming over likeness (Needleman and Wunsch 1970). Long ones are first
split at what they have in common, found by edit distance over definitions (rapidfuzz).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from netscope.comparison.forest import Forest
from netscope.comparison.likeness import ENOUGH, Likeness
from netscope.comparison.matches import Match, gaps

# Cells of a table that is filled at once: half a tenth of a second.
CELLS: Final = 40_000

# Layers in a row that must agree before the rows are split there, if none of them has parameters.
CERTAIN: Final = 3


class Alignment:
    """Aligns rows of two forests' layers."""

    def __init__(self, a: Forest, b: Forest, likeness: Likeness, *, numbers: bool = True) -> None:
        self._a, self._b = a, b
        self._likeness = likeness
        self._numbers = numbers

    def __call__(self, left: Sequence[int], right: Sequence[int]) -> list[Match]:
        """Which layers of the two rows are the same layer, in order."""
        start = 0
        while start < min(len(left), len(right)) and self._identical(left[start], right[start]):
            start += 1
        end = 0
        while end < min(len(left), len(right)) - start and self._identical(left[-1 - end], right[-1 - end]):
            end += 1
        middle = self._differing(left[start : len(left) - end], right[start : len(right) - end])
        tail = zip(left[len(left) - end :], right[len(right) - end :], strict=True)
        return [*zip(left[:start], right[:start], strict=True), *middle, *tail]

    def _identical(self, i: int, j: int) -> bool:
        a, b = self._a, self._b
        if a.whole[i] != b.whole[j]:
            return False
        return (a.numeric[i] and b.numeric[j]) or a.names[i] == b.names[j]

    def _differing(self, left: Sequence[int], right: Sequence[int]) -> list[Match]:
        if not left or not right:
            return []
        if len(left) * len(right) <= CELLS:
            return self._with_places(left, right, self._best(left, right))
        a, b = self._a, self._b
        found = self._split(left, right, [a.whole[i] for i in left], [b.whole[j] for j in right], CERTAIN)
        if found is None:
            types = [[forest.layers[i].type for i in row] for forest, row in ((a, left), (b, right))]
            found = self._split(left, right, types[0], types[1], 1) or []
        return found

    def _split(
        self,
        left: Sequence[int],
        right: Sequence[int],
        left_marks: Sequence[object],
        right_marks: Sequence[object],
        certain: int,
    ) -> list[Match] | None:
        """Aligned where the marks agree for long enough, and between; None when they never do."""
        fences = list(_common(left_marks, right_marks))
        fences = [
            f for f in fences if f[2] >= certain or any(self._weighty(left[f[0] + k]) for k in range(f[2]))
        ]
        if not fences:
            return None
        found: list[Match] = []
        at = (0, 0)
        for i, j, length in [*fences, (len(left), len(right), 0)]:
            found += self._between(left[at[0] : i], right[at[1] : j])
            found += zip(left[i : i + length], right[j : j + length], strict=True)
            at = i + length, j + length
        return found

    def _between(self, left: Sequence[int], right: Sequence[int]) -> list[Match]:
        """Of two rows that have hardly anything in common."""
        if len(left) * len(right) <= CELLS:
            return self._with_places(left, right, self._best(left, right)) if left and right else []
        return [
            (left[i + k], right[j + k])
            for i, j, length in _common(
                [self._a.layers[i].type for i in left], [self._b.layers[j].type for j in right]
            )
            for k in range(length)
        ]

    def _weighty(self, i: int) -> bool:
        return self._a.layers[i].params > 0

    def _best(self, left: Sequence[int], right: Sequence[int]) -> list[Match]:
        """The matches of largest total likeness."""
        alike = [[self._likeness(i, j, numbers=self._numbers) for j in right] for i in left]
        # best[x][y]: the largest total of the first x and the first y.
        best = [[0.0] * (len(right) + 1)]
        for row in alike:
            above, here = best[-1], [0.0]
            behind = 0.0
            for y, likeness in enumerate(row):
                skip = max(above[y + 1], behind)
                if likeness >= ENOUGH and above[y] + likeness > skip:
                    skip = above[y] + likeness
                here.append(skip)
                behind = skip
            best.append(here)
        found: list[Match] = []
        x, y = len(left), len(right)
        while x and y:
            if best[x][y] == best[x][y - 1]:
                y -= 1
            elif best[x][y] == best[x - 1][y]:
                x -= 1
            else:
                x, y = x - 1, y - 1
                found.append((left[x], right[y]))
        return found[::-1]

    def _with_places(self, left: Sequence[int], right: Sequence[int], found: Sequence[Match]) -> list[Match]:
        """The matches, and between them what stands at the same place of a Sequential on both sides.

        Something else at the same place was put in its place: a ReLU became a Dropout.
        """
        if not self._numbers:
            return list(found)
        exchanged = [
            match
            for gap in gaps(left, right, found)
            if len(gap[0]) == len(gap[1]) and all(map(self._replaced, *gap))
            for match in zip(*gap, strict=True)
        ]
        return sorted([*found, *exchanged])

    def _replaced(self, i: int, j: int) -> bool:
        a, b = self._a, self._b
        return a.numeric[i] and b.numeric[j] and a.containers[i] == b.containers[j]


def _common(left: Sequence[object], right: Sequence[object]) -> Iterator[tuple[int, int, int]]:
    """Where the rows agree by least edits: (start on the left, start on the right, length)."""
    from rapidfuzz.distance import Levenshtein

    numbers: dict[object, int] = {}
    coded = [[numbers.setdefault(mark, len(numbers)) for mark in row] for row in (left, right)]
    for block in Levenshtein.opcodes(coded[0], coded[1]):
        if block.tag == "equal":
            yield block.src_start, block.dest_start, block.src_end - block.src_start
