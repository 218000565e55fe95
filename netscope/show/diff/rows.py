"""What of a diff is to be shown: which rows, which columns, raw values. Renderers read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from netscope.answers.diff import Change, Diff, Pair, Status
from netscope.report.layer import Layer
from netscope.report.quantities import Delta, Number, Quantity
from netscope.report.report import Report

Kind = Literal["layer", "around", "same", "shared", "renamed", "moved"]

# Rows of several layers that are not shown.
RUNS: Final = ("same", "shared", "renamed", "moved")


class Figure(NamedTuple):
    """A quantity before and after, and whether each is only a lower bound."""

    delta: Delta
    bounds: tuple[bool, bool] = (False, False)


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One visible row.

    kind:
        "layer" for a layer, or a whole subtree that was added or removed; "around" for a container in
        which something changed; the others for a run of layers that are not shown, since nothing about them
        changed, or only what all layers changed alike, or only their names, or only what is around them.
    mark:
        how it changed; "" for what is only around.
    pairs:
        the layer, or the copies that are folded into one row; the layers of a run.
    label, path:
        what it is called in a tree, and in a list. Both have before and after where the name changed.
    lasts:
        for the row and its ancestors below the top, whether it is the last sibling: the tree's branches.
    words:
        what changed, a few words each.
    output:
        the output's shapes before and after, trimmed, or "".
    behind, followers:
        the layers behind it that only pass its change on, and what they are called. They have no row of
        their own, so their figures are in this one.
    layers:
        how many layers without layers within a run or a subtree holds, all copies together.
    quiet:
        whether it has to take the change that comes in from another layer.
    partial:
        for one that was added or removed, whether something within was there before, or still is.
    """

    kind: Kind
    mark: Status | Literal[""]
    pairs: tuple[Pair, ...]
    label: str
    path: str
    lasts: tuple[bool, ...] = ()
    words: tuple[str, ...] = ()
    output: str = ""
    behind: tuple[Pair, ...] = ()
    followers: tuple[str, ...] = ()
    layers: int = 1
    quiet: bool = False
    partial: bool = False

    @property
    def has_figures(self) -> bool:
        """Whether its quantities are to be shown: the root's are the totals, and a run's are not its own.

        Of a container that was added around layers that were there, what it holds is no addition.
        """
        return self.kind not in RUNS and bool(self.layer.path) and not self.partial

    @property
    def layer(self) -> Layer:
        """The first of its layers."""
        return self.pairs[0].layer

    @property
    def times(self) -> int:
        """How many copies are folded here."""
        return len(self.pairs) if self.kind in ("layer", "around") else 1


@dataclass(frozen=True, slots=True)
class Differences:
    """Rows and quantities of a diff, ready for a renderer.

    quantities:
        those that have a column.
    totals:
        those that are told of the whole network.
    shared:
        what all layers changed alike; it is told once.
    flat:
        whether rows are a list with full paths, and not a tree.
    everything:
        whether no row is folded.
    command:
        what to type to see this again; "" when it was not typed.
    """

    diff: Diff
    quantities: tuple[Quantity, ...]
    totals: tuple[Quantity, ...]
    rows: tuple[DiffRow, ...]
    shared: tuple[Change, ...] = ()
    flat: bool = False
    everything: bool = False
    command: str = ""

    @property
    def folded(self) -> bool:
        """Whether `everything` would show more."""
        if self.everything or self.flat:
            return False
        return self.diff.absorbed is not None or any(
            row.kind in RUNS or row.times > 1 or row.followers or (row.layers > 1 and row.mark in "+-")
            for row in self.rows
        )


def figure_of(diff: Diff, row: DiffRow, quantity: Quantity) -> Figure:
    """The quantity of a row, of all that it stands for; a layer that is not there has none of it."""
    pairs = (*row.pairs, *row.behind)
    before = [_of_layer(quantity, diff.before, pair.before) for pair in pairs]
    after = [_of_layer(quantity, diff.after, pair.after) for pair in pairs]
    return _figure(before, after)


def total_of(diff: Diff, quantity: Quantity) -> Figure:
    """The quantity of the whole networks."""
    return _figure([_of_report(quantity, diff.before)], [_of_report(quantity, diff.after)])


Known = tuple[Number | None, bool]


def _of_layer(quantity: Quantity, report: Report, layer: Layer | None) -> Known:
    if layer is None:
        return 0, False
    value = None if quantity.of_layer is None else quantity.of_layer(layer)
    return _known(quantity, value, report, layer)


def _of_report(quantity: Quantity, report: Report) -> Known:
    return _known(quantity, quantity.of_report(report), report, report.root)


def _known(quantity: Quantity, value: Number | None, report: Report, layer: Layer) -> Known:
    """The value, or else its lower bound, and whether it is that."""
    if value is not None or quantity.at_least is None:
        return value, False
    return quantity.at_least(report, layer), True


def _figure(before: Sequence[Known], after: Sequence[Known]) -> Figure:
    return Figure(
        Delta(*(None if any(v is None for v, _ in side) else sum(v or 0 for v, _ in side)
                for side in (before, after))),
        (any(bound for _, bound in before), any(bound for _, bound in after)),
    )  # fmt: skip
