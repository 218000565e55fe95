"""The pages that are tried in a browser, each made once."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

import netscope
from netscope.report.measured.breakdown import LayerTime
from netscope.report.report import Report
from tests.reports import ROOF, profiled, steady
from tests.show.answers import answers


@cache
def summary(name: str = "torchvision/resnet18") -> Report:
    """What is small enough to be traced for a test."""
    return netscope.summary(name)


@cache
def profile() -> Report:
    """AlexNet with planted times, so that nothing depends on the machine."""
    whole = summary("alexnet")
    leaves = [layer.path for layer in whole.layers if layer.own_params or layer.own_macs]
    times = {path: LayerTime(1e-3 * (1 + number % 3), 0.0, 2, 0) for number, path in enumerate(leaves)}
    moved = {layer.path: 4 * layer.own_params + 1000 for layer in whole.layers if layer.own_macs}
    return profiled(whole, times, latency=steady(3e-2), moved=moved, roof=replace(ROOF, title="a machine"))


@cache
def memory() -> Report:
    """A step of training."""
    return netscope.memory("lenet", train=True, optimizer="adamw", device="cpu")


@cache
def difference() -> netscope.Diff:
    """Two networks of which a part is the same."""
    return netscope.diff(summary("alexnet"), summary("zfnet"))


@cache
def failed() -> str:
    """The page of a network whose forward raised in its third layer."""
    from torch import nn

    net = nn.Sequential()
    net.first, net.block, net.last = (
        nn.Linear(8, 8),
        nn.Sequential(nn.ReLU(), nn.Linear(9, 4)),
        nn.Linear(4, 2),
    )
    with pytest.raises(netscope.TraceError) as caught:
        netscope.summary(net, input="8")
    assert caught.value.report is not None
    return caught.value.report.to_html()


@cache
def page(kind: str) -> str:
    """The text of a page: "summary", "alexnet", "profile", "memory", "diff", "curve", "lint" and others."""
    made: dict[str, Any] = {
        "summary": summary,
        "alexnet": lambda: summary("alexnet"),
        "profile": profile,
        "memory": memory,
        "diff": difference,
        "residual": lambda: netscope.diff(summary("torchvision/resnet18"), summary("torchvision/resnet34")),
    }
    answer = made[kind]() if kind in made else answers()[kind]
    text: str = answer.to_html()
    return text


# The kinds of which a page shows more than tables.
PICTURES = ("summary", "profile", "memory", "diff")


def data(text: str, id: str) -> Any:
    """What a script of a page holds as JSON."""
    found = re.search(rf'<script type="application/json" id="{id}">(.*?)</script>', text, re.DOTALL)
    assert found is not None, f"the page has no {id}"
    return json.loads(found[1])
