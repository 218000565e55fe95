"""What torch.compile has wrapped runs as it is written, on a thread that records: nothing is compiled.

A wrapped function asks torch's stance at each call, which is one for all threads. While anybody records, an
object stands in its place that says "force_eager" to the threads that do, and to others what it was. torch's
own control flow (`while_loop`, `scan`) and flex_attention wrap themselves at each call.

As in `routing`, nothing depends on its going away.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch

from netscope.base.meta.patches import Patch, Use
from netscope.trace.here import here

_DYNAMO: Final = "torch._dynamo.eval_frame"


class _Stance:
    """In the place of torch's."""

    def __init__(self, held: Any) -> None:
        self.held = held

    @property
    def stance(self) -> Any:
        """What wrapped functions do."""
        return self.held.stance if here.recorder is None else "force_eager"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.held, name)


_active: Final[list[object]] = []


@contextmanager
def eagerly() -> Iterator[None]:
    """Have this thread's recording compile nothing."""
    mine = object()
    # One that has not been imported yet may be in the midst of the forward, by this function.
    use = Use(() if _DYNAMO in sys.modules else (_COMPILE,))
    try:
        try:
            _active.append(mine)
            use.begin()
            _put()
            yield
        finally:
            use.end()
            _take(mine)
    finally:  # once more, should an interrupt have come in there
        use.end()
        _take(mine)


def _put() -> None:
    dynamo: Any = sys.modules.get(_DYNAMO)
    held = getattr(dynamo, "_stance", None)
    if held is not None and type(held) is not _Stance:
        dynamo._stance = _Stance(held)


def _take(mine: object) -> None:
    if mine in _active:
        _active.remove(mine)
    dynamo: Any = sys.modules.get(_DYNAMO)
    held = getattr(dynamo, "_stance", None)
    if not _active and type(held) is _Stance:
        dynamo._stance = held.held


def _compiling(function: Callable[..., Any]) -> Callable[..., Any]:
    def compile(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        if here.recorder is not None:
            _put()
        return made

    return compile


_COMPILE: Final = Patch(torch, "compile", _compiling)
