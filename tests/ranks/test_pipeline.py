"""Pipelines: what netscope says of each stage and of the bubble, held against arithmetic on paper."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import netscope
from netscope.api.reading import reader
from netscope.base.mesh import parse_mesh
from netscope.base.meta.world import standing_for
from netscope.base.request import Request
from netscope.base.workload import Pipeline, TensorSpec, Workload
from netscope.report.analysis.pipeline import waits
from netscope.report.ranks import Bubble, RankKind, Ranks
from tests.ranks.figures import BYTES, Line, idle, stage, summed
from tests.ranks.networks import DIVIDED
from tests.ranks.processes import RealRanks, traffic_of

SCHEDULES = {"gpipe": ("gpipe", "ScheduleGPipe"), "1f1b": ("one_f_one_b", "Schedule1F1B")}
# Products of one stage with the 16 rows of a step, of each of its two layers.
LAYER = 8 * 2 * 16 * 32
SIZE = 2 * 16 * BYTES


def of(factory: str, mesh: str, *args: Any, **how: Any) -> netscope.Report:
    given = args or (TensorSpec((16, 16)),)
    return netscope.summary(f"tests.ranks.networks:{factory}", args=given, mesh=mesh, **how)


def ranks_of(report: netscope.Report) -> Ranks:
    assert report.ranks is not None
    return report.ranks


def kinds_of(report: netscope.Report) -> dict[int, RankKind]:
    """By rank."""
    return {rank: kind for kind in ranks_of(report).kinds for rank in kind.ranks}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_each_stage_has_does_and_sends_what_was_worked_out(schedule: str):
    factory, title = SCHEDULES[schedule]
    report = of(factory, "pp=4")
    ranks = ranks_of(report)
    assert ranks.mesh[0].role == "pipeline"
    assert ranks.macs == 4 * 2 * LAYER
    kinds = kinds_of(report)
    for rank in range(4):
        figures, kind = stage((4,), rank), kinds[rank]
        assert (kind.stage, kind.stages) == (rank, ())
        assert (kind.macs, kind.backward_macs) == (figures.macs, figures.backward_macs)
        assert summed(kind.traffic) == figures.traffic
        assert kind.params == 16 * 32 + 32 + 32 * 16 + 16
    waiting = [float(one) for one in idle(schedule, 8, [2] * 4, [3, 4, 4, 4])]
    assert ranks.bubble is not None
    assert ranks.bubble == Bubble(title, 8, pytest.approx(waiting))


def test_rows_are_of_one_microbatch():
    report = of("gpipe", "pp=4", rank=2)
    figures = stage((4,), 2)
    shapes = {
        f"{layer.path}.{name}": shape
        for layer in report.layers
        for name, shape in layer.parameter_shapes.items()
    }
    assert shapes == figures.shapes
    root = report.root.rank
    assert root is not None
    assert (report.macs * 8, root.global_macs * 8) == (figures.macs, figures.global_macs)
    assert root.backward_macs * 8 == figures.backward_macs
    assert summed(root.traffic) == summed(
        one._replace(calls=1, buffer_bytes=SIZE, wire_bytes=one.wire_bytes and SIZE)
        for one in figures.traffic
    )
    assert [tuple(tensor.shape) for tensor in report.root.inputs] == [(2, 16)]
    assert ranks_of(report).microbatches == 8
    assert any("one microbatch of 8" in note for note in report.notes)
    assert [kind.ranks for kind in ranks_of(report).kinds] == [(2,)]


def test_two_stages_of_a_rank_are_reported_together():
    """Stage 4 is the first rank's too: it goes on to the second as stage 0 does."""
    report = of("interleaved", "pp=4")
    line = Line("pp", 4)
    kind = kinds_of(report)[0]
    assert kind.stages == (0, 4)
    assert (kind.macs, kind.backward_macs) == (2 * 2 * LAYER, (3 + 4) * LAYER)
    assert summed(kind.traffic) == summed(
        (
            line.sends("send", "forward", SIZE, 16),
            line.sends("recv", "backward", SIZE, 16),
            line.sends("recv", "forward", SIZE, 8),
            line.sends("send", "backward", SIZE, 8),
        )
    )
    paths = [layer.path for layer in report.layers]
    assert paths == ["", *(f"stage{n}{end}" for n in (0, 4) for end in ("", ".0", ".1", ".2"))]
    rows = {layer.path: layer.rank for layer in report.layers}
    assert [rows[path].backward_macs * 8 for path in ("stage0", "stage4", "")] == [
        3 * LAYER,
        4 * LAYER,
        7 * LAYER,
    ]
    assert rows["stage4"].own_traffic
    assert not rows["stage4.0"].own_traffic


