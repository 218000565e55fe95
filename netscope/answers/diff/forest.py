"""A report's layers as pairing sees them: a tree in which equal things have equal numbers.

The numbers come from one table for both networks, so that "the same layer" is one comparison of integers.
They leave out what pairing must see past: names, dtypes, modes, and whatever follows from the input.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from functools import cached_property
from typing import Any, Final

from netscope.report.layer import Layer
from netscope.report.report import Report
from netscope.report.tree import ends_of, inverted, parents_of

Numbers = dict[Hashable, int]

# Hyperparameters that follow from the layers before.
INHERITED: Final = frozenset(
    {"in_channels", "in_features", "num_features", "normalized_shape", "num_channels"}
)

# Containers whose type says nothing of what they are for.
GENERIC: Final = frozenset({"Sequential", "ModuleList", "ModuleDict"})


class Forest:
    """The layers of one report, by index, with what two layers are compared by."""

    def __init__(self, report: Report, known: Numbers) -> None:
        self.layers = report.layers
        self.parents = parents_of(self.layers)
        self.children = inverted(self.parents)
        # What a layer itself is, and the same with everything within it.
        self.own = [known.setdefault(_definition(layer), len(known)) for layer in self.layers]
        self.whole = self._bottom_up(self.own, "whole", known)
        # And that for what was chosen alone.
        self.shapeless = self._bottom_up(self.chosen, "shapeless", known)

    def _bottom_up(self, marks: Sequence[Hashable], what: str, known: Numbers) -> list[int]:
        """Numbers of whole subtrees."""
        numbers = [0] * len(self.layers)
        for index in range(len(self.layers) - 1, -1, -1):
            inside = tuple([numbers[child] for child in self.children[index]])
            numbers[index] = known.setdefault((what, marks[index], inside), len(known))
        return numbers

    def __len__(self) -> int:
        return len(self.layers)

    @cached_property
    def chosen(self) -> list[Hashable]:
        """What every layer was chosen to be, without what follows from the layers before."""
        return [
            "functional" if functional else (layer.type, _frozen(choices(layer)))
            for layer, functional in zip(self.layers, self.functional, strict=True)
        ]

    @cached_property
    def names(self) -> list[str]:
        """Last components of the paths."""
        return [layer.name for layer in self.layers]

    @cached_property
    def numeric(self) -> list[bool]:
        """Whether a name is only a place in a row, as in a Sequential."""
        return [name.isdecimal() for name in self.names]

    @cached_property
    def functional(self) -> list[bool]:
        """Whether a row is a module's functional work."""
        return [layer.kind == "functional" for layer in self.layers]

    @cached_property
    def containers(self) -> list[bool]:
        """Whether a layer has modules within."""
        return [any(not self.functional[child] for child in inner) for inner in self.children]

    @cached_property
    def contents(self) -> list[Counter[int]]:
        """For every layer, how often each definition of a module without modules occurs in it."""
        return self._gathered(self.own)

    @cached_property
    def kinds(self) -> list[Counter[str]]:
        """The same by type."""
        return self._gathered([layer.type for layer in self.layers])

    def _gathered(self, marks: Sequence[Any]) -> list[Counter[Any]]:
        found: list[Counter[Any]] = [Counter() for _ in self.layers]
        for index in range(len(self.layers) - 1, -1, -1):
            if self.functional[index]:
                continue
            if not self.containers[index]:
                found[index][marks[index]] += 1
            if index:
                found[self.parents[index]].update(found[index])
        return found

    @cached_property
    def sizes(self) -> list[int]:
        """Layers in every subtree, its root counted."""
        return [end - index for index, end in enumerate(self.ends)]

    @cached_property
    def ends(self) -> list[int]:
        """The index behind the last layer within."""
        return ends_of(self.layers)


def choices(layer: Layer) -> dict[str, Any]:
    """The hyperparameters that do not follow from the layers before."""
    return {key: value for key, value in layer.hyperparameters.items() if key not in INHERITED}


def portrait(layer: Layer) -> tuple[str, str, str]:
    """All of a layer that pairing can see, as text: gives two networks an order of their own."""
    return layer.path, repr(_definition(layer)), repr(layer.output_shape)


def _definition(layer: Layer) -> Hashable:
    """What a layer is, however it is called and whatever flows through it."""
    if layer.kind == "functional":
        return "functional"
    return (
        layer.type,
        layer.base,
        _frozen(layer.hyperparameters),
        layer.detail,
        tuple([(p.name, p.shape) for p in layer.parameters]),
        tuple([(b.name, b.shape) for b in layer.buffers]),
        layer.shared_with is None,
    )


def _frozen(values: dict[str, Any]) -> Hashable:
    items = tuple(values.items())
    try:
        hash(items)
    except TypeError:
        return repr(items)
    return items
