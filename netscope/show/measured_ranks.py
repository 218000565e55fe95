"""What several ranks took for a step: each one's time, and that of their collectives, as sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from netscope.base import units
from netscope.report.measured.ranks import MeasuredCollective, MeasuredRank, MeasuredRanks
from netscope.show import page as p

# So many ranks are shown each; of more, the slowest.
_MOST: Final = 16


def sections(ranks: MeasuredRanks) -> Iterator[p.Section]:
    """The ranks, and what they send each other."""
    yield _ranks(ranks)
    yield p.Notes(list(_of_ranks(ranks)), close=True)
    if ranks.collectives:
        yield _collectives(ranks)
    yield p.Notes(list(_of_collectives(ranks)), close=True)


def _ranks(ranks: MeasuredRanks) -> p.Table:
    shown = _shown(ranks)
    several = len({rank.host for rank in ranks.ranks}) > 1
    headings = [
        p.Heading("rank", right=True),
        *([p.Heading("host", drop=2, floor=8)] if several else []),
        p.Heading("device", drop=1),
        p.Heading("step", right=True, units=True),
        p.Heading("busy", right=True, units=True),
        p.Heading("transfer", right=True, units=True),
        p.Heading("waits", right=True, units=True),
        p.Heading("awaited", right=True, units=True),
        p.Heading(),
    ]
    return p.Table(headings, [_rank(rank, ranks, several) for rank in shown])


def _shown(ranks: MeasuredRanks) -> Sequence[MeasuredRank]:
    if len(ranks.ranks) <= _MOST:
        return ranks.ranks
    return sorted(ranks.ranks, key=lambda rank: -rank.busy)[: _MOST // 2]


def _rank(rank: MeasuredRank, ranks: MeasuredRanks, several: bool) -> p.Row:
    slowest = rank == ranks.slowest
    tone: p.Tone = "warn" if slowest else ""
    timed = ranks.steps > 0
    seconds = [rank.transfer, rank.skew, rank.delayed] if timed else [None] * 3
    return p.Row(
        [
            p.Cell(units.count(rank.rank), tone),
            *([p.Cell(rank.host)] if several else []),
            p.Cell(rank.target),
            p.Cell(units.seconds(rank.seconds)),
            p.Cell(units.seconds(rank.busy), tone),
            *[p.Cell(units.seconds(one)) for one in seconds],
            p.Cell("slowest" if slowest else "", tone),
        ]
    )


def _of_ranks(ranks: MeasuredRanks) -> Iterator[p.Note]:
    shown, world = len(_shown(ranks)), len(ranks.ranks)
    if shown < world:
        yield p.Note(f"the slowest {shown} of {units.plural(world, 'rank')}", "dim")
    slowest = ranks.slowest
    yield p.Note(
        f"the slowest rank, {slowest.rank}, is busy {units.percent(ranks.imbalance)} longer than the mean"
    )
    awaited = ranks.awaited
    if awaited is not None:
        step = units.percent(awaited.delayed / slowest.seconds) if slowest.seconds else units.UNKNOWN
        yield p.Note(
            f"others wait for rank {awaited.rank} most: {units.seconds(awaited.delayed)} of a step ({step})"
        )


def _collectives(ranks: MeasuredRanks) -> p.Table:
    axes = any(one.axis for one in ranks.collectives)
    headings = [
        p.Heading("collective"),
        *([p.Heading("axis")] if axes else []),
        p.Heading("ranks", right=True),
        p.Heading("phase", drop=1),
        p.Heading("calls", right=True, drop=2),
        p.Heading("buffer", right=True, units=True),
        p.Heading("transfer", right=True, units=True),
        p.Heading("waits at most", right=True, units=True),
        p.Heading("bus", right=True, units=True),
    ]
    rows = sorted(ranks.collectives, key=lambda one: -(one.transfer or 0.0))
    return p.Table(headings, [_collective(one, axes) for one in rows])


def _collective(one: MeasuredCollective, axes: bool) -> p.Row:
    waits, behind = None, ""
    if one.transfer is not None:
        waits = one.most_skew
        behind = f"rank {one.skew.index(waits)}" if waits else ""
    nothing = one.collective == "barrier"
    return p.Row(
        [
            p.Cell(one.collective, "", code=True),
            *([p.Cell(one.axis)] if axes else []),
            p.Cell(units.count(one.ranks)),
            p.Cell(one.phase),
            p.Cell(units.count(one.calls)),
            p.Cell("" if nothing else units.binary(one.buffer_bytes)),
            p.Cell(units.seconds(one.transfer)),
            p.Cell(units.seconds(waits), behind=behind),
            p.Cell("" if nothing else units.bandwidth(one.bus_bandwidth)),
        ]
    )


def _of_collectives(ranks: MeasuredRanks) -> Iterator[p.Note]:
    if not ranks.steps:
        yield p.Note("collectives were not timed: compiled code calls its own", "dim")
    elif not ranks.collectives:
        yield p.Note(f"the ranks sent each other nothing ({ranks.backend})", "dim")
    else:
        yield p.Note(
            f"by {ranks.backend}, in {units.plural(ranks.steps, 'step')} of their own, one after the other "
            "so that nothing overlaps; all of one step, bandwidth on the bus as nccl-tests define it",
            "dim",
        )
        if any(one.transfer is None for one in ranks.collectives):
            yield p.Note(f"{units.UNKNOWN}: what goes to one rank alone is counted and not timed", "dim")
