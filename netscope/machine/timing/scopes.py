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
from netscope.trace.forward import LOCK
from netscope.trace.modules import Names

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
    """The module calls that are open, by thread, each with the names that it used for its children."""

    def __init__(self, module: torch.nn.Module) -> None:
        self.names = Names(module)
        self.open: dict[int, list[tuple[torch.nn.Module, str, dict[str, int]]]] = defaultdict(list)

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

    Module.__call__ is replaced for the time, as for a trace. Calls of other threads are marked too, since
    autograd's own may run a checkpointed part again.
    """
    original = torch.nn.Module.__call__
    mark = _range()
    # Emptied at the end: whoever got hold of the wrapper keeps no module alive, and calls the original.
    calls: _Calls | None = _Calls(module)

    def marked(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        if calls is None:
            return original(self, *args, **kwargs)
        path = calls.enter(self)
        try:
            with mark(LAYER + path):
                return original(self, *args, **kwargs)
        finally:
            if calls is not None:
                calls.leave()

    with LOCK:
        torch.nn.Module.__call__ = marked  # type: ignore[method-assign]
        try:
            yield
        finally:
            torch.nn.Module.__call__ = original  # type: ignore[method-assign]
            calls = None
