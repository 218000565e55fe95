"""Networks whose reports are not whole, or not of every layer; small enough to count by hand.

A Linear(n, m) on one row takes n*m MACs and m additions, and returns 4*m bytes.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import netscope
from netscope.base.errors import TraceError
from netscope.base.workload import Workload
from netscope.report.analysis.analyze import analyze
from netscope.report.report import Report
from netscope.trace import record
from netscope.trace.facts import Unseen

THREAD = "work in a thread of its own"
NUMPY = "arithmetic in numpy"


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)
        self.aux = nn.Linear(8, 8)
        self.kept = nn.ModuleList([nn.Linear(8, 8)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x) * 2


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(8, 8)
        self.block = Block()
        self.idle = nn.Linear(8, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.block(self.stem(x)))


def unseen(*what: tuple[str | None, str], net: nn.Module | None = None) -> Report:
    """The report of a trace that did not see this: (the call's path, None where that is not known; words)."""
    trace = record(Workload("net", net or Net(), (torch.zeros(1, 8),)))
    paths = [call.path for call in trace.calls]
    found = tuple(Unseen(-1 if path is None else paths.index(path), words) for path, words in what)
    return analyze(trace._replace(unseen=found), Workload("net", Net()))


def failed(net: nn.Module, *args: Any) -> Report:
    with pytest.raises(TraceError) as caught:
        netscope.summary(net, args=args)
    assert caught.value.report is not None
    return caught.value.report


class Fails(nn.Module):
    """The second Linear of `body` takes 8 features and gets 4."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(8, 4)
        self.body = nn.Sequential(nn.Linear(4, 4), nn.Linear(8, 4), nn.ReLU())
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.stem(x) * 2))


class Borrows(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.fc = nn.Linear(8, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = {
            "functional": lambda: nn.functional.linear(x, self.fc.weight, self.fc.bias),
            "forward": lambda: self.fc.forward(x),
            "matmul": lambda: x @ self.fc.weight.T,
            "bias": lambda: x + self.fc.bias,
            "look": lambda: x.to(self.fc.weight.detach().dtype),
        }[self.how]()
        return self.head(x)