def test_nothing_is_sent_between_stages_of_one_rank():
    """There and back, the last rank has stages 3 and 4."""
    kinds = kinds_of(of("zero_bubble", "pp=4"))
    line = Line("pp", 4)
    assert kinds[3].stages == (3, 4)
    assert summed(kinds[3].traffic) == summed(
        line.sends(what, phase, SIZE, 8) for what in ("send", "recv") for phase in ("forward", "backward")
    )
    assert kinds_of(of("there_and_back", "pp=4"))[3].stages == (3, 4)


def pipeline_of(factory: str, rank: int = 0) -> Pipeline:
    with standing_for(parse_mesh("pp=4"), rank):
        workload = reader(f"tests.ranks.networks:{factory}").read(Request(args=(TensorSpec((16, 16)),)))
    assert isinstance(workload, Workload)
    assert workload.pipeline is not None
    return workload.pipeline


def waiting(factory: str, costs: dict[str, int], **first: int) -> Any:
    """Of 8 stages whose parts take so long; those of the first one are told apart."""
    order = pipeline_of(factory).order
    assert order is not None
    free = dict.fromkeys(("UNSHARD", "RESHARD"), 0)
    parts = {(stage, what) for actions in order for stage, what, _ in actions}
    taken = {part: ((costs | first) if part[0] == 0 else costs) | free for part in parts}
    return pytest.approx(waits(order, {part: each[part[1]] for part, each in taken.items()}, 8))


def test_interleaved_stages_wait_as_published():
    """Equal ones, (S-1) / (VM + S-1): Narayanan et al. 2021."""
    for backward in (1, 2):
        assert waiting("interleaved", {"F": 1, "B": backward}) == [3 / (2 * 8 + 3)] * 4


def test_a_backward_in_halves_fills_the_bubble():
    """All parts alike, a rank waits only while the first microbatch is on its way to the last, and back.

    A rank has 2 stages with 3 parts each, of 8 microbatches.
    """
    assert pipeline_of("zero_bubble").owners == (0, 1, 2, 3, 3, 2, 1, 0)
    assert waiting("zero_bubble", {"F": 1, "I": 1, "W": 1, "B": 2}) == [3 / (2 * 3 * 8 + 3)] * 4


def test_halves_of_a_backward_are_told_apart():
    """Each layer is multiplied once for its weight, once for its input; the first stage: 3, for weights."""
    bubble = ranks_of(of("zero_bubble", "pp=4", rank=0)).bubble
    assert bubble is not None
    assert bubble.idle == waiting("zero_bubble", {"F": 2, "I": 2, "W": 2, "B": 4}, I=0, W=3, B=3)


