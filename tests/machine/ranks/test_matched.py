"""Who waited for whom: calls of each rank, with durations that are plain to add up."""

from __future__ import annotations

import json

import pytest

from netscope.machine.ranks.matched import Call, matched, of_plain, plain
from netscope.report.measured.ranks import bus_factor

ALL = (0, 1)


def call(seconds: float | None, group: tuple[int, ...] = ALL, kind: str = "all_reduce") -> Call:
    return Call(kind, "", group, "forward", 100, seconds)


def test_the_last_to_come_waits_for_nobody() -> None:
    found = matched([[[call(0.35)]], [[call(0.05)]]])
    (row,) = found.collectives
    assert row.transfer == pytest.approx(0.05)
    assert row.skew == pytest.approx((0.3, 0.0))
    assert found.delayed == pytest.approx((0.0, 0.3))
    assert found.transfer == pytest.approx((0.05, 0.05))


def test_each_collective_of_a_step_is_held_against_the_same_one() -> None:
    """First rank 1 is late by 2, then rank 0 by 3: neither is hidden by the other."""
    found = matched([[[call(3.0), call(1.0)]], [[call(1.0), call(4.0)]]])
    assert found.skew == (2.0, 3.0)
    assert found.delayed == (3.0, 2.0)
    (row,) = found.collectives
    assert (row.calls, row.buffer_bytes, row.transfer) == (2, 200, 2.0)


def test_groups_are_told_apart() -> None:
    """Two groups of two, called in another order by those who are in both kinds."""
    pair, other = (0, 1), (2, 3)
    steps = [[[call(5.0, pair)]], [[call(1.0, pair)]], [[call(1.0, other)]], [[call(2.0, other)]]]
    found = matched(steps)
    (row,) = found.collectives
    assert row.ranks == 2
    assert row.skew == (4.0, 0.0, 0.0, 1.0)
    assert row.transfer == 1.0
    assert found.delayed == (0.0, 4.0, 1.0, 0.0)


def test_the_middle_step_counts() -> None:
    steps = [[call(2.0)], [call(100.0)], [call(3.0)]]
    found = matched([steps, [[call(1.0)], [call(1.0)], [call(1.0)]]])
    assert found.skew == (2.0, 0.0)


def test_what_was_not_timed_is_unknown_and_not_nothing() -> None:
    send = Call("send", "pp", (0, 1), "forward", 64, None)
    found = matched([[[send]], [[]]])
    (row,) = found.collectives
    assert (row.transfer, row.bus_bandwidth, row.calls, row.buffer_bytes) == (None, None, 1, 64)


def test_ranks_that_send_nothing_have_nothing() -> None:
    found = matched([[[]], [[]]])
    assert found.collectives == ()
    assert found.skew == (0.0, 0.0)
    assert matched([[], []]).delayed == (0.0, 0.0)


def test_calls_travel_as_json() -> None:
    steps = [[call(0.5), call(None, kind="send")], []]
    assert of_plain(json.loads(json.dumps(plain(steps)))) == steps


@pytest.mark.parametrize(
    ("collective", "ranks", "factor"),
    [
        ("all_reduce", 2, 1.0),
        ("all_reduce", 8, 1.75),
        ("all_gather", 8, 0.875),
        ("reduce_scatter", 4, 0.75),
        ("all_to_all", 4, 0.75),
        ("broadcast", 8, 1.0),
        ("reduce", 8, 1.0),
    ],
)
def test_the_bus_is_counted_as_nccl_tests_count_it(collective: str, ranks: int, factor: float) -> None:
    """2(n-1)/n and (n-1)/n, by its PERFORMANCE.md."""
    assert bus_factor(collective, ranks) == factor
