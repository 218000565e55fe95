"""Functions of torch that do otherwise on a thread that builds, in place for as long as anybody builds.

Each stands in for the original and asks what its own thread builds: on every other thread it does what the
original does. They are put there when the first of several builds begins and taken away when the last ends.
Nothing depends on their going away: those that an interrupt left do no harm, and the next build knows them
for what they are. What somebody else has put in their place, or around them, stays.

The lock is held while they are put in place or taken away, and never while anybody else's code runs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, Final, NamedTuple

_MARK: Final = "_netscope_stands_for"


class _Original(NamedTuple):
    """What was there before: `held` by the owner itself, None where it had inherited the function."""

    held: Any
    function: Any


class Patch:
    """A name of a module or class.

    wrap:
        makes the function that stands in for the original; None where that one is to stay.
    """

    def __init__(self, owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
        self.place = owner, name  # two patches of one place are as good as one
        self._owner = owner
        self._name = name
        self._wrap = wrap
        # Made once for what is usually there.
        self._last: tuple[_Original, Any] | None = None

    def apply(self) -> None:
        """Put it in place, unless it is there."""
        owner, name, last = self._owner, self._name, self._last
        held = owner.__dict__.get(name)
        if last is not None and held is not None and held is last[1]:
            return
        function = held if held is not None else getattr(owner, name, None)
        if last is None or last[0].held is not held or last[0].function is not function:
            if _original_of(held) is not None:
                return
            last = self._last = self._made(_Original(held, function))
        if last[1] is not None:
            setattr(owner, name, last[1])

    def undo(self) -> None:
        """Take it away, if it is there."""
        held = self._owner.__dict__.get(self._name)
        last = self._last
        if held is None or (last is not None and held is last[0].held):
            return
        original = last[0] if last is not None and last[1] is held else _original_of(held)
        if original is None:
            return
        if original.held is not None:
            setattr(self._owner, self._name, original.held)
        else:
            delattr(self._owner, self._name)

    def _made(self, original: _Original) -> tuple[_Original, Any]:
        made = None if original.function is None else self._wrap(original.function)
        if made is not None:
            _dress(made, original)
        return original, made


def _dress(made: FunctionType, original: _Original) -> None:
    """Have its name and signature be the original's, for whoever asks in between or pickles it."""
    function = original.function
    made.__dict__.update({_MARK: original, "__wrapped__": function})
    made.__name__ = function.__name__
    made.__qualname__ = function.__qualname__
    made.__module__ = getattr(function, "__module__", None) or made.__module__


def _original_of(value: Any) -> _Original | None:
    found = getattr(value, _MARK, None)
    return found if isinstance(found, _Original) else None


class Use:
    """One build's need of patches, by the thread that made it."""

    def __init__(self, patches: Iterable[Patch]) -> None:
        self._patches = tuple(patches)
        self._thread = threading.get_ident()
        self._over = False

    def begin(self) -> None:
        """Put them in place."""
        _state.alone(self._begin)

    def end(self) -> None:
        """Take away what nobody else needs. Once more does nothing."""
        if not self._over:
            _state.alone(self._end)

    def _begin(self) -> None:
        _state.uses.append(self)
        _state.known.update({patch.place: patch for patch in self._patches})
        for patch in self._patches:
            patch.apply()

    def _end(self) -> None:
        if self in _state.uses:
            _state.uses.remove(self)
        _state.tidy()
        self._over = True  # last, for an interrupt before it

    @property
    def is_mine(self) -> bool:
        """Whether this thread made it."""
        return self._thread == threading.get_ident()

    @property
    def patches(self) -> tuple[Patch, ...]:
        """What it needs."""
        return self._patches


class _State:
    """Of the process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.uses: list[Use] = []
        self.known: dict[tuple[Any, str], Patch] = {}

    def alone(self, step: Callable[[], None]) -> None:
        """Do it while no other thread does such a thing. An interrupt does not leave the lock taken."""
        lock = self._lock
        if _is_mine(lock):  # in a signal's handler, which came in the middle of one
            step()
            return
        try:
            try:
                lock.acquire()
                step()
            finally:
                _release(lock)
        finally:  # once more, should an interrupt have come in there
            _release(lock)

    def tidy(self) -> None:
        """Take away all that is not needed, also what an interrupt left."""
        needed = {patch.place for use in self.uses for patch in use.patches}
        for place in self.known.keys() - needed if needed else self.known:
            self.known[place].undo()

    def in_child(self) -> None:
        """A fork has the builds of its parent's threads, which do not run in it, and perhaps their lock."""
        if not _is_mine(self._lock):
            self._lock = threading.RLock()
        self.uses[:] = [use for use in self.uses if use.is_mine]
        self.tidy()


def _is_mine(lock: Any) -> bool:
    return bool(lock._is_owned())


def _release(lock: Any) -> None:
    if _is_mine(lock):
        lock.release()


_state: Final = _State()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_state.in_child)