def test_stages_are_divided_themselves():
    """A rank has half of the hidden ones (tp), and half of those numbers (dp); 8 microbatches of 2 rows."""
    report = of("three_ways", "dp=2,pp=2,tp=2")
    kinds = ranks_of(report).kinds
    assert [(kind.stage, kind.ranks) for kind in kinds] == [(0, (0, 1, 4, 5)), (1, (2, 3, 6, 7))]
    assert [axis.role for axis in ranks_of(report).mesh] == ["data", "pipeline", "model"]
    held = 16 * 16 + 16 + 16 * 16 + 16
    dp, pp, tp = Line("dp", 2, 4), Line("pp", 2, 2), Line("tp", 2)
    # Whole from the first forward on until all backwards are over; only then are gradients exchanged.
    shared = [
        dp.sends("all_gather", "forward", held * BYTES),
        dp.sends("reduce_scatter", "backward", held * BYTES),
        tp.sends("all_reduce", "forward", SIZE, 8),
    ]
    sent = {
        0: [pp.sends("send", "forward", SIZE, 8), pp.sends("recv", "backward", SIZE, 8)],
        1: [
            pp.sends("recv", "forward", SIZE, 8),
            pp.sends("send", "backward", SIZE, 8),
            tp.sends("all_reduce", "backward", SIZE, 8),
        ],
    }
    for kind in kinds:
        assert kind.stage is not None
        assert kind.params == held // 2
        assert (kind.macs, kind.backward_macs) == (LAYER, (4 if kind.stage else 3) * LAYER // 2)
        assert summed(kind.traffic) == summed((*shared, *sent[kind.stage]))
    # Both of dp have a batch of their own.
    assert ranks_of(report).macs == 2 * 2 * 2 * LAYER
    root = report.root.rank
    assert root is not None
    assert root.global_macs == 2 * report.macs == 2 * LAYER // 8


def test_ranks_of_one_stage_may_differ():
    """5 rows of 16 and 5 biases, then 16 of 5 and 16."""
    kinds = kinds_of(of("uneven", "dp=2,pp=2"))
    assert len({id(kind) for kind in kinds.values()}) == 4
    assert [kinds[rank].stage for rank in range(4)] == [0, 1, 0, 1]
    assert kinds[0].params == kinds[1].params == 3 * 16 + 3 + 8 * 5 + 8
    assert kinds[2].params == kinds[3].params == 2 * 16 + 2 + 8 * 5 + 8


@pytest.mark.whole
@pytest.mark.parametrize("name", DIVIDED)
def test_real_ranks_do_the_same(name: str, real_ranks: RealRanks):
    """What is gathered or sent when is told by nobody but the schedule: phases are left out."""
    _, axes, sizes = DIVIDED[name]
    mesh = ",".join(f"{axis}={size}" for axis, size in zip(axes, sizes, strict=True))
    for rank, seen in enumerate(real_ranks(name, sizes)):
        report = of(name, mesh, rank=rank)
        shapes = {
            f"{layer.path}.{parameter}": shape
            for layer in report.layers
            for parameter, shape in layer.parameter_shapes.items()
        }
        assert shapes == seen.parameters
        kind = ranks_of(report).own
        assert (kind.macs, kind.backward_macs) == (seen.macs, seen.backward_macs)
        sent = [one._replace(phase="", wire_bytes=0) for one in kind.traffic]
        assert summed(sent) == summed(one._replace(phase="") for one in traffic_of(seen.calls))


def test_gradients_come_back_of_floats_alone():
    """2 texts of 8 words go on with their 16 numbers each; the words have no gradient."""
    report = of("words", "pp=2", TensorSpec((2, 8), "int64"))
    line, ids, numbers = Line("pp", 2), 2 * 8 * 8, 2 * 8 * 16 * BYTES
    forward = {what: line.sends(what, "forward", 0)._replace(calls=2) for what in ("send", "recv")}
    forward["send"] = forward["send"]._replace(buffer_bytes=ids + numbers, wire_bytes=ids + numbers)
    forward["recv"] = forward["recv"]._replace(buffer_bytes=ids + numbers)
    kinds = kinds_of(report)
    assert summed(kinds[0].traffic) == summed((forward["send"], line.sends("recv", "backward", numbers)))
    assert summed(kinds[1].traffic) == summed((forward["recv"], line.sends("send", "backward", numbers)))
    assert (kinds[1].macs, kinds[1].backward_macs) == (16 * 16 * 10, 2 * 16 * 16 * 10)
    assert ranks_of(report).bubble is None


def test_batch_is_divided_into_microbatches():
    with pytest.raises(netscope.UsageError, match="a batch of 12 cannot be divided into 8 microbatches"):
        of("gpipe", "pp=2", torch.ones(12, 16))


def test_a_schedule_says_along_what_a_batch_is_divided():
    """The first stage is frozen, so that how long its backward takes is not known to be anything."""
    report = of("by_columns", "dp=1,pp=2", TensorSpec((2, 8 * 16)))
    assert [tuple(tensor.shape) for tensor in report.root.inputs] == [(2, 16)]
    kinds = kinds_of(report)
    assert [(kinds[rank].macs, kinds[rank].backward_macs) for rank in (0, 1)] == [
        (8 * 2 * 16 * 16, None),
        (8 * 2 * 16 * 16, 2 * 8 * 2 * 16 * 16),
    ]
    assert any("no backward was recorded" in note for note in report.notes)
    assert ranks_of(report).bubble is None


def test_a_divided_result_is_not_handed_on():
    with pytest.raises(netscope.UsageError, match="stage 0 returns a tensor that is divided among ranks"):
        of("left_divided", "pp=2,tp=2")


def test_stages_are_those_of_all_ranks():
    with pytest.raises(netscope.UsageError, match="a pipeline on some ranks, and none on others"):
        of("first_alone", "pp=2", TensorSpec((2, 8), "int64"))


def test_without_a_mesh_only_one_stage_is_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("netscope.sources.common.source.current", lambda: None)
    with pytest.raises(netscope.UsageError, match="each of which is given what another returns") as error:
        of("gpipe", "pp=2")
    assert "--mesh" in str(error.value.hint)
