"""What all layers of two networks differ in alike, so that it is told once: the batch, the dtype."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Final

from netscope.answers.diff import Change, Diff, Pair
from netscope.report.layer import Layer

# This part of the layers that could have a change must have it.
NEARLY_ALL: Final = 0.9

# What may differ everywhere -> whether a layer could.
_ABLE: Final[dict[str, Callable[[Layer], bool]]] = {
    "batch": lambda layer: False,  # the network's own input has it, so however few layers do
    "dtype": lambda layer: bool(layer.parameters),
    "output_dtype": lambda layer: any(t.dtype is not None for t in layer.outputs),
}

# Own figures that change with it, and need no word.
_FOLLOWING: Final = {
    "batch": frozenset({"own_macs", "own_vector", "own_output_bytes"}),
    "dtype": frozenset({"own_output_bytes"}),
    "output_dtype": frozenset({"own_output_bytes"}),
}


def everywhere(diff: Diff) -> tuple[Change, ...]:
    """The changes that nearly all layers have alike."""
    leaves = [pair for pair in diff.leaves if pair.before and pair.after]
    found = []
    for what, able in _ABLE.items():
        changes = [change for pair in leaves for change in pair.changes if change.what == what]
        most = Counter((change.before, change.after) for change in changes).most_common(1)
        could = sum(able(pair.layer) for pair in leaves)
        if most and most[0][1] >= NEARLY_ALL * could:
            found.append(next(c for c in changes if (c.before, c.after) == most[0][0]))
    return tuple(found)


def only_that(pair: Pair, shared: Collection[Change]) -> bool:
    """Whether a layer differs in nothing but what is shared and what follows from it."""
    rest = [change for change in pair.changes if change not in shared]
    return bool(shared) and all(any(_follows(change, from_) for from_ in shared) for change in rest)


def _follows(change: Change, from_: Change) -> bool:
    if change.what == from_.what and isinstance(change.before, tuple) and isinstance(change.after, tuple):
        # One of several things returned; the others stayed.
        both = {pair for pair in zip(change.before, change.after, strict=False) if pair[0] != pair[1]}
        return len(change.before) == len(change.after) and both == {(from_.before, from_.after)}
    if change.what not in _FOLLOWING[from_.what]:
        return False
    if change.what != "own_macs":
        return True
    # In proportion to the batch; a layer that runs once for all samples would not be.
    return bool(change.before * from_.after == change.after * from_.before)
