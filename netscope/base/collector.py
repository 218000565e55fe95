"""Python's garbage collector, kept out of the way while a network is read and traced.

It is not turned off, which is for the owner to do and to see: its first threshold is raised out of reach.
That is put back when the last of several pauses ends, unless somebody has set another meanwhile.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from netscope.base.plain import is_plain

# Whether what is made in the pause that imports torch is to be left out of all later collections.
_FREEZE: Final = ContextVar("freeze", default=False)

# Objects that no call makes, and a number that nobody else sets.
_NEVER: Final = 1_999_999_973


@contextmanager
def paused() -> Iterator[None]:
    """Import, build and trace without collections.

    That makes tens of thousands of objects that live on and hardly a cycle. Each full collection in between
    would walk all of torch: four fifths of the time of a DenseNet.
    """
    if is_plain("collector"):
        yield
        return
    pause = _Pause()
    try:
        try:
            _state.begin(pause)
            yield
        finally:
            _freeze()
            _state.end(pause)
    finally:  # once more, should an interrupt have come in there
        _state.end(pause)


def _freeze() -> None:
    if _FREEZE.get() and "torch" in sys.modules and gc.isenabled():
        _FREEZE.set(False)
        _state.frozen = True
        gc.freeze()


@contextmanager
def thawed() -> Iterator[None]:
    """With all objects where a search finds them. What somebody else has frozen stays so."""
    frozen = _state.frozen and gc.get_freeze_count() > 0
    if frozen:
        gc.unfreeze()
    try:
        yield
    finally:
        if frozen:
            gc.freeze()


class _Pause:
    """One, of the thread that made it."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()


class _State:
    """Of the process. There is no lock: two threads at once can at worst let a collection happen."""

    def __init__(self) -> None:
        self._pauses: list[_Pause] = []
        self._before: tuple[int, int, int] | None = None
        # Whether the command line has frozen what there is.
        self.frozen = False

    def begin(self, pause: _Pause) -> None:
        self._pauses.append(pause)
        self._raise()

    def end(self, pause: _Pause) -> None:
        """Once more does nothing."""
        if pause in self._pauses:
            self._pauses.remove(pause)
        self._lower()
        if self._pauses:  # perhaps another thread's, which has begun meanwhile
            self._raise()

    def in_child(self) -> None:
        """A fork has the pauses of its parent's threads, which do not run in it."""
        mine = threading.get_ident()
        self._pauses[:] = [pause for pause in self._pauses if pause.thread == mine]
        self._lower()

    def _raise(self) -> None:
        now = gc.get_threshold()
        if now[0] not in (0, _NEVER):  # 0 is how else it is turned off
            self._before = now
            gc.set_threshold(_NEVER, *now[1:])

    def _lower(self) -> None:
        if not self._pauses and self._before is not None and gc.get_threshold()[0] == _NEVER:
            gc.set_threshold(*self._before)
            # So that the threshold is not read once more: what is made by that would set off a collection.
            self._before = None


_state: Final = _State()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_state.in_child)


@contextmanager
def freezing() -> Iterator[None]:
    """For a process that was started to do one thing: what torch's import leaves is never walked again.

    Most of it is torch, which takes 1.4 s to import with the collector off in place of 1.7 s, and lives as
    long as the process. A library must not decide this for its user, so only the command line does.
    """
    token = _FREEZE.set(True)
    try:
        yield
    finally:
        _FREEZE.reset(token)
