"""What people read of ranks that were measured together, of planted figures."""

from __future__ import annotations

from netscope import show
from netscope.report.measured.ranks import MeasuredCollective, MeasuredRank, MeasuredRanks
from tests.reports import alexnet, profiled, steady


def rank(number: int, seconds: float, skew: float = 0.0, delayed: float = 0.0) -> MeasuredRank:
    return MeasuredRank(number, f"node{number // 2}", "cpu", "A processor", seconds, 1e-3, skew, delayed)


# Rank 1 comes late to an all_reduce of 8 MiB, for which rank 0 waits 3 ms of its 10.
REDUCED = MeasuredCollective("all_reduce", "tp", 2, "forward", 4, 2**23, 1e-3, (3e-3, 0.0))
RANKS = MeasuredRanks("gloo", (rank(0, 1e-2, 3e-3), rank(1, 1e-2, 0.0, 3e-3)), (REDUCED,), 4)


def text(ranks: MeasuredRanks) -> str:
    report = profiled(alexnet(), {}, latency=steady(1e-2), ranks=ranks)
    return show.text(report, "table", width=100, top=3)


def test_the_slowest_is_who_is_busy_and_not_who_waits() -> None:
    """Both steps take 10 ms; rank 0 is busy for 7 of them, rank 1 for 10, which is 17.6% over 8.5."""
    assert RANKS.slowest.rank == 1
    found = text(RANKS)
    assert (
        """\
rank  device     step     busy  transfer    waits  awaited
   0  cpu     10.0 ms  7.00 ms   1.00 ms  3.00 ms     0  s
   1  cpu     10.0 ms  10.0 ms   1.00 ms     0  s  3.00 ms  slowest
the slowest rank, 1, is busy 17.6% longer than the mean
others wait for rank 1 most: 3.00 ms of a step (30.0%)

collective  axis  ranks  phase    calls    buffer  transfer   waits at most        bus
all_reduce  tp        2  forward      4  8.00 MiB   1.00 ms  3.00 ms rank 0  8.39 GB/s
by gloo, in 4 steps of their own, one after the other"""
        in found
    )


def test_hosts_are_named_where_there_are_several() -> None:
    several = MeasuredRanks("nccl", tuple(rank(number, 1e-2) for number in range(4)), (), 4)
    found = text(several)
    assert "node0" in found
    assert "node1" in found
    assert "the ranks sent each other nothing (nccl)" in found


def test_of_many_ranks_the_slowest_are_shown() -> None:
    many = MeasuredRanks("gloo", tuple(rank(number, 1e-3 * (1 + number)) for number in range(32)), (), 4)
    found = text(many)
    assert "the slowest 8 of 32 ranks" in found
    assert "32.0 ms" in found
    assert "24.0 ms" not in found


def test_what_was_not_timed_is_a_question_mark() -> None:
    send = MeasuredCollective("send", "pp", 2, "forward", 1, 64, None, (0.0, 0.0))
    found = text(MeasuredRanks("gloo", (rank(0, 1e-2), rank(1, 1e-2)), (send,), 4))
    line = next(line for line in found.splitlines() if line.startswith("send"))
    assert line.count("?") == 3
    assert "counted and not timed" in found
    assert "not timed: compiled" in text(MeasuredRanks("gloo", (rank(0, 1e-2), rank(1, 1e-2))))
