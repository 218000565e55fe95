"""Matches: pairs of indices, one of a layer before and one of a layer after."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

Match = tuple[int, int]


def in_order(matches: Sequence[Match]) -> list[Match]:
    """The most matches whose right sides rise as their left sides do; those come in rising order."""
    ends: list[int] = []
    at: list[int] = []
    before = [-1] * len(matches)
    for n, (_, j) in enumerate(matches):
        place = bisect_left(ends, j)
        ends[place : place + 1] = [j]
        at[place : place + 1] = [n]
        before[n] = at[place - 1] if place else -1
    chosen: list[Match] = []
    n = at[-1] if at else -1
    while n >= 0:
        chosen.append(matches[n])
        n = before[n]
    return chosen[::-1]


def gaps(
    left: Sequence[int], right: Sequence[int], fences: Sequence[Match]
) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
    """What stands before, between and behind matches that are in order, on both sides."""
    places = {i: n for n, i in enumerate(left)}, {j: n for n, j in enumerate(right)}
    x, y = 0, 0
    for i, j in fences:
        yield left[x : places[0][i]], right[y : places[1][j]]
        x, y = places[0][i] + 1, places[1][j] + 1
    yield left[x:], right[y:]


def singles(ours: Mapping[int, object], theirs: Mapping[int, object]) -> Iterator[Match]:
    """Those that are the only ones of their kind on both sides; given as {index: kind}."""
    counts = Counter(ours.values()), Counter(theirs.values())
    single = {kind: j for j, kind in theirs.items() if counts[1][kind] == 1}
    yield from ((i, single[kind]) for i, kind in ours.items() if counts[0][kind] == 1 and kind in single)
