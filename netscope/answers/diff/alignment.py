"""Two rows of layers laid side by side, in order, so that as much as possible is alike.

Short rows are aligned by dynamic programming over likeness (Needleman and Wunsch 1970). Long ones are first
split at what they have in common, found by edit distance (rapidfuzz): over definitions, then over types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from netscope.answers.diff.forest import Forest
from netscope.answers.diff.likeness import ENOUGH, Likeness
from netscope.answers.diff.matches import Match, gaps

# Cells of a table that is filled at once: half a tenth of a second.
CELLS: Final = 40_000

# By what long rows are split, one after the other: what layers must have in common, and how many in a row
# must have it if none of them has parameters.
_SPLITS: Final[tuple[tuple[Callable[[Forest, int], object], int], ...]] = (
    (lambda forest, i: forest.whole[i], 3),
    (lambda forest, i: forest.layers[i].type, 1),
)


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

    def _differing(self, left: Sequence[int], right: Sequence[int], splits: int = 0) -> list[Match]:
        """Of two rows that do not begin or end alike, after so many kinds of split were tried."""
        if not left or not right:
            return []
        if len(left) * len(right) <= CELLS:
            return self._with_places(left, right, self._best(left, right))
        if splits == len(_SPLITS):
            return []
        marks, certain = _SPLITS[splits]
        found: list[Match] = []
        x, y = 0, 0
        for i, j, length in _common([marks(self._a, i) for i in left], [marks(self._b, j) for j in right]):
            if length >= certain or any(self._a.layers[k].params for k in left[i : i + length]):
                found += self._differing(left[x:i], right[y:j], splits + 1)
                found += zip(left[i : i + length], right[j : j + length], strict=True)
                x, y = i + length, j + length
        return found + self._differing(left[x:], right[y:], splits + 1)

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
