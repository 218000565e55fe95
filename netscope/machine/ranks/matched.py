"""The same collective on all of its ranks: the transfer is the shortest, the rest of each is waiting.

A pure function of what each rank saw. The nth collective of a group is the same one on every rank of it, as
it has to be for the collective to end at all.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from netscope.report.measured.ranks import MeasuredCollective


class Call(NamedTuple):
    """One collective on one rank.

    group:
        its ranks, of the world.
    seconds:
        from its call until it was over; None where that was not timed.
    """

    collective: str
    axis: str
    group: tuple[int, ...]
    phase: str
    buffer_bytes: int
    seconds: float | None


# Those of one rank, step by step.
Steps = Sequence[Sequence[Call]]
_Kind = tuple[str, str, int, str]


class Matched(NamedTuple):
    """Of all ranks; by rank, in seconds of a step: transfer, skew, and how long others waited for it."""

    collectives: tuple[MeasuredCollective, ...]
    transfer: tuple[float, ...]
    skew: tuple[float, ...]
    delayed: tuple[float, ...]


def matched(ranks: Sequence[Steps]) -> Matched:
    """What collectives took, each rank's calls held against those of the others; the middle step counts."""
    world = len(ranks)
    steps = min((len(one) for one in ranks), default=0)
    sums = [_step([one[number] for one in ranks]) for number in range(steps)]
    kinds = list(dict.fromkeys(kind for one in sums for kind in one.calls))
    return Matched(
        tuple(_row(kind, sums, world) for kind in kinds),
        _middle((one.of_ranks("transfer", world) for one in sums), world),
        _middle((one.of_ranks("skew", world) for one in sums), world),
        _middle(([one.delayed[rank] for rank in range(world)] for one in sums), world),
    )


class _Sums:
    """Of one step: by kind and rank."""

    def __init__(self) -> None:
        self.calls: dict[_Kind, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self.buffer_bytes: dict[_Kind, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self.transfer: dict[_Kind, dict[int, float]] = defaultdict(lambda: defaultdict(float))
        self.skew: dict[_Kind, dict[int, float]] = defaultdict(lambda: defaultdict(float))
        self.delayed: dict[int, float] = defaultdict(float)
        self.untimed: set[_Kind] = set()

    def of_ranks(self, what: str, world: int) -> list[float]:
        """Of each rank, all kinds together."""
        found: dict[_Kind, dict[int, float]] = getattr(self, what)
        return [sum(by_rank.get(rank, 0.0) for by_rank in found.values()) for rank in range(world)]


def _step(ranks: Sequence[Sequence[Call]]) -> _Sums:
    found = _Sums()
    same: dict[tuple[tuple[int, ...], int], dict[int, Call]] = defaultdict(dict)
    for rank, calls in enumerate(ranks):
        met: dict[tuple[int, ...], int] = defaultdict(int)
        for call in calls:
            kind = _kind(call)
            found.calls[kind][rank] += 1
            found.buffer_bytes[kind][rank] += call.buffer_bytes
            if call.seconds is None:
                found.untimed.add(kind)
                continue
            same[call.group, met[call.group]][rank] = call
            met[call.group] += 1
    for calls_of in same.values():
        seconds = {rank: call.seconds or 0.0 for rank, call in calls_of.items()}
        last = min(seconds, key=lambda rank: seconds[rank])
        for rank, call in calls_of.items():
            found.transfer[_kind(call)][rank] += seconds[last]
            found.skew[_kind(call)][rank] += seconds[rank] - seconds[last]
        found.delayed[last] += max(seconds.values()) - seconds[last]
    return found


def _kind(call: Call) -> _Kind:
    return call.collective, call.axis, len(call.group), call.phase


def _row(kind: _Kind, sums: Sequence[_Sums], world: int) -> MeasuredCollective:
    collective, axis, ranks, phase = kind
    taking_part = sorted({rank for one in sums for rank in one.calls[kind]})
    transfers = _middle(([one.transfer[kind].get(r, 0.0) for r in range(world)] for one in sums), world)
    timed = not any(kind in one.untimed for one in sums)
    return MeasuredCollective(
        collective=collective,
        axis=axis,
        ranks=ranks,
        phase=phase,
        calls=max(count for one in sums for count in one.calls[kind].values()),
        buffer_bytes=max(nbytes for one in sums for nbytes in one.buffer_bytes[kind].values()),
        transfer=statistics.fmean(transfers[rank] for rank in taking_part) if timed else None,
        skew=_middle(([one.skew[kind].get(r, 0.0) for r in range(world)] for one in sums), world),
    )


def _middle(steps: Iterable[Sequence[float]], world: int) -> tuple[float, ...]:
    """The median step of each rank."""
    taken = list(steps)
    if not taken:
        return (0.0,) * world
    return tuple(statistics.median(one[rank] for one in taken) for rank in range(world))


def plain(steps: Steps) -> list[list[list[Any]]]:
    """As JSON has it."""
    return [[list(call) for call in step] for step in steps]


def of_plain(steps: Sequence[Sequence[Sequence[Any]]]) -> Steps:
    """What `plain` made."""
    return [[Call(c, axis, tuple(group), *rest) for c, axis, group, *rest in step] for step in steps]
