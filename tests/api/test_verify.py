"""`netscope.verify` as strangers call it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import netscope
from netscope import UsageError, Workload
from netscope.answers.verify import Verification


def test_whatever_summary_takes() -> None:
    net = nn.Linear(8, 4)
    found = netscope.verify(net, args=(torch.zeros(2, 8),), peers="torchinfo")
    assert isinstance(found, Verification)
    assert found.report.macs == 2 * 8 * 4
    assert found["torchinfo"].macs is not None
    assert found["torchinfo"].macs.difference == 2 * 4
    assert len(netscope.verify(Workload("mine", net, (torch.zeros(2, 8),)), peers=["fvcore"])) == 1


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"peers": ["thop"]}, "there is no peer 'thop'"),
        ({"peers": 3}, "peers"),
        ({"time_limit": -1}, "time_limit= is a number of seconds, not -1"),
        ({"time_limit": "1"}, "time_limit= is a number of seconds"),
        ({"time_limit": float("nan")}, "time_limit= is a number of seconds"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_built(how: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        netscope.verify("no_such_net", **how)


def test_a_report_cannot_be_verified() -> None:
    report = netscope.summary("lenet")
    with pytest.raises(UsageError, match="no network"):
        netscope.verify(report)


def test_it_prints_itself() -> None:
    text = str(netscope.verify("lenet", peers=["torchinfo"]))
    assert text.startswith("lenet · zoo")
    assert text.endswith("✓ every difference has its reason")
