"""The tree of a report's rows, which stand in preorder, each with its depth: pure functions over them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from netscope.report.layer import Layer

if TYPE_CHECKING:

    class Nested(Protocol):
        """What stands in preorder: a layer, or what is to become one."""

        @property
        def depth(self) -> int:
            """How many are around it; 0 for the root alone."""


T = TypeVar("T")


def parents_of(rows: Sequence[Nested]) -> list[int]:
    """For every row the index of the one around it, -1 for the root."""
    parents: list[int] = []
    around: list[int] = []
    for index, row in enumerate(rows):
        while len(around) > 1 and rows[around[-1]].depth >= row.depth:
            around.pop()
        parents.append(around[-1] if around else -1)
        around.append(index)
    return parents


def children_of(rows: Sequence[Nested]) -> list[list[int]]:
    """For every row the indices of those directly inside it, in order."""
    return inverted(parents_of(rows))


def inverted(parents: Sequence[int]) -> list[list[int]]:
    """The children that those parents have, where every parent comes before its children."""
    children: list[list[int]] = [[] for _ in parents]
    for index, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(index)
    return children


def ends_of(rows: Sequence[Nested]) -> list[int]:
    """For every row the index behind the last one within it: a subtree is a slice."""
    ends = list(range(1, len(rows) + 1))
    parents = parents_of(rows)
    for index in range(len(rows) - 1, 0, -1):
        ends[parents[index]] = max(ends[parents[index]], ends[index])
    return ends


def lasts_of(depths: Sequence[int]) -> list[tuple[bool, ...]]:
    """For rows in preorder, by their depths: whether each, and each around it, is the last of its siblings.

    Those are the branches of the drawn tree.
    """
    found: list[tuple[bool, ...]] = []
    followed: set[int] = set()  # depths at which another sibling comes
    for depth in reversed(depths):
        found.append(tuple([level not in followed for level in range(1, depth + 1)]))
        followed = {level for level in followed if level < depth} | {depth}
    return found[::-1]


def preorder(root: T, inside: Callable[[T], Sequence[T]]) -> Iterator[T]:
    """A node, then all that is inside it, in order."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(inside(node)))


class Fold(NamedTuple):
    """One layer, or a run of identical siblings put together.

    copies:
        indices of all layers that it stands for: one, or those of the run in every copy of what is around.
    last:
        the index of the run's last sibling within the first copy of what is around; `copies[0]` is its first.
    parent:
        the index of the fold around it, -1 for the root.
    """

    copies: tuple[int, ...]
    last: int
    parent: int


def folds_of(layers: Sequence[Layer], describe: Callable[[Layer], Hashable] | None) -> list[Fold]:
    """The tree in preorder, runs of identical siblings in one where `describe` says what a layer is.

    Without it nothing is folded.
    """
    children = children_of(layers)
    alike = None if describe is None else _looks(layers, children, describe)
    folds: list[Fold] = []
    waiting = [Fold((0,), 0, -1)]
    while waiting:
        fold = waiting.pop()
        folds.append(fold)
        inner = list(zip(*(children[copy] for copy in fold.copies), strict=True))
        runs = [
            Fold(tuple([i for place in run for i in place]), run[-1][0], len(folds) - 1)
            for run in _runs(layers, inner, alike)
        ]
        waiting.extend(reversed(runs))
    return folds


def looks_of(layers: Sequence[Layer], describe: Callable[[Layer], Hashable]) -> list[int]:
    """A number for every layer, equal for layers whose whole subtrees look the same."""
    return _looks(layers, children_of(layers), describe)


def _looks(
    layers: Sequence[Layer], children: Sequence[Sequence[int]], describe: Callable[[Layer], Hashable]
) -> list[int]:
    """A number for every layer, equal for layers whose whole subtrees look the same."""
    known: dict[Any, int] = {}
    numbers = [0] * len(layers)
    for index in range(len(layers) - 1, -1, -1):
        layer = layers[index]
        look = (
            (layer.kind, layer.type, layer.base, describe(layer), layer.calls, layer.used),
            (layer.completed, layer.registered, layer.shared_with, layer.inputs, layer.outputs),
            (layer.parameters, layer.buffers, tuple(layer.operators.items()), tuple(layer.unknown.items())),
            (layer.own_params, layer.own_macs, layer.own_vector, layer.own_output_bytes),
            tuple([(layers[child].name, numbers[child]) for child in children[index]]),
        )
        numbers[index] = known.setdefault(look, len(known))
    return numbers


def _runs(
    layers: Sequence[Layer], inner: Sequence[tuple[int, ...]], alike: Sequence[int] | None
) -> list[list[tuple[int, ...]]]:
    """Consecutive identical siblings together; each alone when `alike` is None."""
    runs: list[list[tuple[int, ...]]] = []
    for place in inner:
        same = alike is not None and runs and alike[runs[-1][0][0]] == alike[place[0]]
        if same and layers[place[0]].kind == "module":
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs
