"""Module calls of a thread that records, routed to its recording; those of other threads go their way.

`Module.__call__` hands over to the attribute `_compiled_call_impl` where there is one, which `compile()` sets
on an instance. While anybody records, the class has a descriptor there, which says None to every thread but
those. Hooks would neither see keyword arguments on the way in nor modules that are registered nowhere.

It is in place from the first of several recordings to the end of the last. Nothing depends on its going away:
left behind, by an interrupt at the wrong instant or in the child of a fork, it says None.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any, Final, Protocol

import torch

from netscope.trace.here import here


class Router(Protocol):
    """What gets the module calls of a thread."""

    def routed(self, module: torch.nn.Module, /, *args: Any, **kwargs: Any) -> Any:
        """The result of the module's call."""

    def takes_from_elsewhere(self, module: torch.nn.Module) -> bool:
        """Whether it gets a call of another thread as well."""


_recording: Final[list[Router]] = []


class _Routed:
    """The attribute of the class, as an instance sees it."""

    def __get__(self, module: torch.nn.Module | None, cls: type | None = None) -> Any:
        if module is None:
            return None
        calls = here.calls
        if calls is not None:
            return MethodType(calls.routed, module)
        for other in _recording:
            if other.takes_from_elsewhere(module):
                return MethodType(other.routed, module)
        return None


_ROUTED: Final = _Routed()


@contextmanager
def routed(calls: Router) -> Iterator[None]:
    """Have `calls` get every module call of this thread."""
    base: Any = torch.nn.Module
    outer = here.calls
    _recording.append(calls)
    try:
        base._compiled_call_impl = _ROUTED
        here.calls = calls
        yield
    finally:
        here.calls = outer
        _leave(calls)


def _leave(calls: Router) -> None:
    base: Any = torch.nn.Module
    if calls in _recording:
        _recording.remove(calls)
    if not _recording:
        base._compiled_call_impl = None
        if _recording:  # another thread has begun meanwhile
            base._compiled_call_impl = _ROUTED


def _in_child() -> None:
    """A fork has the recordings of its parent's threads, which do not run in it."""
    mine = here.calls
    _recording[:] = [calls for calls in _recording if calls is mine]
    if not _recording:
        base: Any = torch.nn.Module
        base._compiled_call_impl = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
