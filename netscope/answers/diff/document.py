"""A diff as plain JSON values, one dataclass for each part.

The published schema is derived from these classes, as that of a report is from its own.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final, Literal

from netscope.answers.diff.result import Diff, Pair, Status
from netscope.report import store
from netscope.report.quantities import QUANTITIES, Delta, Number
from netscope.report.ranks import Axis, Ranks
from netscope.report.store.documents import SCHEMA_VERSION, Network, network


@dataclass(frozen=True, slots=True)
class DeltaDocument:
    """A quantity in base units, null where it is not known; ratio is change as a part of before."""

    before: Number | None
    after: Number | None
    change: Number | None
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many layers without layers within have each status."""

    same: int
    changed: int
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class Ending:
    """Where the difference ends: everything after this layer is identical."""

    path: str
    because: str


@dataclass(frozen=True, slots=True)
class Changed:
    """One thing about a layer that differs, raw."""

    what: str
    before: Any
    after: Any
    kind: Literal["place", "definition", "result"]


@dataclass(frozen=True, slots=True)
class PairDocument:
    """A layer before and after: "=" the same, "~" changed itself or within, "+" added, "-" removed."""

    status: Status
    before: str | None
    after: str | None
    type: str
    changes: tuple[Changed, ...]
    quantities: dict[str, DeltaDocument]


@dataclass(frozen=True, slots=True)
class Timed:
    """How many times as long a step takes as before, its 95% interval, and whether that excludes 1."""

    ratio: float
    low: float | None
    high: float | None
    outside_noise: bool | None


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """How one of the networks is divided: no axis and one rank where it is not."""

    mesh: tuple[Axis, ...]
    world: int
    rank: int


@dataclass(frozen=True, slots=True)
class SentDocument:
    """Bytes on the wire by one kind of collective along one axis, in one phase."""

    collective: str
    axis: str
    phase: str
    wire_bytes: DeltaDocument


@dataclass(frozen=True, slots=True)
class HeldDocument:
    """A figure of the rank whose rows there are, and of the one that has the most of it."""

    own: DeltaDocument
    most: DeltaDocument


@dataclass(frozen=True, slots=True)
class PlansDocument:
    """Two ways to divide a network: what is sent, and what a rank has."""

    before: PlanDocument
    after: PlanDocument
    sent: tuple[SentDocument, ...]
    held: dict[str, HeldDocument]


@dataclass(frozen=True, slots=True)
class DiffDocument:
    """What `netscope diff --format json` writes: two networks and how their layers pair up."""

    schema_version: int
    kind: Literal["diff"]
    before: Network
    after: Network
    totals: dict[str, DeltaDocument]
    counts: Counts
    absorbed: Ending | None
    timing: Timed | None
    plans: PlansDocument | None
    pairs: tuple[PairDocument, ...]


def document(diff: Diff) -> DiffDocument:
    """The diff in its published form."""
    counts = diff.counts
    return DiffDocument(
        schema_version=SCHEMA_VERSION,
        kind="diff",
        before=network(diff.before),
        after=network(diff.after),
        totals={key: _delta(delta) for key, delta in diff.totals.items()},
        counts=Counts(counts["="], counts["~"], counts["+"], counts["-"]),
        absorbed=None if diff.absorbed is None else Ending(diff.absorbed.path, diff.absorbed.because),
        timing=_timed(diff),
        plans=_plans(diff),
        pairs=tuple(map(_pair, diff.pairs)),
    )


def _timed(diff: Diff) -> Timed | None:
    ratio = diff.timing
    if ratio is None:
        return None
    low, high = (None, None) if ratio.interval is None else (ratio.interval.low, ratio.interval.high)
    return Timed(ratio.value, low, high, ratio.outside_noise)


def _plans(diff: Diff) -> PlansDocument | None:
    found = diff.plans
    if found is None:
        return None
    return PlansDocument(
        before=_plan(found.before),
        after=_plan(found.after),
        sent=tuple(SentDocument(*row[:3], _delta(row.delta)) for row in found.sent),
        held={held.key: HeldDocument(_delta(held.own), _delta(held.most)) for held in found.held},
    )


def _plan(ranks: Ranks | None) -> PlanDocument:
    return PlanDocument((), 1, 0) if ranks is None else PlanDocument(ranks.mesh, ranks.world, ranks.rank)


def _delta(delta: Delta) -> DeltaDocument:
    return DeltaDocument(delta.before, delta.after, delta.change, delta.ratio)


def _pair(pair: Pair) -> PairDocument:
    return PairDocument(
        status=pair.status,
        before=None if pair.before is None else pair.before.path,
        after=None if pair.after is None else pair.after.path,
        type=pair.layer.type,
        changes=tuple(Changed(c.what, c.before, c.after, c.kind) for c in pair.changes),
        quantities={key: _delta(delta) for key, delta in pair.deltas.items()},
    )


# Columns of a diff's CSV and data frame: these, then before, after, change and ratio of each quantity.
COLUMNS: Final = ("status", "before", "after", "type", "changes")
PARTS: Final = tuple(spec.name for spec in dataclasses.fields(DeltaDocument))


def headings() -> list[str]:
    """The columns of a table of pairs."""
    keys = [quantity.key for quantity in QUANTITIES if quantity.of_layer is not None]
    return [*COLUMNS, *(f"{key}_{part}" for key in keys for part in PARTS)]


def values(pair: Pair) -> list[Any]:
    """What a pair has under these headings; its changes as plain JSON values."""
    row = _pair(pair)
    figures = [getattr(figures, part) for figures in row.quantities.values() for part in PARTS]
    return [row.status, row.before, row.after, row.type, store.plain(row.changes), *figures]
