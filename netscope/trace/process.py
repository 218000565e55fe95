"""What a forward may leave changed in the process, put back; and nothing else of the process touched.

Other threads share all of this. So what was not changed is not written, and what may have been changed by
another thread is left alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from netscope.base.meta.chance import States

# Python frames that a forward takes for each level of modules, beyond what is usual.
_FRAMES: Final = 12
_USUAL: Final = 40


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


class _Process:
    """The state of the process's generators, and what it takes dtypes to be."""

    def __init__(self) -> None:
        self._dtype = torch.get_default_dtype()
        self._device = torch.get_default_device()
        self._states = States()

    def restore(self) -> None:
        if torch.get_default_dtype() is not self._dtype:
            torch.set_default_dtype(self._dtype)
        if torch.get_default_device() != self._device:
            torch.set_default_device(None if self._device.type == "cpu" else self._device)
        self._states.restore()


class _Room:
    """Room on the stack for networks that nest deeply. The limit is the process's, so others stay as they are."""

    def __init__(self, depth: int) -> None:
        self._before = sys.getrecursionlimit()
        self._raised = None
        if depth > _USUAL:
            self._raised = max(self._before, 1000) + _FRAMES * depth
            sys.setrecursionlimit(self._raised)

    def leave(self) -> None:
        if self._raised is not None and sys.getrecursionlimit() == self._raised:
            sys.setrecursionlimit(self._before)
