"""Autocast on every rung, beside what torch does of the same forward when nobody traces it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import netscope
from netscope.base.workload import Workload
from netscope.trace.attempt import attempt

RUNGS = ("meta", "fake", "real")


class Everything(nn.Module):
    """Operators of every policy: lower precision, float32, the widest of several, and none of them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.linear = nn.Linear(8, 8)
        self.norm = nn.LayerNorm(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = self.conv(x).flatten(2).transpose(1, 2)
            y = self.norm(self.linear(self.linear(y)))
            y = torch.softmax(torch.cat([y, y.float()]), -1)
            y, _ = self.attention(y, y, y)
            with torch.autocast("cpu", enabled=False):
                y = self.linear(y.float())
            y = torch.einsum("abc,dc->abd", y, self.linear.weight)
            y = self.linear(y) + functional.mse_loss(y, y)
        return self.linear(y.float())


class Decorated(nn.Module):
    """Autocast as a decorator, on a method that a child is called from."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Bilinear(4, 4, 4)
        self.outer = nn.Linear(4, 4)

    @torch.autocast("cpu", dtype=torch.float16)
    def half(self, x: torch.Tensor) -> torch.Tensor:
        return self.outer(self.inner(x, x)) @ x.T

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.half(x).float() @ self.outer(x)


class Switched(nn.Module):
    """The functions that a context is made of, called by hand, on what nobody trains."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4).requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        before = self.linear(x)
        torch.set_autocast_enabled("cpu", True)
        try:
            after = self.linear(x) + self.linear(x)
        finally:
            torch.set_autocast_enabled("cpu", False)
        return torch.stack([before, after, self.linear(x)])


NETWORKS: list[tuple[Callable[[], nn.Module], torch.Tensor]] = [
    (Everything, torch.rand(1, 3, 8, 8)),
    (Decorated, torch.rand(3, 4)),
    (Switched, torch.rand(3, 4)),
]


def dtypes_run(module: nn.Module, x: torch.Tensor) -> list[str]:
    """The dtypes of what modules return, told by hooks in the order of the calls."""
    told: list[str] = []

    def tell(_: nn.Module, __: Any, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) else output
        told.append(str(first.dtype).removeprefix("torch."))

    for part in module.modules():
        part.register_forward_hook(tell)
    with torch.no_grad():
        module(x)
    return told


def traced(module: nn.Module, x: torch.Tensor, rung: str) -> Any:
    trace, error, _ = attempt(Workload("x", module, (x,)), rung, "", train=False, first=True)
    assert error is None
    return trace


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize(("make", "x"), NETWORKS, ids=lambda v: getattr(v, "__name__", ""))
def test_layers_return_the_dtypes_that_they_return_untraced(make: Any, x: torch.Tensor, rung: str) -> None:
    trace = traced(make().eval(), x, rung)
    finished = sorted(trace.calls, key=lambda call: (call.last_op, -call.first_op))
    told = [call.outputs[0].spec.dtype for call in finished if call.outputs]
    run = dtypes_run(make().eval(), x)
    assert sorted(told) == sorted(run)
    assert {"bfloat16", "float16"} & set(told) or make is Switched
    # Conversions as often as they are made: a weight that is trained is converted once.
    assert [op.operator.name for op in trace.ops] == [
        op.operator.name for op in traced(make().eval(), x, "real").ops
    ]


def test_half_the_bytes() -> None:
    """x (2, 8) into Linear(8, 8): 2 * 8 numbers of 2 bytes."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.autocast(x.device.type, dtype=torch.bfloat16):
                return self.layer(x)

    report = netscope.summary(Net(), args=(torch.rand(2, 8),))
    assert (report.rung, report["layer"].output_bytes, report.macs) == ("meta", 32, 128)


def test_around_the_summary() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = netscope.summary(nn.Linear(8, 8), args=(torch.rand(2, 8),))
        named = netscope.summary("alexnet")
    assert inside.output_bytes == 32
    # Two bytes for each number of the first convolution and of the last linear.
    assert named["features.conv1"].output_bytes == 96 * 55 * 55 * 2
    assert named["classifier.fc8"].output_bytes == 1000 * 2


@pytest.mark.parametrize("rung", RUNGS)
def test_nothing_of_the_trace_stays_in_the_callers_autocast(rung: str) -> None:
    layer = nn.Linear(8, 8)
    x = torch.rand(2, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        before = layer(x)
        trace = traced(layer, x, rung)
        after = layer(x)
        assert torch.is_autocast_enabled("cpu")
    assert trace.notes == ()
    assert torch.equal(before, after)
    assert not hasattr(torch.set_autocast_enabled, "_netscope_stands_for")


def test_no_autocast_of_another_device() -> None:
    """One for a device where the tensors are not does nothing."""

    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cuda", dtype=torch.float16, enabled=torch.cuda.is_available()):
                return x @ x

    assert netscope.summary(Net(), args=(torch.rand(4, 4),)).output_bytes == 64


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_recurrent_layers_make_what_they_make_untraced(kind: str) -> None:
    """What they return is decided step by step: 2 x 5 steps of gates of 3 from 4 and 3, then from 3 and 3."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = getattr(nn, kind)(4, 3, 2, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return self.layer(x)[0]

    net, x = Net().eval(), torch.rand(2, 5, 4)
    report = netscope.summary(net, args=(x,))
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    with torch.no_grad():
        assert f"torch.{report.root.outputs[0].dtype}" == str(net(x).dtype)
    assert report.macs == 2 * 5 * gates * 3 * ((4 + 3) + (3 + 3))
