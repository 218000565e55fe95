"""What a forward may leave changed in the process, put back; and nothing else of the process touched.

Other threads share all of this. So what was not changed is not written, and what may have been changed by
another thread is left alone.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch
from torch.utils import _python_dispatch

from netscope.base.meta.chance import States, others_at_work
from netscope.base.meta.defaults import Defaults
from netscope.trace import routing
from netscope.trace.here import here
from netscope.trace.recorder import FLAGS

# Python frames that a forward takes for each level of modules, beyond what is usual.
_FRAMES: Final = 12
_USUAL: Final = 40
# Of torch's flags, that which its compiler keeps as well, and how it is told.
_TOLD: Final = {
    "_is_in_any_mode_without_ignore_compile_internals": "set_is_in_mode_without_ignore_compile_internals"
}


@contextmanager
def process_kept(depth: int = 0) -> Iterator[None]:
    """Keep generators and the default dtype as they are; make room for recursion.

    depth:
        how deeply modules are nested.
    """
    kept = _Process()
    room = _Room(depth)
    try:
        try:
            yield
        finally:
            kept.restore()
            room.leave()
    finally:  # once more, should an interrupt have come in there
        kept.restore()
        room.leave()


@contextmanager
def thread_kept() -> Iterator[None]:
    """Keep what torch and netscope have for this thread as it is, whatever interrupts."""
    modes = _Modes()
    try:
        try:
            yield
        finally:
            modes.restore()
    finally:  # once more, should an interrupt have come in there
        modes.restore()


class _Modes:
    """The modes of a thread."""

    def __init__(self) -> None:
        self._dispatch = torch._C._len_torch_dispatch_stack()
        self._function = torch._C._len_torch_function_stack()
        self._here = here.recorder, here.calls, here.outside
        self._routed = routing.mine()
        self._grad = torch.is_grad_enabled()
        self._autocast = {
            kind: (torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind))
            for kind in ("cpu", "cuda")
        }
        self._cached = torch.is_autocast_cache_enabled()
        self._lifts = torch._C._only_lift_cpu_tensors()
        known = vars(_python_dispatch)
        self._flags = {name: known[name] for name in FLAGS.values() if name in known}

    def restore(self) -> None:
        recorder = here.recorder
        if recorder is not None and recorder is not self._here[0]:
            recorder.leave()
        here.recorder, here.calls, here.outside = self._here
        routing.leave_all_but(self._routed)
        while torch._C._len_torch_dispatch_stack() > self._dispatch:
            torch._C._pop_torch_dispatch_stack(None)
        while torch._C._len_torch_function_stack() > self._function:
            torch._C._pop_torch_function_stack()
        if torch.is_grad_enabled() is not self._grad:
            torch.set_grad_enabled(self._grad)
        self._restore_autocast()
        self._restore_flags()

    def _restore_autocast(self) -> None:
        for kind, (enabled, dtype) in self._autocast.items():
            if torch.is_autocast_enabled(kind) is not enabled:
                torch.set_autocast_enabled(kind, enabled)
            if torch.get_autocast_dtype(kind) is not dtype:
                torch.set_autocast_dtype(kind, dtype)
        if torch.is_autocast_cache_enabled() is not self._cached:
            torch.set_autocast_cache_enabled(self._cached)

    def _restore_flags(self) -> None:
        if torch._C._only_lift_cpu_tensors() is not self._lifts:  # by fake tensors
            torch._C._set_only_lift_cpu_tensors(self._lifts)
        # Those of the process, which other threads may have changed.
        left = [name for name, flag in self._flags.items() if getattr(_python_dispatch, name) is not flag]
        if left and not others_at_work():
            for name in left:
                setattr(_python_dispatch, name, self._flags[name])
            for name, tell in _TOLD.items():
                if name in left:
                    getattr(_python_dispatch, tell)(self._flags[name])


class _Process:
    """The state of the process's generators, and what it takes dtypes to be."""

    def __init__(self) -> None:
        self._collects = gc.isenabled()
        self._defaults = Defaults()
        self._states = States()

    def restore(self) -> None:
        if gc.isenabled() is not self._collects:
            gc.enable() if self._collects else gc.disable()
        self._defaults.restore()
        self._states.restore()


class _Room:
    """Room on the stack for networks that nest deeply. The limit is the process's: others leave it alone."""

    def __init__(self, depth: int) -> None:
        self._before = sys.getrecursionlimit()
        if depth > _USUAL:
            sys.setrecursionlimit(max(self._before, 1000) + _FRAMES * depth)

    def leave(self) -> None:
        if sys.getrecursionlimit() != self._before:
            sys.setrecursionlimit(self._before)
