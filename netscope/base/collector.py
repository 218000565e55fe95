"""Python's garbage collector, kept out of the way while a network is read and traced."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from netscope.base.plain import is_plain

# Whether what is made in the pause that imports torch is to be left out of all later collections.
_FREEZE: Final = ContextVar("freeze", default=False)


@contextmanager
def paused() -> Iterator[None]:
    """Import, build and trace without collections.

    That makes tens of thousands of objects that live on and hardly a cycle. Each full collection in between
    would walk all of torch: four fifths of the time of a DenseNet.
    """
    if not gc.isenabled() or is_plain("collector"):
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if _FREEZE.get() and "torch" in sys.modules:
            _FREEZE.set(False)
            gc.freeze()
        gc.enable()


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
