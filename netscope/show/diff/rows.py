"""What of a diff is to be shown: which rows, which columns, raw values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from netscope.answers.diff import Change, Diff, Pair, Status
from netscope.report.layer import Layer
from netscope.report.quantities import Quantity

Kind = Literal["layer", "around", "same", "shared", "renamed", "moved"]

# Rows of several layers that are not shown.
RUNS: Final = ("same", "shared", "renamed", "moved")


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
    def counted(self) -> tuple[Pair, ...]:
        """All pairs that its figures are of."""
        return (*self.pairs, *self.behind)

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
    """Rows and quantities of a diff, ready for its page.

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
