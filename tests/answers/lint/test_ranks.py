"""Checks of networks that are divided among ranks, on reports made by hand and on small networks."""

from __future__ import annotations

from dataclasses import replace

import pytest

import netscope
from netscope.answers.lint import Findings
from netscope.api.lint import lint_report
from netscope.report.ranks import Axis, Implicit, Part
from netscope.report.report import Report
from tests.ranks.networks import NETWORKS
from tests.report.ranked import DP, ranked, sent
from tests.reports import alexnet, parameter

CODES = ["NS501", "NS502", "NS503", "NS504", "NS505"]


def found(report: Report, code: str) -> list[tuple[str, str]]:
    return [(one.path, one.message) for one in lint_report(report, select=[code])]


def of_network(name: str, sizes: tuple[int, ...], *codes: str) -> Findings:
    mesh = dict(zip(NETWORKS[name].axes, sizes, strict=True))
    how = {"args": (NETWORKS[name].input(),), "mesh": mesh, "rank": 0, "train": True}
    return netscope.lint(f"tests.ranks.networks:{name}", select=codes or CODES, **how)


def test_a_network_that_is_not_divided_has_none_of_it() -> None:
    assert [one.code for one in lint_report(alexnet(), select=["NS5"])] == []


def test_a_network_that_is_divided_well_has_none_of_it() -> None:
    assert [one.code for one in lint_report(ranked(), select=["NS5"])] == []


def test_what_nobody_wrote() -> None:
    gather = Implicit("blocks.1", "aten._softmax.default", "S(0), R", "R, R", 3, 3 * 2**20)
    cut = Implicit("blocks.0", "aten.mm.default", "R", "S(0)", 1, 0)
    ((path, message),) = found(ranked(implicit=(gather, cut)), "NS501")
    assert path == "blocks.1"
    assert message == (
        "torch lays a tensor out anew 3 times for _softmax, from S(0), R to R, R, which nobody wrote:"
        " 3.00 MiB in buffers."
    )


def with_part(report: Report, path: str, part: Part, **changed: object) -> Report:
    """The report with another placement of a row's weight."""
    layers = tuple(
        replace(row, rank=row.rank._replace(parameters=(part,)), **changed)  # type: ignore[arg-type]
        if row.path == path and row.rank is not None
        else row
        for row in report.layers
    )
    return report.but(layers=layers)


def test_a_vocabulary_that_is_no_multiple_of_the_ranks() -> None:
    # An eighth of 200 rows is 25, so that of 32 ranks 7 have none, eight times.
    part = Part("weight", (200, 64), (1, 64), {"tp": "S(0)", "dp": "S(0)"})
    ((path, message),) = found(with_part(ranked(), "blocks.0.up", part), "NS502")
    assert path == "blocks.0.up"
    assert message.startswith(
        "its weight of 200×64 is divided into 256: 56 of these ranks hold nothing of it;"
    )
    # The fullest has 64 elements, the mean is 50; three more weights have 64 on every rank: 14 of 242.
    assert message.endswith("the fullest rank has 5.8% more than the mean.")


def test_a_little_more_is_let_pass() -> None:
    # 7 x 32 rows and 26 on the last of tp, so that 6 of 256 have none: 1.5 of 254.5 elements.
    part = Part("weight", (250, 64), (1, 64), {"tp": "S(0)", "dp": "S(0)"})
    assert found(with_part(ranked(), "blocks.0.up", part), "NS502") == []


def test_a_weight_that_tensor_parallelism_leaves_whole() -> None:
    report = ranked()
    large = parameter("weight", 4_096 // 32, 1_024)
    part = Part("weight", (4_096, 1_024), (128, 1_024), {"dp": "S(0)", "tp": "R"})
    ((path, message),) = found(with_part(report, "blocks.0.up", part, parameters=(large,)), "NS503")
    assert path == "blocks.0.up"
    # 128 x 1,024 x 4 bytes a rank, of which an eighth would be left.
    assert (
        message
        == "its weight of 4096×1024 is whole on all 8 ranks along tp: dividing it would free 448 KiB on each."
    )
    data = (DP, Axis("tp", 8, "data", 1))
    assert found(with_part(ranked(mesh=data), "blocks.0.up", part, parameters=(large,)), "NS503") == []


def test_a_small_weight_may_be_whole() -> None:
    part = Part("weight", (256, 64), (8, 64), {"dp": "S(0)", "tp": "R"})
    assert found(with_part(ranked(), "blocks.0.up", part), "NS503") == []


@pytest.mark.parametrize(
    ("axis", "why"),
    [
        (
            Axis("tp", 8, "model", 32),
            "its 8 ranks are 32 apart; as the innermost axis it would fit into a node",
        ),
        (Axis("tp", 16, "model", 1), "it has 16 ranks"),
    ],
)
def test_tensor_parallelism_across_nodes(axis: Axis, why: str) -> None:
    like = ranked()
    assert like.ranks is not None
    traffic = (sent("all_reduce", axis, "forward", 1_024), sent("all_reduce", axis, "backward", 1_024))
    kinds = (like.ranks.kinds[0]._replace(traffic=traffic),)
    ((path, message),) = found(ranked(mesh=(axis,), world=256, kinds=kinds), "NS505")
    wire = 2 * 1_024 * (axis.size - 1) // axis.size
    assert path == ""
    assert message == (
        f"along tp each rank sends {wire / 1024:.2f} KiB in a forward, and a node of 8 does not hold its"
        f" groups: {why}."
    )
    data = axis._replace(role="data")
    assert found(ranked(mesh=(data,), world=256, kinds=kinds), "NS505") == []


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("tensor_and_data", (2, 2)), ("sharded", (2,)), ("sequence_parallel", (2,))],
)
def test_gathers_of_different_tensors_are_not_one_gathered_again(name: str, sizes: tuple[int, ...]) -> None:
    """Each block gathers its own activations, and `fully_shard` its parameters."""
    assert [one.message for one in of_network(name, sizes, "NS504")] == []


def test_channels_are_those_that_a_rank_works_on() -> None:
    """At rest a rank has a row of 32; at work those of its dp are gathered: 256 / 8 = 32, and of 136 17."""
    assert found(ranked(), "NS202") == []
    part = Part("weight", (136, 64), (1, 64), {"dp": "S(0)", "tp": "S(0)"})
    ((path, message),) = found(with_part(ranked(), "blocks.0.up", part), "NS202")
    assert path == "blocks.0.up"
    assert message.startswith("17 channels are no multiple of 8 (25.0% of MACs)")
