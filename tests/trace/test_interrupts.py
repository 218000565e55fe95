"""Ctrl-C at any instant of a call of netscope's leaves what its owner has, and the process, as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import netscope
from netscope.base.workload import Workload
from netscope.trace import record
from netscope.trace.here import here
from netscope.trace.process import thread_kept
from netscope.trace.recorder import Recorder
from tests.instants import Interrupt
from tests.owners.describe import describe, differences
from tests.owners.every import OWNERS, Made

# The lines of netscope's own code are the instants; of a call's thousands so many are tried, evenly spread.
INSTANTS = 60


@pytest.fixture(autouse=True)
def no_modes_left() -> Iterator[None]:
    """What one test finds left on torch's stack is not for the others to trip over."""
    yield
    while torch._C._len_torch_dispatch_stack():
        torch.utils._python_dispatch._pop_mode()


class Layers(nn.Module):
    """Weights, statistics, a list that grows, a flag of its own, children in mixed modes, a value read."""

    def __init__(self, reads: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout())
        self.layers[1].eval()
        self.seen: list[Tensor] = []
        self.plain = {"calls": 0}
        self.reads = reads

    def forward(self, x: Tensor) -> Tensor:
        self.plain["calls"] += 1
        self.seen.append(x.add_(1))
        y = self.layers(x)
        return y * y.sum().item() if self.reads else y


CALLS: dict[str, tuple[bool, Callable[[nn.Module, Tensor], object]]] = {
    "summary": (False, lambda m, x: netscope.summary(m, args=(x,))),
    "summary, real": (True, lambda m, x: netscope.summary(m, args=(x,))),
    "train": (False, lambda m, x: netscope.summary(m, args=(x,), train=True)),
    "fake": (False, lambda m, x: record(Workload("fake", m, (x,)), ladder=("fake",))),
    "lint": (False, lambda m, x: netscope.lint(m, args=(x,))),
}


@pytest.mark.parametrize("name", CALLS)
def test_nothing_changes_at_any_instant(name: str) -> None:
    reads, call = CALLS[name]
    module, x = Layers(reads), torch.randn(3, 4)
    call(module, x)  # what is imported is imported
    counted = Interrupt(None)
    assert not counted.during(lambda: call(module, x))
    assert counted.lines > INSTANTS
    before = describe(module, x)
    expected = figures(module, x)
    assert differences(before, describe(module, x)) == []
    ends = 0
    for instant in range(INSTANTS):
        at = 1 + instant * (counted.lines - 1) // (INSTANTS - 1)
        ends += Interrupt(at).during(lambda: call(module, x))
        assert (at, differences(before, describe(module, x))) == (at, [])
        assert figures(module, x) == expected
    assert (
        ends > INSTANTS * 0.8
    )  # some fall where Python lets nothing be raised, as while garbage is collected


@pytest.mark.parametrize("name", ["cache_attribute", "hidden_in_tuple", "global_dict", "reads_after"])
def test_nothing_of_awkward_owners_changes(name: str) -> None:
    made = OWNERS[name].make()
    before = describe(made.module, made.args, made.kwargs, made.beside)
    for at in (10, 100, 400, 700, 1000):
        Interrupt(at).during(lambda: netscope.summary(made.module, args=made.args, kwargs=made.kwargs))
        assert (at, differences(before, after(made))) == (at, [])


def after(made: Made) -> Any:
    return describe(made.module, made.args, made.kwargs, made.beside)


def figures(module: nn.Module, x: Tensor) -> list[Any]:
    report = netscope.summary(module, args=(x,))
    return [(layer.path, layer.macs, layer.params, layer.output_bytes) for layer in report.layers]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.whole
def test_a_profile_that_is_interrupted_changes_nothing() -> None:
    """It runs a twin on the owner's weights, which may move the counters of tensors and nothing else."""
    quick: dict[str, Any] = {"device": "cpu", "warmup": 0.0, "max_time": 0.001, "device_spec": "none"}
    module, x = Layers(False), torch.randn(3, 4)

    def call() -> object:
        return netscope.profile(module, args=(x,), **quick)

    call()
    counted = Interrupt(None)
    counted.during(call)
    before = describe(module, x, versions=False)
    for instant in range(10):
        at = 1 + instant * counted.lines // 12
        Interrupt(at).during(call)
        assert (at, differences(before, describe(module, x, versions=False))) == (at, [])


def test_an_interrupt_leaves_no_copy_to_be_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frames of its traceback hold what their functions closed over, which is to be empty by then."""
    from netscope.trace import modules, survivors

    searched = []
    hyperparameters, left = modules._hyperparameters, survivors._left

    def interrupted(module: nn.Module) -> Any:
        if type(module) is nn.BatchNorm1d:
            raise KeyboardInterrupt
        return hyperparameters(module)

    def noted(*args: Any) -> list[Any]:
        searched.append(len(left(*args)))
        return left(*args)

    monkeypatch.setattr(modules, "_hyperparameters", interrupted)
    monkeypatch.setattr(survivors, "_left", noted)
    with pytest.raises(KeyboardInterrupt):
        netscope.summary(Layers(False), args=(torch.ones(2, 4),))
    assert searched == []


def test_many_that_are_left_are_searched_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look through every object of the process takes a tenth of a second."""
    from netscope.trace import survivors

    kept: list[Tensor] = []
    looks = 0
    referrers = survivors.gc.get_referrers

    def counting(*items: Any) -> list[Any]:
        nonlocal looks
        looks += 1
        return referrers(*items)

    class Keeps(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            KEPT.extend(x + number for number in range(60))
            return x

    monkeypatch.setitem(globals(), "KEPT", kept)
    monkeypatch.setattr(survivors.gc, "get_referrers", counting)
    report = netscope.summary(Keeps(), args=(torch.ones(2, 4),))
    assert kept == []
    assert any("KEPT" in note for note in report.notes)
    assert looks < 60


KEPT: list[Tensor] = []


class Passes(torch.utils._python_dispatch.TorchDispatchMode):
    """A mode of the owner's."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def test_a_recording_that_was_put_back_pops_nobody_elses_mode() -> None:
    """As where a generator that an interrupt left is closed late."""
    flags = torch.utils._python_dispatch.is_in_torch_dispatch_mode
    with Passes() as owners:
        with thread_kept():
            recorder = Recorder(on_meta=True)
            recorder.__enter__()
            here.recorder = recorder
        assert torch._C._len_torch_dispatch_stack() == 1
        recorder.leave()
        recorder.__enter__()
        torch._C._pop_torch_dispatch_stack(None)
        recorder.__exit__(None, None, None)
        assert torch._C._get_dispatch_stack_at(0) is owners
        recorder.__enter__()
        recorder.old_dispatch_mode_flags.pop()  # an interrupt came in the middle of `__exit__`
        recorder.leave()
        recorder.__exit__(None, None, None)
        assert torch._C._len_torch_dispatch_stack() == 1
    assert not flags()
