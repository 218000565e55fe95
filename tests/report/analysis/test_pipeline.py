"""The simulation of a pipeline, on orders of work small enough to be followed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from netscope.base.workload import Pipeline, TensorSpec
from netscope.report.analysis.pipeline import Stage, bubble_of, gathers, kind_of, waits
from netscope.report.ranks import Axis, Traffic

MESH = (Axis("dp", 2, "data", 2), Axis("pp", 2, "pipeline", 1))


def order(*ranks: str) -> Any:
    """Each rank's work, as "0F0 0F1 0B0"."""
    return tuple(tuple((int(one[0]), one[1:-1], int(one[-1])) for one in rank.split()) for rank in ranks)


def stage(number: int, *traffic: Traffic, **how: Any) -> Stage:
    spec = TensorSpec((2, 4))
    inputs = (spec,) if number else ()
    return Stage(number, 5, 20, 1, 2, 1, (traffic,), inputs, (spec,))._replace(**how)


def test_a_rank_waits_for_the_stage_before_and_after():
    """Forwards take 1 and backwards 2: of 9, the first does nothing between 2 and 4 and between 6 and 7."""
    work = order("0F0 0F1 0B0 0B1", "1F0 1B0 1F1 1B1")
    costs = {(rank, what): cost for rank in (0, 1) for what, cost in (("F", 1), ("B", 2))}
    assert waits(work, costs, 2) == pytest.approx((1 - 6 / 9, 1 - 6 / 9))


def test_weights_fill_the_gaps():
    """All parts take 1. Of 7, the first waits from 2 to 3 and the second at the begin."""
    work = order("0F0 0F1 0I0 0W0 0I1 0W1", "1F0 1I0 1F1 1I1 1W0 1W1")
    costs = {(rank, what): 1 for rank in (0, 1) for what in "FIW"}
    assert waits(work, costs, 2) == pytest.approx((1 / 7, 1 / 7))


def test_an_order_that_never_ends_has_no_bubble():
    work = order("0B0 0F0", "1F0 1B0")
    assert waits(work, {(rank, what): 1 for rank in (0, 1) for what in "FB"}, 2) is None


def test_nothing_to_do_has_no_bubble():
    assert waits(order("0F0", "1F0"), {(0, "F"): 0, (1, "F"): 0}, 2) is None


def test_the_first_stage_has_no_gradient_of_its_input():
    """So its backward is all of weights: 0 and 2, where the second's is 1 and 1. Of 5 they work 3 each."""
    work = order("0F0 0I0 0W0", "1F0 1I0 1W0")
    pipeline = Pipeline((0,), (0, 1), (0, 1), "Halves", 1, work)
    found = bubble_of(pipeline, [stage(0), stage(1)])
    assert found is not None
    assert found.idle == pytest.approx((0.4, 0.4))


def test_halves_that_are_not_known_are_equal():
    assert [stage(1, input_macs=None).cost(what) for what in "IWB"] == [1, 1, 2]
    assert [stage(1, backward_macs=5, input_macs=2).cost(what) for what in "IWB"] == [2, 3, 5]


@pytest.mark.parametrize("what", [{"macs": None}, {"backward_macs": None}], ids=str)
def test_a_stage_of_unknown_work_has_no_bubble(what: dict[str, None]):
    pipeline = Pipeline((0,), (0, 1), (0, 1), "One", 1, order("0F0 0B0", "1F0 1B0"))
    assert bubble_of(pipeline, [stage(0), stage(1, **what)]) is None
    assert bubble_of(pipeline._replace(order=None), [stage(0), stage(1)]) is None


@pytest.mark.parametrize(
    ("work", "divided", "kept"),
    [
        # Divided after each forward; whole from the first backward on.
        ("1F0 1F1 1B0 1B1", (2, 1), (1, 0)),
        # A forward that comes after a backward finds it whole, and divides it.
        ("1F0 1B0 1F1 1B1", (1, 2), (1, 0)),
        # Asked for beforehand, and given up in between.
        ("1UNSHARD0 1F0 1RESHARD0 1B0", (1, 1), (1, 1)),
        # Those of other stages are their own.
        ("1F0 0F0 1B0", (1, 1), (1, 0)),
    ],
)
def test_a_divided_stage_is_made_whole(work: str, divided: tuple[int, int], kept: tuple[int, int]):
    (actions,) = order(work)
    assert gathers(actions, 1, kept=False) == divided
    assert gathers(actions, 1, kept=True) == kept


def test_gradients_are_exchanged_once_a_step():
    """Two microbatches: parts are gathered for each forward, gradients scattered when all is over."""
    gather = Traffic("all_gather", "dp", 2, 3, "forward", 1, 16, 8)
    again, scatter = (
        gather._replace(phase="backward"),
        Traffic("reduce_scatter", "dp", 2, 3, "backward", 1, 16, 8),
    )
    pipeline = Pipeline(
        (1,), (0, 1), (0, 1), "All", 2, order("0F0 0F1 0B0 0B1", "1F0 1F1 1B0 1B1"), accumulates=True
    )
    stages = [stage(0), stage(1, gather, again, scatter)]

    def calls(pipeline: Pipeline) -> dict[tuple[str, str], int]:
        kind = kind_of(pipeline, 1, stages, MESH[1], MESH)
        return {(one.collective, one.phase): one.calls for one in kind.traffic}

    handed = {("recv", "forward"): 2, ("send", "backward"): 2}
    gathered = {
        ("all_gather", "forward"): 2,
        ("all_gather", "backward"): 1,
        ("reduce_scatter", "backward"): 1,
    }
    assert calls(pipeline) == gathered | handed
    # Where not the stage itself is sharded but only what is in it, torch does so each time.
    assert calls(pipeline._replace(accumulates=False)) == dict.fromkeys(gathered, 2) | handed


def test_a_rank_of_two_stages_has_both():
    pipeline = Pipeline((1, 2), (0, 1, 1, 0), (0, 1), "V", 3)
    kind = kind_of(pipeline, 1, [stage(number) for number in range(4)], MESH[1], MESH)
    assert (kind.stage, kind.stages) == (1, (1, 2))
    assert (kind.params, kind.param_bytes, kind.macs, kind.backward_macs) == (10, 40, 2 * 3, 2 * 6)
    # Stage 1 is given its input and gives its gradient back; stage 2 the other way round.
    assert {(one.collective, one.phase, one.calls, one.buffer_bytes) for one in kind.traffic} == {
        (what, phase, 3, 3 * 32) for what in ("send", "recv") for phase in ("forward", "backward")
    }
    assert sum(one.wire_bytes for one in kind.traffic) == 2 * 3 * 32


def test_what_is_not_known_of_one_stage_is_not_known_of_its_rank():
    pipeline = Pipeline((1, 2), (0, 1, 1, 0), (0, 1), "V", 3)
    stages = [stage(number, macs=None if number == 2 else 1) for number in range(4)]
    assert [kind_of(pipeline, place, stages, MESH[1], MESH).macs for place in (0, 1)] == [6, None]
