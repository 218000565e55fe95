"""Ranges around module calls, phases and steps in a recording."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import torch

from netscope.machine.timing.backend import Backend
from netscope.machine.timing.meter import Step
from netscope.report.measured.events import LAYER, PHASE, STEP, Event
from netscope.trace.modules import Names
from netscope.trace.routing import routed

# Steps before those that count, where work is handed over.
_BEFORE: Final = 2
# Takes a name, returns a context manager.
_Range = Callable[[str], AbstractContextManager[Any]]


def _range() -> _Range:
    """The cheap kind of range where torch has it: 2 us for a call in place of 14."""
    try:
        from torch._C._profiler import _RecordFunctionFast
    except ImportError:
        return torch.profiler.record_function
    return _RecordFunctionFast


def recorded(step: Step, module: torch.nn.Module, backend: Backend, steps: int) -> tuple[Event, ...]:
    """Run so many steps under the backend's profiler, with ranges around steps, phases and layers.

    Raises:
        Exception: whatever the step raises.
    """
    mark = _range()

    def run() -> None:
        # What a profiler of a device does at first is slow, and kernels are lost meanwhile.
        for _ in range(_BEFORE if backend.asynchronous else 0):
            step.prepare()
            for _, function in step.phases:
                function()
            backend.synchronize()
        for _ in range(steps):
            step.prepare()
            backend.synchronize()
            with mark(STEP):
                for name, function in step.phases:
                    with mark(PHASE + name):
                        function()
                backend.synchronize()

    with layers_marked(module):
        return backend.record(run)


class _Calls:
    """The module calls that are open, by thread, each with how often it called its children."""

    def __init__(self, module: torch.nn.Module) -> None:
        self.names = Names(module)
        self._mark = _range()
        self.open: dict[int, list[tuple[torch.nn.Module, str, dict[int, int]]]] = defaultdict(list)

    def routed(self, module: torch.nn.Module, /, *args: Any, **kwargs: Any) -> Any:
        """What the module returns, in a range of its own."""
        path = self.enter(module)
        try:
            with self._mark(LAYER + path):
                return module._call_impl(*args, **kwargs)  # type: ignore[no-untyped-call]
        finally:
            self.leave()

    def takes_from_elsewhere(self, module: torch.nn.Module) -> bool:
        """Whether a call in another thread is one of these."""
        return id(module) in self.names.of

    def enter(self, module: torch.nn.Module) -> str:
        """The qualified name under which this call reaches the module, as a trace has it."""
        stack = self.open[threading.get_ident()]
        above = stack[-1] if stack else None
        known = self.names.of.get(id(module))
        if known is None:
            path = self.names.adopt(module, *(above[:2] if above else (None, "")))
        elif len(known) == 1 or above is None:
            path = known[0]
        else:
            path = self.names.choose(module, above[1], above[2])
        stack.append((module, path, {}))
        return path

    def leave(self) -> None:
        """The call that was entered last is over."""
        self.open[threading.get_ident()].pop()


@contextmanager
def layers_marked(module: torch.nn.Module) -> Iterator[None]:
    """Put a range around every call of a module, by its path. Nothing is attached to the modules.

    Calls of the module's own in other threads are marked too, since autograd's may run a checkpointed part
    again.
    """
    with routed(_Calls(module)):
        yield
