"""Two ways to divide a network among ranks: what moves to the wire, and what each rank saves by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from netscope.report.quantities import Delta
from netscope.report.ranks import PHASES, RankKind, Ranks
from netscope.report.report import Report

# What a rank has, by the attributes of `RankKind`.
HELD: Final = ("params", "param_bytes", "macs", "backward_macs", "wire_bytes", "peak")


class Sent(NamedTuple):
    """Bytes on the wire by one kind of collective along one axis, in one phase."""

    collective: str
    axis: str
    phase: str
    delta: Delta


class Held(NamedTuple):
    """A figure of the rank whose rows the reports have, and of the rank that has the most of it."""

    key: str
    own: Delta
    most: Delta


@dataclass(frozen=True, slots=True)
class Plans:
    """Both plans; a report that has no ranks is the network undivided, on one rank that sends nothing.

    sent:
        what differs first, then what does not; most bytes first.
    """

    before: Ranks | None
    after: Ranks | None
    sent: tuple[Sent, ...]
    held: tuple[Held, ...]


def plans(before: Report, after: Report) -> Plans | None:
    """How two networks are divided; None where neither is."""
    if before.ranks is None and after.ranks is None:
        return None
    kinds = _kinds(before), _kinds(after)
    own = _own(before), _own(after)
    return Plans(
        before.ranks,
        after.ranks,
        _sent(*own),
        tuple(
            Held(
                key,
                Delta(*(getattr(kind, key) for kind in own)),
                Delta(*(_most([getattr(kind, key) for kind in some]) for some in kinds)),
            )
            for key in HELD
        ),
    )


def _kinds(report: Report) -> tuple[RankKind, ...]:
    return (_alone(report),) if report.ranks is None else report.ranks.kinds


def _own(report: Report) -> RankKind:
    return _alone(report) if report.ranks is None else report.ranks.own


def _alone(report: Report) -> RankKind:
    """A network on one rank."""
    return RankKind((0,), None, report.params, report.param_bytes, report.macs, None, None, ())


def _most(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return max(known) if len(known) == len(values) else None


def _sent(before: RankKind, after: RankKind) -> tuple[Sent, ...]:
    found: dict[tuple[str, str, str], list[int]] = {}
    for side, kind in enumerate((before, after)):
        for one in kind.traffic:
            sums = found.setdefault((one.collective, one.axis, one.phase), [0, 0])
            sums[side] += one.wire_bytes
    rows = [Sent(*key, Delta(*sums)) for key, sums in found.items() if any(sums)]
    return tuple(sorted(rows, key=_order))


def _order(row: Sent) -> tuple[bool, int, str, str, int]:
    most = max(row.delta.before or 0, row.delta.after or 0)
    phase = PHASES.index(row.phase) if row.phase in PHASES else len(PHASES)
    return not row.delta.change, -int(most), row.collective, row.axis, phase
