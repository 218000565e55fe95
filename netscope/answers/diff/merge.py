"""From two reports and how their layers pair up to one list of pairs: a `Diff`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netscope.answers.diff.changes import Situation, changes
from netscope.answers.diff.pairing import Pairing
from netscope.answers.diff.result import Change, Diff, Pair, Status
from netscope.report.layer import Layer
from netscope.report.report import Report
from netscope.report.tree import children_of, inverted, parents_of

# Indices of a layer before and after; -1 where there is none.
Spot = tuple[int, int]


def merge(before: Report, after: Report, pairing: Pairing) -> Diff:
    """The pairs in the order of `after`, what was removed at the place where it was."""
    spots = list(_merged(before, after, pairing))
    siblings = _Siblings(before.layers), _Siblings(after.layers)
    found = _changes(before, after, pairing, spots, siblings)
    within = _differs_within(siblings[0].parents, found, spots)
    pairs = tuple(
        Pair(
            status=_status(spot, changed=bool(found[n]) or within[n]),
            before=before.layers[spot[0]] if spot[0] >= 0 else None,
            after=after.layers[spot[1]] if spot[1] >= 0 else None,
            changes=found[n] or (),
            parent=parent,
        )
        for n, (spot, parent) in enumerate(spots)
    )
    return Diff(before, after, pairs)


def _status(spot: Spot, *, changed: bool) -> Status:
    if spot[0] < 0:
        return "+"
    if spot[1] < 0:
        return "-"
    return "~" if changed else "="


def _merged(before: Report, after: Report, pairing: Pairing) -> Iterator[tuple[Spot, int]]:
    """Every layer of both in preorder, with the number of the spot around it."""
    children = children_of(before.layers), children_of(after.layers)
    back = {j: i for i, j in pairing.after.items()}
    waiting: list[tuple[Spot, int]] = [((0, 0), -1)]
    number = 0
    while waiting:
        spot, parent = waiting.pop()
        yield spot, parent
        old = children[0][spot[0]] if spot[0] >= 0 else []
        new = children[1][spot[1]] if spot[1] >= 0 else []
        inner = _interleaved(old, new, pairing.after, back)
        waiting.extend((inside, number) for inside in reversed(inner))
        number += 1


def _interleaved(
    old: Sequence[int], new: Sequence[int], after: dict[int, int], back: dict[int, int]
) -> list[Spot]:
    """The children after; each one that was removed behind the sibling that stood before it."""
    home = set(new)
    removed: dict[int, list[Spot]] = {}
    last = -1
    for i in old:
        if i not in after:
            removed.setdefault(last, []).append((i, -1))
        elif after[i] in home:
            last = after[i]
    inner = list(removed.get(-1, ()))
    for j in new:
        inner.append((back.get(j, -1), j))
        inner += removed.get(j, ())
    return inner


def _changes(
    before: Report,
    after: Report,
    pairing: Pairing,
    spots: Sequence[tuple[Spot, int]],
    siblings: tuple[_Siblings, _Siblings],
) -> list[tuple[Change, ...] | None]:
    """What each layer's own differences are; None for one that was added or removed."""
    renamed = {before.layers[i].path: after.layers[j].path for i, j in pairing.after.items()}
    situation = Situation(before, after, renamed)
    found: list[tuple[Change, ...] | None] = []
    for (i, j), _ in spots:
        if i < 0 or j < 0:
            found.append(None)
            continue
        around = siblings[0].parents[i], siblings[1].parents[j]
        found.append(
            changes(
                before.layers[i],
                after.layers[j],
                situation,
                home=around == (-1, -1) or pairing.after.get(around[0]) == around[1],
                behind=(siblings[0].behind(i), siblings[1].behind(j)) if i in pairing.moved else None,
            )
        )
    return found


class _Siblings:
    """Who stands around whom in one network."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = layers
        self.parents = parents_of(layers)
        self._children = inverted(self.parents)

    def behind(self, index: int) -> str | None:
        """The name of the sibling that comes before this one, None for the first."""
        row = self._children[self.parents[index]]
        place = row.index(index)
        return self._layers[row[place - 1]].name if place else None


def _differs_within(
    parents: Sequence[int], found: Sequence[object], spots: Sequence[tuple[Spot, int]]
) -> list[bool]:
    """For every spot whether something inside it differs, or is not inside it any more.

    `parents` are those of the layers before.
    """
    number_of = {i: n for n, ((i, _), _) in enumerate(spots) if i >= 0}
    differs = [False] * len(found)
    for n in range(len(found) - 1, 0, -1):
        (i, _), parent = spots[n]
        left = number_of[parents[i]] if i >= 0 else parent
        if left != parent:
            differs[left] = True
    for n in range(len(found) - 1, 0, -1):
        if found[n] != () or differs[n]:
            differs[spots[n][1]] = True
    return differs
