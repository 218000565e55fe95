"""The switch that turns fast ways off: `NETSCOPE_PLAIN=1` in the environment, or `plain()`.

Whoever has a fast way asks `is_plain` for it and then does without, with the same result. What each of them
saves, and what that buys, is said in `netscope.trace.memo`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from netscope.base.errors import UsageError

FAST_WAYS: Final = ("templates", "fills", "rules", "operators", "modules", "modes", "collector")


def is_plain(way: str) -> bool:
    """Whether this one of `FAST_WAYS` is turned off."""
    off = _OFF.get()
    return way in (_FROM_ENVIRONMENT if off is None else off)


@contextmanager
def plain(*ways: str) -> Iterator[None]:
    """Do without these of `FAST_WAYS` meanwhile, without all of them by default; on this thread alone."""
    token = _OFF.set(frozenset(ways or FAST_WAYS))
    try:
        yield
    finally:
        _OFF.reset(token)


def _read(text: str) -> frozenset[str]:
    """The ways that `NETSCOPE_PLAIN` turns off: all of them, or those that it names."""
    if text in ("", "0", "1"):
        return frozenset(FAST_WAYS if text == "1" else ())
    ways = frozenset(text.split(","))
    if not ways.issubset(FAST_WAYS):
        raise UsageError(
            f"NETSCOPE_PLAIN={text} names no fast way.", hint=f"write 1, or some of {','.join(FAST_WAYS)}"
        )
    return ways


# What the environment says, and what a block of code does, on one thread.
_FROM_ENVIRONMENT: Final = _read(os.environ.get("NETSCOPE_PLAIN", ""))
_OFF: Final[ContextVar[frozenset[str] | None]] = ContextVar("plain", default=None)
