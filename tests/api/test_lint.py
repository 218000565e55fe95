"""`netscope.lint` as strangers call it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import netscope
from netscope import UsageError, Workload
from netscope.api import lint as module


class Auxiliary(nn.Module):
    """A network whose second head has its use in training."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.auxiliary = nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Any:
        return (self.head(x), self.auxiliary(x)) if self.training else self.head(x)


def test_a_slip_in_a_check_is_told_before_the_network_is_traced() -> None:
    with pytest.raises(UsageError, match="NS999"):
        netscope.lint("no_such_net", select=["NS999"])


def test_what_training_uses_is_not_idle_and_the_network_is_built_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    traced: list[Workload] = []
    trace = module.trace

    def counting(workload: Workload, **how: Any) -> Any:
        traced.append(workload)
        return trace(workload, **how)

    monkeypatch.setattr(module, "trace", counting)
    net = Auxiliary().eval()
    found = netscope.lint(net, input="4", select=["NS301"])
    assert [(finding.path, finding.severity) for finding in found] == [("auxiliary", "info")]
    assert len(traced) == 2
    assert traced[0] is traced[1]
    assert not net.training


def test_the_module_is_left_as_it_was() -> None:
    net = Auxiliary().train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    netscope.lint(net, input="4")
    assert net.training
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
