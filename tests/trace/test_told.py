"""What a report says of its own trace: what was left, what was put back, which way a forward went and why.

Expected figures are by hand: `L` is a linear layer of 4 to 4 on two rows.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import netscope
from netscope.base.workload import TensorSpec, Workload
from netscope.report.report import Report
from netscope.trace import record
from tests.owners.owner import Does, L

KEPT: dict[str, Tensor] = {}


@functools.lru_cache
def window(length: int) -> Tensor:
    return torch.hann_window(length)


def told(does: Callable[..., Any], **attributes: Any) -> Report:
    return netscope.summary(Does(does, **attributes), args=(torch.ones(2, 4),))


# -- What is put back is named


def test_where_a_tensor_was_left_is_named() -> None:
    def does(self: Does, x: Tensor) -> Tensor:
        KEPT["last"] = self.linear(x)
        return KEPT["last"] * window(100_000)[:4]

    window.cache_clear()
    report = told(does)
    assert KEPT == {}
    assert window.cache_info().currsize == 0
    left = sorted(report.notes)
    assert [note.partition(" in ")[0] for note in left] == ["the forward left a tensor of the trace"] * 2
    assert left[0].endswith("test_told.KEPT['last'] (taken out)")
    assert left[1].endswith("test_told.window (cleared)")


def test_what_could_not_be_copied_is_put_back_and_named() -> None:
    def does(self: Does, x: Tensor) -> Tensor:
        self.file.read(2)
        return self.linear(x)

    with tempfile.TemporaryFile() as file:
        file.write(b"abcdef")
        file.seek(1)
        report = told(does, file=file)
        assert file.tell() == 1
    (note,) = report.notes
    assert note.startswith("the forward changed a Buffered")
    assert note.endswith("which cannot be copied and was put back")


def test_a_forward_that_leaves_nothing_has_no_notes() -> None:
    assert told(lambda self, x: self.linear(x)).notes == ()


# -- The way of the forward is its owner's


def test_tensors_say_that_they_are_where_the_owners_are() -> None:
    def does(self: Does, x: Tensor) -> Tensor:
        y = self.linear(x)
        elsewhere = any(t.is_meta or t.device.type != "cpu" for t in (x, y, self.linear.weight))
        return self.linear(y) if elsewhere else y

    report = told(does)
    assert (report.macs, report.rung) == (L, "meta")


def test_gradients_are_on_where_the_owner_has_them_on() -> None:
    def does(self: Does, x: Tensor) -> Tensor:
        y = self.linear(x)
        return y if torch.is_grad_enabled() else self.linear(y)

    assert told(does).macs == L
    with torch.no_grad():
        assert told(does).macs == 2 * L


# -- The ladder


def test_a_failure_that_the_forward_swallows_sends_it_down_a_rung() -> None:
    def does(self: Does, x: Tensor) -> Tensor:
        y = self.linear(x)
        try:
            turns = int((y * 0).sum().item()) + 1
        except Exception:  # noqa: BLE001 - as owners do
            turns = 5
        for _ in range(turns):
            y = self.linear(y)
        return y

    report = told(does)
    assert (report.macs, report.rung) == (2 * L, "real")
    assert report.facts is not None
    assert report.facts.rung_reason.endswith("failed, and the forward went on")


class Counts(nn.Module):
    """Does more at its second call, and reads a value, so that no rung but the last will do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        for _ in range(self.calls):
            x = self.linear(x)
        return x * x.sum().item()


def test_each_rung_starts_anew() -> None:
    model = Counts()
    report = netscope.summary(model, args=(torch.ones(2, 4),))
    assert (report.macs, report.rung, model.calls) == (L, "real", 0)


def test_a_named_network_is_built_again_for_another_rung() -> None:
    built: list[nn.Module] = []

    def again() -> nn.Module:
        built.append(Counts())
        return built[-1]

    workload = Workload("counts", Counts().to("meta"), (TensorSpec((2, 4)),), rebuild=again)
    trace = record(workload)
    assert (trace.rung, len([op for op in trace.ops if "addmm" in op.operator.name])) == ("real", 1)
    assert len(built) == 2  # for fake tensors and for real ones


# -- What was not seen


def test_arithmetic_in_numpy_makes_a_lower_bound() -> None:
    def does(self: Does, x: Tensor) -> Tensor:
        y = self.linear(x).detach().numpy()
        return torch.from_numpy(y @ y.T)

    report = told(does)
    assert (report.macs, report.counted_macs) == (None, L)
    assert report.unknown == {"arithmetic in numpy": 1}
