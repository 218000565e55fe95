"""Module calls of a thread that records go to its recording, and those of the others their way."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from netscope.trace import routing
from netscope.trace.here import here
from netscope.trace.routing import _ROUTED, routed

BASE: Any = nn.Module


class Notes:
    """A recording that notes whose calls it gets."""

    def __init__(self, *takes: nn.Module) -> None:
        self.calls: list[Any] = []
        self.takes = takes

    def routed(self, module: nn.Module, /, *args: Any, **kwargs: Any) -> Any:
        self.calls.append((module, args, kwargs))
        return "routed"

    def takes_from_elsewhere(self, module: nn.Module) -> bool:
        return module in self.takes


class Doubles(nn.Module):
    def forward(self, x: int, plus: int = 0) -> int:
        return 2 * x + plus


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    assert routing._recording == []
    assert BASE.__dict__["_compiled_call_impl"] is None
    assert here.calls is None


def elsewhere(call: Callable[[], Any]) -> Any:
    """What a call returns in another thread."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    thread.join()
    return results[0]


def test_calls_of_the_thread_go_to_its_recording() -> None:
    module, notes = Doubles(), Notes()
    with routed(notes):
        assert module(1, plus=2) == "routed"
    assert notes.calls == [(module, (1,), {"plus": 2})]
    assert module(1, plus=2) == 4


def test_calls_of_other_threads_do_not() -> None:
    module, notes = Doubles(), Notes()
    with routed(notes):
        assert elsewhere(lambda: module(1)) == 2
        assert elsewhere(lambda: module._compiled_call_impl) is None
    assert notes.calls == []


def test_those_that_a_recording_takes_go_to_it() -> None:
    mine, other = Doubles(), Doubles()
    notes = Notes(mine)
    with routed(Notes()), routed(notes):
        assert elsewhere(lambda: (mine(1), other(1))) == ("routed", 2)
    assert [call[0] for call in notes.calls] == [mine]


def test_recordings_nest() -> None:
    module, outer, inner = Doubles(), Notes(), Notes()
    with routed(outer):
        with routed(inner):
            module(1)
        module(2)
        with pytest.raises(KeyError), routed(inner):
            raise KeyError
        module(3)
    assert [call[1] for call in inner.calls] == [(1,)]
    assert [call[1] for call in outer.calls] == [(2,), (3,)]


def test_the_first_that_ends_leaves_the_other_its_calls() -> None:
    """In two threads they do not end in turn."""
    module, first, second = Doubles(), Notes(), Notes()
    begun, over = threading.Event(), threading.Event()

    def work() -> Any:
        with routed(second):
            begun.set()
            over.wait(10)
            return module(2)

    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    with routed(first):
        thread.start()
        assert begun.wait(10)
    assert BASE.__dict__["_compiled_call_impl"] is _ROUTED
    assert module(1) == 2
    over.set()
    thread.join()
    assert results == ["routed"]
    assert first.calls == []


def test_a_descriptor_that_was_left_behind_does_no_harm() -> None:
    module = Doubles()
    BASE._compiled_call_impl = _ROUTED
    try:
        assert module(1) == 2
        assert elsewhere(lambda: module(1)) == 2
        assert BASE._compiled_call_impl is None  # as the class has it
    finally:
        BASE._compiled_call_impl = None


def test_an_interrupt_on_entering_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupts:
        calls = None

        def __setattr__(self, name: str, value: Any) -> None:
            if value is not None:
                raise KeyboardInterrupt

    monkeypatch.setattr(routing, "here", Interrupts())
    with pytest.raises(KeyboardInterrupt), routed(Notes()):
        pass


def test_a_module_that_is_compiled_has_its_own_way() -> None:
    """A recording has its twin made plain before."""
    module, notes = Doubles(), Notes()
    module._compiled_call_impl = lambda x: "compiled"
    with routed(notes):
        assert module(1) == "compiled"
    assert notes.calls == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_keeps_the_recording_of_its_thread_alone() -> None:
    mine, others = Notes(), Notes()
    module = Doubles()
    routing._recording.append(routing._Recording(others, 0))  # of another thread
    try:
        with routed(mine):
            assert child(
                lambda: [one.calls for one in routing._recording] == [mine] and module(1) == "routed"
            )
        BASE._compiled_call_impl = _ROUTED
        assert child(lambda: routing._recording == [] and BASE.__dict__["_compiled_call_impl"] is None)
    finally:
        routing._recording.clear()
        BASE._compiled_call_impl = None


def child(holds: Callable[[], bool]) -> bool:
    """Whether something holds in a fork."""
    number = os.fork()
    if not number:
        status = 1
        try:
            status = 0 if holds() else 1
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == 0


def test_torch_still_asks_for_the_attribute() -> None:
    """What the routing rests on."""
    module = nn.Linear(1, 1)
    module._compiled_call_impl = lambda x: "asked"
    assert module(torch.ones(1, 1)) == "asked"
