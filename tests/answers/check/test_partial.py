"""No limit holds on what is not known: of failed forwards, of unseen work, of layers that others use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import netscope
from netscope.report.report import Report
from tests.partial import NUMPY, THREAD, Borrows, Fails, Net, failed, unseen


def saved(report: Report, tmp_path: Path) -> Report:
    path = tmp_path / "report.json"
    report.to_json(path)
    return netscope.load(path)


@pytest.fixture(params=["fresh", "saved"])
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> Report:
    report = failed(Fails(), torch.zeros(1, 8))
    return report if request.param == "fresh" else saved(report, tmp_path)


def states(report: Report, *limits: str) -> list[str]:
    return [verdict.state for verdict in netscope.check(report, *limits).verdicts]


def test_no_limit_on_the_work_of_a_failed_forward_holds(broken: Report) -> None:
    limits = [
        "macs=1G",
        "macs>=1",
        "macs!=5",
        "flops=1G",
        "vector=1G",
        "output_bytes=1GiB",
        "weight_layers=99",
    ]
    limits += ["body:macs=1G", "body.1:macs=1G", "body.2:vector=0", "head:macs=0", "head:output_bytes=0"]
    assert states(broken, *limits) == ["unknown"] * len(limits)
    assert not any(netscope.check(broken, limit).passed for limit in limits)


def test_a_lower_bound_may_be_too_much_already(broken: Report) -> None:
    (enough,), (too_much,) = (netscope.check(broken, f"macs={most}").verdicts for most in (48, 47))
    assert (enough.at_least, enough.surely_broken, enough.passed) == (48, False, False)
    assert (too_much.at_least, too_much.surely_broken, too_much.passed) == (48, True, False)
    (bytes_,) = netscope.check(broken, "output_bytes=47B").verdicts
    assert (bytes_.at_least, bytes_.surely_broken) == (48, True)


def test_what_was_done_and_what_needs_no_forward_can_be_limited(broken: Report) -> None:
    limits = ["params=102", "trainable_params==102", "param_bytes==408", "buffer_bytes=0"]
    limits += ["stem:macs==32", "stem:output_bytes==16", "body.0:macs=16", "head:params==10"]
    assert states(broken, *limits) == ["held"] * len(limits)
    assert states(broken, "params=101", "stem:macs=31") == ["broken", "broken"]


def test_no_change_of_a_failed_forward_is_known(broken: Report) -> None:
    def judged(before: Report, after: Report, *changes: str) -> list[str]:
        return [v.state for v in netscope.check(after, against=before, fail_if=changes).verdicts]

    same = judged(
        broken, broken, "changed", "macs>0", "macs>+50%", "output_bytes>0", "head:changed", "params>0"
    )
    assert same == ["unknown"] * 5 + ["held"]
    assert judged(broken, broken, "stem:changed", "stem:macs>0") == ["held", "held"]
    mended = Fails()
    mended.body[1] = nn.Linear(4, 4)
    good = netscope.summary(mended, args=(torch.zeros(1, 8),))
    assert judged(good, broken, "macs>+50%", "changed", "params>+50%") == ["unknown", "broken", "held"]
    assert judged(broken, good, "macs>+50%", "changed") == ["unknown", "broken"]
    assert judged(good, good, "macs>0", "changed") == ["held", "held"]


def test_shapes_of_what_ran_are_known(broken: Report) -> None:
    from netscope.answers.check import Returns, check_report

    wanted = [Returns("stem", ("N", 4)), Returns("head", ("N", 2)), Returns("", (...,))]
    assert [v.state for v in check_report(broken, wanted).verdicts] == ["held", "broken", "broken"]


@pytest.mark.parametrize(
    ("what", "unknown", "held"),
    [
        (("block.fc", NUMPY), ["macs=1G", "block:macs=1G", "block.fc:output_bytes=1GiB"], ["idle:macs=0"]),
        (("block", THREAD), ["block.aux:macs=0", "weight_layers=9"], ["idle:macs=0", "stem:macs=64"]),
        ((None, THREAD), ["idle:macs=0", "block:vector=1G"], ["block.fc:macs=64", "params=1K"]),
        (("head", NUMPY), ["head:macs=1G", "macs<=1G", "vector<=1G"], ["block:macs=64", "weight_layers=9"]),
    ],
)
def test_no_limit_holds_where_work_was_not_seen(
    what: tuple[str | None, str], unknown: list[str], held: list[str], tmp_path: Path
) -> None:
    for report in (unseen(what), saved(unseen(what), tmp_path)):
        assert states(report, *unknown) == ["unknown"] * len(unknown)
        assert states(report, *held) == ["held"] * len(held)
        same = netscope.check(report, against=report, fail_if=["changed", "stem:changed"])
        assert [verdict.state for verdict in same.verdicts] == ["unknown", "held"]


def test_a_network_that_was_all_seen_is_as_before() -> None:
    report = netscope.summary(Net(), args=(torch.zeros(1, 8),))
    assert states(report, "macs=144", "block.aux:macs=0", "weight_layers=3") == ["held"] * 3
    assert netscope.check(report, against=report, fail_if="changed").passed


@pytest.mark.parametrize("how", ["functional", "forward", "matmul"])
def test_no_limit_on_a_layer_that_its_parent_uses_holds(how: str, tmp_path: Path) -> None:
    fresh = netscope.summary(Borrows(how), args=(torch.zeros(1, 8),))
    for report in (fresh, saved(fresh, tmp_path)):
        assert (
            states(report, "fc:macs=0", "fc:macs=1G", "fc:vector=0", "fc:output_bytes=0") == ["unknown"] * 4
        )
        assert states(report, "fc:params=72", "head:macs=16", "macs=80") == ["held"] * 3
        assert netscope.check(report, against=report, fail_if="changed").passed
        assert not netscope.check(report, against=report, fail_if="fc:macs>0").passed
