"""`netscope.summary` called as strangers call it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import netscope
from netscope import TensorSpec, UsageError, Workload


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"args": torch.ones(1, 3)}, "args= is a tuple"),
        ({"kwargs": [1], "args": (torch.ones(1, 3),)}, "kwargs= maps names"),
        ({"input": "3", "batch": -1}, "a batch of -1 samples"),
        ({"input": "3", "batch": 2.0}, "a batch of 2.0 samples"),
        ({"input": torch.ones(1, 3)}, "input= takes sizes, not a Tensor"),
        ({"input": 3.0}, "input= takes sizes, not a float"),
        ({"input": (3.5, 2)}, "input= takes sizes"),
        ({"input": "3", "options": {"bias": False}}, "options= is for models built from a name"),
    ],
)
def test_a_slip_is_told_by_its_name(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        netscope.summary(nn.Linear(3, 3), **arguments)


def test_what_is_no_network_is_told_so() -> None:
    with pytest.raises(UsageError, match=r"an int is no network"):
        netscope.summary(3)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"Linear is a class.*\n.*Linear\(\.\.\.\)"):
        netscope.summary(nn.Linear)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [{"input": "3"}, {"batch": 4}, {"dtype": "bf16"}, {"args": (1,)}])
def test_nothing_is_ignored_beside_a_workload_or_a_report(given: dict[str, Any]) -> None:
    workload = Workload("x", nn.Linear(3, 3), (TensorSpec((2, 3)),))
    for whole in (workload, netscope.summary(workload)):
        with pytest.raises(UsageError, match=f"{next(iter(given))} cannot be given"):
            netscope.summary(whole, **given)


def test_a_report_made_in_one_mode_is_not_taken_for_the_other() -> None:
    trained = netscope.summary(nn.Linear(3, 3), input="3", train=True)
    assert netscope.summary(trained, train=True) is trained
    with pytest.raises(UsageError, match="train cannot be given"):
        netscope.summary(netscope.summary(nn.Linear(3, 3), input="3"), train=True)


def test_sizes_may_be_a_tuple() -> None:
    assert netscope.summary(nn.Conv2d(3, 4, 3), input=(3, 8, 8), batch=2).root.output_shape == (2, 4, 6, 6)
    net = nn.Bilinear(3, 4, 5)
    assert netscope.summary(net, input=[(3,), "4"], batch=2).root.output_shape == (2, 5)


def test_an_input_that_goes_nowhere_is_named() -> None:
    class Swallows(nn.Module):
        def forward(self, x: Tensor, **more: Tensor) -> Tensor:
            return x + 1

    class HandsOn(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            return x + 1, y

    report = netscope.summary(Swallows(), input=["3", "mask=3"])
    assert report.notes == ("no operator reads the input mask",)
    assert "no operator reads the input mask" in str(report)
    assert netscope.summary(HandsOn(), input=["3", "3"]).notes == ()
