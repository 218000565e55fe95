"""Arithmetic on paper, and processes that do what it says: of what netscope predicts, nothing is asked."""

from __future__ import annotations

from fractions import Fraction
from math import prod

import pytest

from netscope.report.ranks import wire_bytes
from tests.ranks.figures import FIGURES, idle, order, part, sharded
from tests.ranks.processes import RealRanks, traffic_of

# (network, mesh) -> what each rank multiplies in the forward and in the backward, and sends in a step.
TABLE = {
    # 6*16*16 twice, and 6*16*12 of the head. Two all_reduces of 384 bytes.
    ("mlp", (2,)): (4_224, 8_448, 2 * 384),
    ("mlp", (4,)): (2_688, 5_376, 2 * 576),
    # 4*16*16*8 and 2*4*8*8*4. 1,024 bytes gathered or scattered 5 times, 6 all_reduces of 64.
    ("sequence_parallel", (2,)): (8_192 + 2_048, 16_384 + 5_120, 5 * 512 + 6 * 64),
    ("sequence_parallel", (4,)): (4_096 + 1_024, 8_192 + 2_560, 5 * 768 + 6 * 96),
    # 16 places through 1,920 weights and 2*8*8*8*4 of attention a block, and 160 weights of the head. A block
    # of 1,952 numbers is sent 3 times, 336 others twice; 400, where 10 rows are filled up to 12.
    ("sharded", (2,)): (72_192, 148_480, 6 * 3_904 + 2 * 672),
    ("sharded", (4,)): (72_192, 148_480, 6 * 5_856 + 2 * 1_200),
    # Half of it, and so is what is sharded: 992 numbers a block, 208 others (10 words: 5, filled up to 6).
    # Along tp 1,024 bytes 20 times, 640 of scores, and 5 all_reduces of 64.
    ("tensor_and_data", (2, 2)): (36_096, 74_240, 6 * 1_984 + 2 * 416 + 20 * 512 + 320 + 5 * 64),
    # As sharded; then 3,904 bytes of a block and 672 others all_reduced over two.
    ("hybrid", (2, 2)): (72_192, 148_480, 6 * 3_904 + 2 * 672 + 2 * 3_904 + 672),
    # 12*16*8 of the router; 24 rows of 16*24 twice. 1,536 bytes 4 times.
    ("expert_parallel", (2,)): (1_536 + 18_432, 39_936, 4 * 768),
    ("expert_parallel", (4,)): (1_536 + 18_432, 39_936, 4 * 1_152),
}

WORLDS = [(name, sizes) for name, sizes in TABLE] + [("gpipe", (4,)), ("1f1b", (4,))]


@pytest.mark.parametrize(("name", "sizes"), TABLE, ids=str)
def test_arithmetic_comes_to_what_the_table_says(name: str, sizes: tuple[int, ...]):
    for rank in range(prod(sizes)):
        figures = FIGURES[name](sizes, rank)
        assert (figures.macs, figures.backward_macs, wire_bytes(figures.traffic)) == TABLE[name, sizes]


@pytest.mark.whole
@pytest.mark.parametrize(("name", "sizes"), WORLDS, ids=str)
def test_processes_do_what_was_worked_out(name: str, sizes: tuple[int, ...], real_ranks: RealRanks):
    ranks = real_ranks(name, sizes)
    assert len(ranks) == prod(sizes)
    for rank, found in enumerate(ranks):
        figures = FIGURES[name](sizes, rank)
        assert found.parameters == figures.shapes
        assert (found.macs, found.backward_macs) == (figures.macs, figures.backward_macs)
        assert traffic_of(found.calls) == tuple(one._replace(wire_bytes=0) for one in figures.traffic)


@pytest.mark.whole
@pytest.mark.parametrize(("name", "sizes"), WORLDS, ids=str)
def test_no_collective_was_missed(name: str, sizes: tuple[int, ...], real_ranks: RealRanks):
    """Gloo wrote as many into the profiler's record as the mode saw."""
    for found in real_ranks(name, sizes):
        assert len(found.calls) == found.seen_by_gloo > 0


@pytest.mark.whole
@pytest.mark.parametrize("sizes", [(2,), (4,)], ids=str)
def test_memory_of_a_forward_is_what_was_worked_out(sizes: tuple[int, ...], real_ranks: RealRanks):
    (expected,) = {FIGURES["mlp"](sizes, rank).inference_peak for rank in range(prod(sizes))}
    assert min(found.inference.peak for found in real_ranks("mlp", sizes)) == expected


def test_ten_words_over_more_ranks_than_there_are():
    """Over 32 the first 10 have one each; a norm's 16 numbers have 16 ranks."""
    assert [part(10, 4, rank) for rank in range(4)] == [3, 3, 3, 1]
    assert [part(10, 32, rank) for rank in range(32)] == [1] * 10 + [0] * 22
    assert [part(24, 32, rank) for rank in (0, 23, 24, 31)] == [1, 1, 0, 0]
    last = sharded((32,), 31).shapes
    assert last["embedding.weight"] == (0, 16)
    assert last["layers.1.feed_forward.w2.weight"] == (0, 24)
    # A block: 2 norms, 6 matrices with rows of 16 numbers and one of 24, each filled up to 32 rows.
    assert sharded((32,), 31).own["layers.0"][0].buffer_bytes == 32 * (2 + 6 * 16 + 24) * 4


# A pipeline of 4 stages and 8 microbatches.


@pytest.mark.whole
@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_stages_work_in_the_order_that_was_worked_out(schedule: str, real_ranks: RealRanks):
    for rank, found in enumerate(real_ranks(schedule, (4,))):
        forward = ("send", "forward") if rank == 0 else ("recv", "forward")
        backward = ("send", "backward") if rank == 3 else ("recv", "backward")
        seen = {forward: "F", backward: "B"}
        done = "".join(seen.get((one.collective, one.phase), "") for one in found.calls)
        assert done == order(schedule, 4, rank, 8)


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_equal_stages_wait_for_three_elevenths(schedule: str):
    """(S-1) / (M+S-1), whatever a backward takes."""
    assert order("1f1b", 4, 1, 8) == "FFFBFBFBFBFBFBBB"
    for backward in (1, 2, 3):
        assert idle(schedule, 8, [1] * 4, [backward] * 4) == [Fraction(3, 11)] * 4


def test_unequal_stages_wait_for_the_slowest():
    """GPipe's step is the sum of all stages, and 7 times the slowest, there and back."""
    step = (5 + 7 * 2) * 3
    assert idle("gpipe", 8, [1, 1, 2, 1], [2, 2, 4, 2]) == [
        1 - Fraction(8 * 3 * one, step) for one in (1, 1, 2, 1)
    ]
    # By its MACs the first stage here does three quarters of the backward: 8 + 14, then 15 + 28.
    assert idle("gpipe", 8, [2] * 4, [3, 4, 4, 4]) == [Fraction(25, 65)] + [Fraction(17, 65)] * 3
