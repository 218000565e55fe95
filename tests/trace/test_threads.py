"""A trace belongs to its thread: others run the same model, draw numbers, summarise and fork meanwhile."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import netscope
from tests.owners.describe import describe, differences

# Seconds that nothing here takes, unless it hangs.
LONG = 10.0


class Waits(nn.Module):
    """In the middle of its forward a test says when it goes on; other threads than the tracing one pass."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.last = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.first(x))
        GATE.passes()
        return self.last(y)


class Gate:
    """Holds one thread at a time, and tells when it is there."""

    def __init__(self) -> None:
        self.held: int | None = None
        self.arrived = threading.Event()
        self.open = threading.Event()

    def passes(self) -> None:
        if threading.get_ident() == self.held:
            self.arrived.set()
            assert self.open.wait(LONG)


# Of the file, since what a module holds may be copied for its trace.
GATE = Gate()


def harm(before: Any, after: Any) -> list[str]:
    """What changed, the gate aside, and what changes no result: the collector waits, recursion has room."""
    known = ("process: collector", "process: recursion limit")
    return [line for line in differences(before, after) if "GATE" not in line and not line.startswith(known)]


@contextmanager
def in_the_middle(call: Callable[[], Any]) -> Iterator[list[Any]]:
    """Another thread is in the middle of that call within the block; then what it returned, or its error."""
    results: list[Any] = []
    GATE.__init__()  # type: ignore[misc]

    def work() -> None:
        GATE.held = threading.get_ident()
        try:
            results.append(call())
        except Exception as error:  # noqa: BLE001 - for the test to see
            results.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert GATE.arrived.wait(LONG)
    try:
        yield results
    finally:
        GATE.open.set()
        thread.join(LONG)
        assert not thread.is_alive()


def within(seconds: float, call: Callable[[], Any]) -> Any:
    """What a call returns, in a thread of its own so that a test that hangs ends."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert results, "it hangs, or raised"
    return results[0]


@pytest.fixture
def model() -> Waits:
    """Quick to trace, in training mode."""
    found = Waits()
    netscope.summary(found, input="4")
    return found


def test_the_same_model_runs_beside_its_trace(model: Waits) -> None:
    x = torch.randn(3, 4)
    with torch.no_grad():
        expected = model.eval()(x)
    model.train()
    before = describe(model, x)
    with in_the_middle(lambda: netscope.summary(model, args=(x,))) as results:
        assert harm(before, describe(model, x)) == []
        model.eval()
        found = within(LONG, lambda: model(x))
        model.train()
        assert torch.equal(found, expected)
    assert results[0].macs == 3 * (4 * 4 + 4 * 2)
    assert harm(before, describe(model, x)) == []


def test_gradients_flow_beside_a_trace(model: Waits) -> None:
    x = torch.randn(3, 4)
    model.eval()
    with in_the_middle(lambda: netscope.summary(model, args=(x,))):
        loss = within(LONG, lambda: model(x).sum())
        loss.backward()
        assert model.last.bias.grad is not None
        # Each of 3 rows adds one to each of 2 outputs.
        assert model.last.bias.grad.tolist() == [3.0, 3.0]


def test_a_step_beside_a_trace_stays(model: Waits) -> None:
    """What another thread writes to the weights is neither lost nor undone."""
    with in_the_middle(lambda: netscope.summary(model, input="4")):
        with torch.no_grad():
            model.last.bias.fill_(7.0)
        model.norm.eval()
    assert model.last.bias.tolist() == [7.0, 7.0]
    assert not model.norm.training


def test_numbers_drawn_beside_a_trace_do_not_come_again(model: Waits) -> None:
    def draw() -> list[float]:
        return [torch.rand(1, dtype=torch.float64).item(), random.random(), float(np.random.rand())]

    with in_the_middle(lambda: netscope.summary(model, input="4")):
        meanwhile = draw()
    assert set(draw()).isdisjoint(meanwhile)


def test_a_setting_made_beside_a_trace_stays(model: Waits) -> None:
    with in_the_middle(lambda: netscope.summary(model, input="4")):
        torch.backends.mha.set_fastpath_enabled(False)
    try:
        assert not torch.backends.mha.get_fastpath_enabled()
    finally:
        torch.backends.mha.set_fastpath_enabled(True)


def test_the_process_is_as_it_was_beside_a_trace(model: Waits) -> None:
    """But for what changes no result: the collector waits, and recursion has more room."""
    before = describe(None)
    with in_the_middle(lambda: netscope.summary(model, input="4")):
        changed = harm(before, describe(None))
    assert changed == []


def test_two_threads_trace_one_model(model: Waits) -> None:
    with in_the_middle(lambda: netscope.summary(model, input="4")) as results:
        other = within(LONG, lambda: netscope.summary(model, input="4"))
    assert results[0].layers == other.layers


def test_a_child_forked_beside_a_trace_can_trace(model: Waits) -> None:
    x = torch.randn(3, 4)
    with torch.no_grad():
        expected = model.eval()(x)
    with in_the_middle(lambda: netscope.summary(model, args=(x,))):
        child = os.fork()
        if not child:
            status = 1
            try:
                torch.set_num_threads(1)  # its pool has no threads in a child
                with torch.no_grad():
                    same = torch.equal(model(x), expected)
                status = 0 if same and netscope.summary(model, args=(x,)).macs == 3 * (4 * 4 + 4 * 2) else 1
            finally:
                os._exit(status)
        assert ended(child) == 0


def ended(child: int) -> int | None:
    """The exit code of a child; None when it hangs."""
    until = time.monotonic() + LONG / 2
    while time.monotonic() < until:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None
