"""What changed between two networks: a `Diff` of `Pair`s. Frozen, raw, derived from two reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from netscope.answers.diff.plans import Plans, plans
from netscope.base.answer import Answer
from netscope.report.layer import Layer
from netscope.report.measured.intervals import Ratio
from netscope.report.measured.timing import ratio_of
from netscope.report.quantities import QUANTITIES, Delta, Number, Quantity
from netscope.report.report import Report
from netscope.report.tree import children_of

Status = Literal["=", "~", "+", "-"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing about a layer that differs.

    what:
        "name", "moved", "type", a hyperparameter ("kernel_size"), a parameter ("weight"), "output",
        "batch", "calls", "operators", ...
    before, after:
        the raw values; None where there was or is none.
    kind:
        "place" for where a layer stands, "definition" for what it is, "result" for what came of that
        and of its input.
    """

    what: str
    before: Any
    after: Any
    kind: Literal["place", "definition", "result"] = "definition"


@dataclass(frozen=True, slots=True)
class Pair:
    """A layer before and after.

    status:
        "=" the same, "~" changed itself or in something within, "+" added, "-" removed.
    changes:
        what about the layer itself differs; empty for one in which only something within does.
    parent:
        the number of the pair around it in `Diff.pairs`, -1 for the root's.
    """

    status: Status
    before: Layer | None
    after: Layer | None
    changes: tuple[Change, ...] = ()
    parent: int = -1

    @property
    def layer(self) -> Layer:
        """The layer as it is now, or was when it is gone."""
        layer = self.after or self.before
        assert layer is not None
        return layer

    @property
    def path(self) -> str:
        """Its qualified name: the newer one."""
        return self.layer.path

    @property
    def deltas(self) -> dict[str, Delta]:
        """Every quantity that a layer has, with everything inside it, by key."""
        return {
            quantity.key: Delta(
                of_layer(quantity, self.before, self.after), of_layer(quantity, self.after, self.before)
            )
            for quantity in QUANTITIES
            if quantity.of_layer is not None
        }


def of_layer(quantity: Quantity, layer: Layer | None, other: Layer | None) -> Number | None:
    """A layer's quantity beside that of another; a network on one rank sends nothing beside one on many."""
    if layer is None or quantity.of_layer is None:
        return None
    value = quantity.of_layer(layer)
    alone = layer.rank is None and other is not None and other.rank is not None
    return 0 if value is None and alone and quantity.of == "ranks" else value


def of_report(quantity: Quantity, report: Report, other: Report) -> Number | None:
    """The same of whole networks."""
    value = quantity.of_report(report)
    alone = report.ranks is None and other.ranks is not None
    return 0 if value is None and alone and quantity.of == "ranks" else value


@dataclass(frozen=True, slots=True)
class Absorbed:
    """Where a difference ends: this layer gets another input and returns the same output.

    path:
        the layer; everything after it is identical, and the layer itself unless its own cost differs.
    because:
        the arithmetic, "floor((55 - 3)/2) + 1 = floor((56 - 3)/2) + 1 = 27"; "" when it has no short form.
    """

    path: str
    because: str = ""


@dataclass(frozen=True, repr=False)
class Diff(Answer):
    """Two reports and how their layers pair up.

    pairs:
        all layers of both, in the order of the newer network; what was removed stands where it was.
    """

    before: Report
    after: Report
    pairs: tuple[Pair, ...]
    absorbed: Absorbed | None = None

    def __repr__(self) -> str:
        """Short: a debugger or an assertion would else print every layer of both."""
        counts = ", ".join(f"{n:,} {status}" for status, n in self.counts.items())
        return f"<Diff of {self.before.name} and {self.after.name}: {counts}>"

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __bool__(self) -> bool:
        """Whether anything differs that is known; see `whole`."""
        return any(pair.status != "=" for pair in self.pairs) or self._divided_otherwise

    @cached_property
    def plans(self) -> Plans | None:
        """How both are divided among ranks, and what that makes different; None where neither is."""
        return plans(self.before, self.after)

    @property
    def _divided_otherwise(self) -> bool:
        found = self.plans
        if found is None:
            return False
        meshes = [() if one is None else one.mesh for one in (found.before, found.after)]
        return meshes[0] != meshes[1] or any(row.delta.change for row in found.sent)

    @property
    def whole(self) -> bool:
        """Whether both reports are, so that nothing can differ that is not seen."""
        return self.before.whole and self.after.whole

    def __getitem__(self, path: str) -> Pair:
        """The pair of that qualified name: of the newer network's, else of the older's.

        Raises:
            KeyError: there is none.
        """
        return self._by_path[path]

    @cached_property
    def _by_path(self) -> dict[str, Pair]:
        found = {pair.before.path: pair for pair in self.pairs if pair.before is not None}
        return found | {pair.after.path: pair for pair in self.pairs if pair.after is not None}

    @cached_property
    def totals(self) -> dict[str, Delta]:
        """Every quantity of the whole networks, by key."""
        before, after = self.before, self.after
        return {q.key: Delta(of_report(q, before, after), of_report(q, after, before)) for q in QUANTITIES}

    @cached_property
    def timing(self) -> Ratio | None:
        """How many times as long a step takes as before; None unless both were measured."""
        before, after = self.before.timing, self.after.timing
        return None if before is None or after is None else ratio_of(after, before)

    @cached_property
    def leaves(self) -> tuple[Pair, ...]:
        """Pairs of layers that had no layers within before, and have none after.

        A container whose layers all moved away is still none of them.
        """
        before, after = _containers(self.before), _containers(self.after)
        return tuple(
            pair
            for pair in self.pairs
            if (pair.before is None or pair.before.path not in before)
            and (pair.after is None or pair.after.path not in after)
        )

    @cached_property
    def counts(self) -> dict[Status, int]:
        """How many layers have each status; containers are not counted."""
        counts: dict[Status, int] = {"=": 0, "~": 0, "+": 0, "-": 0}
        for pair in self.leaves:
            counts[pair.status] += 1
        return counts

    @property
    def verb(self) -> str:
        """Its page."""
        return "diff"


def _containers(report: Report) -> set[str]:
    """Paths of the layers that have layers within."""
    return {
        layer.path for layer, inner in zip(report.layers, children_of(report.layers), strict=True) if inner
    }
