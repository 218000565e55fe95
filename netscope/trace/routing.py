"""Module calls of a thread that records, routed to its recording; those of other threads go their way.

`Module.__call__` hands over to the attribute `_compiled_call_impl` where there is one, which `compile()` sets
on an instance. While anybody records, the class has a descriptor there, which says None to every thread but
those. Hooks would neither see keyword arguments on the way in nor modules that are registered nowhere.

It is in place from the first of several recordings to the end of the last. Nothing depends on its going away:
left behind, by an interrupt at the wrong instant or in the child of a fork, it says None.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any, Final, NamedTuple, Protocol

import torch

from netscope.trace.here import here


class Router(Protocol):
    """What gets the module calls of a thread."""

    def routed(self, module: torch.nn.Module, /, *args: Any, **kwargs: Any) -> Any:
        """The result of the module's call."""

    def takes_from_elsewhere(self, module: torch.nn.Module) -> bool:
        """Whether it gets a call of another thread as well."""


class _Recording(NamedTuple):
    """What runs, and on which thread."""

    calls: Router
    thread: int


_recording: Final[list[_Recording]] = []


class _Routed:
    """The attribute of the class, as an instance sees it."""

    def __get__(self, module: torch.nn.Module | None, cls: type | None = None) -> Any:
        if module is None:
            return None
        calls = here.calls
        if calls is not None:
            return MethodType(calls.routed, module)
        for other, _ in _recording:
            if other.takes_from_elsewhere(module):
                return MethodType(other.routed, module)
        return None


_ROUTED: Final = _Routed()


@contextmanager
def routed(calls: Router) -> Iterator[None]:
    """Have `calls` get every module call of this thread."""
    base: Any = torch.nn.Module
    outer = here.calls
    mine = _Recording(calls, threading.get_ident())
    _recording.append(mine)
    try:
        try:
            base._compiled_call_impl = _ROUTED
            here.calls = calls
            yield
        finally:
            here.calls = outer
            _leave([mine])
    finally:  # once more, should an interrupt have come in there
        here.calls = outer
        _leave([mine])


def mine() -> list[_Recording]:
    """Those of this thread that run."""
    return [one for one in _recording if one.thread == threading.get_ident()]


def leave_all_but(before: list[_Recording]) -> None:
    """End those of this thread that an interrupt has left."""
    _leave([one for one in mine() if one not in before])


def _leave(over: list[_Recording]) -> None:
    base: Any = torch.nn.Module
    for one in over:
        if one in _recording:
            _recording.remove(one)
    if not _recording:
        base._compiled_call_impl = None
        if _recording:  # another thread has begun meanwhile
            base._compiled_call_impl = _ROUTED


def _in_child() -> None:
    """A fork has the recordings of its parent's threads, which do not run in it."""
    _recording[:] = mine()
    if not _recording:
        base: Any = torch.nn.Module
        base._compiled_call_impl = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
