"""Assertions over reports that are not whole: what is not known is not as expected, and it is said why."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import netscope
from netscope.report.report import Report
from netscope.testing import assert_budget, assert_macs, assert_params, assert_shapes
from tests.partial import NUMPY, THREAD, Borrows, Fails, failed, unseen


@pytest.fixture(params=["fresh", "saved"])
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> Report:
    report = failed(Fails(), torch.zeros(1, 8))
    if request.param == "fresh":
        return report
    report.to_json(tmp_path / "r.json")
    return netscope.load(tmp_path / "r.json")


def test_macs_of_a_failed_forward_are_nothing_that_could_be_expected(broken: Report) -> None:
    for expected in (48, {"": 48}, {"head": 0}, {"body.1": 0}, {"body.2": 0}, {"body": 16}):
        with pytest.raises(AssertionError, match=r"found ≥ \d+, the forward failed in body\.1") as caught:
            assert_macs(broken, expected)
        assert "It is partial: body.1 raised RuntimeError" in str(caught.value)
    assert_macs(broken, {"stem": 32, "body.0": 16})


def test_budgets_of_a_failed_forward(broken: Report) -> None:
    for limit in ("macs=1G", "flops=1G", "output_bytes=1GiB", "weight_layers=9", "head:vector=0"):
        with pytest.raises(AssertionError, match="not known: the forward failed in"):
            assert_budget(broken, limit)
    with pytest.raises(AssertionError, match="too much already"):
        assert_budget(broken, macs=47)
    with pytest.raises(AssertionError, match="not known: the forward failed in"):
        assert_budget(broken, against=broken, fail_if="changed")
    assert_budget(broken, "stem:macs=32", params=102)


def test_parameters_and_shapes_of_what_ran(broken: Report) -> None:
    assert_params(broken, {"": 102, "head": 10})
    assert_shapes(broken, {"stem": ("N", 4), "body.0": ("N", 4)})
    with pytest.raises(AssertionError, match=r"no tensor[\s\S]*It is partial"):
        assert_shapes(broken, {"": ("N", 2)})


def test_parameters_of_lazy_layers_that_did_not_run() -> None:
    report = failed(nn.Sequential(nn.Linear(8, 8), nn.Linear(4, 4), nn.LazyLinear(5)), torch.zeros(1, 8))
    with pytest.raises(AssertionError, match=r"expected 92  found ≥ 92, those of '2' were not made"):
        assert_params(report, 92)
    assert_params(report, {"0": 72, "1": 20})


def test_work_that_was_not_seen() -> None:
    with pytest.raises(AssertionError, match=rf"expected 144  found ≥ 144, not seen: {NUMPY}"):
        assert_macs(unseen(("head", NUMPY)), 144)
    assert_macs(unseen(("head", NUMPY)), {"block": 64})
    with pytest.raises(AssertionError, match="found ≥ 0, may have run unseen: 1 layer"):
        assert_macs(unseen(("block", THREAD)), {"block.aux": 0})
    with pytest.raises(AssertionError, match=rf"It is partial: not seen: block: {THREAD}"):
        assert_macs(unseen(("block", THREAD)), {"stem": 65})


def test_a_layer_that_its_parent_uses() -> None:
    report = netscope.summary(Borrows("functional"), args=(torch.zeros(1, 8),))
    with pytest.raises(AssertionError, match="never called; its parameters are used by the network's own"):
        assert_macs(report, {"fc": 0})
    with pytest.raises(AssertionError, match="never called; its parameters are used by"):
        assert_budget(report, "fc:macs=0")
    assert_macs(report, 80)
