"""What cannot be copied and is watched: files, generators that run, objects of C or with a finalizer."""

from __future__ import annotations

import collections
import io
import os
import types
from collections.abc import Callable
from typing import Any, Final

from netscope.trace.twin.kinds import HEAP_TYPE

_CONTAINERS: Final = frozenset({dict, list, set, collections.deque})
# What a logger knows of its level.
_OF_NO_MATTER: Final = frozenset({"_cache"})
_GONE: Final = object()


class Shared:
    """One object: its attributes, what the containers among them hold, and where a file is read."""

    def __init__(self, value: Any, own: dict[str, Any]) -> None:
        self._value = value
        self._own = own
        self._before = own.copy()
        self._contents = [
            (name, item, item.copy())
            for name, item in self._before.items()
            if type(item) in _CONTAINERS and name not in _OF_NO_MATTER
        ]
        self._state = _state_of(value)

    def put_back(self) -> str | None:
        """What had changed and whether it could be put back, in words."""
        own, before = self._own, self._before
        names = {n for n in own.keys() | before.keys() if own.get(n, _GONE) is not before.get(n, _GONE)}
        if names:
            own.clear()
            own.update(before)
        for name, container, content in self._contents:
            if not _same(container, content):
                names.add(name)
                container.clear()
                container.extend(content) if hasattr(container, "extend") else container.update(content)
        left = self._state()
        what = type(self._value).__qualname__
        if names:
            what += f" ({', '.join(sorted(map(str, names)))})"
        if left == _LOST:
            return f"{what}, which cannot be copied and was not put back"
        return f"{what}, which cannot be copied and was put back" if names or left else None


# What had become of a state.
_LOST: Final = "lost"
_MOVED: Final = "moved"


def _same(container: Any, content: Any) -> bool:
    """Whether it holds the very same things."""
    if isinstance(container, dict):
        return _alike(container, content)
    return len(container) == len(content) and all(a is b for a, b in zip(container, content, strict=True))


def _alike(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    return len(one) == len(other) and all(
        k is key and v is value for (k, v), (key, value) in zip(one.items(), other.items(), strict=True)
    )


def _state_of(value: Any) -> Callable[[], str]:
    """What puts back a state that is no attribute, and says what had become of it."""
    cls: Any = type(value)
    if cls is memoryview:
        return _filled(value)
    if cls is types.GeneratorType:
        at = _at(value)
        return lambda: "" if _at(value) == at else _LOST
    if issubclass(cls, io.IOBase):
        return _read_from(value)
    if not cls.__flags__ & HEAP_TYPE and hasattr(cls, "__length_hint__"):  # an iterator that is not copied
        left = cls.__length_hint__(value)
        return lambda: "" if cls.__length_hint__(value) == left else _LOST
    return lambda: ""


def _filled(view: memoryview) -> Callable[[], str]:
    content = view.tobytes()

    def back() -> str:
        if view.tobytes() == content:
            return ""
        if not view.c_contiguous or view.readonly:
            return _LOST
        view.cast("B")[:] = content
        return _MOVED

    return back


def _at(generator: types.GeneratorType[Any, Any, Any]) -> int | None:
    return None if generator.gi_frame is None else generator.gi_frame.f_lasti


def _read_from(file: io.IOBase) -> Callable[[], str]:
    try:
        before = file.tell()
    except (OSError, ValueError):  # a pipe, or closed
        return lambda: ""
    size = _size(file)

    def back() -> str:
        try:
            if file.tell() == before:
                return ""
            file.seek(before)
        except (OSError, ValueError):
            return _LOST
        return _MOVED if _size(file) == size else _LOST

    return back


def _size(file: io.IOBase) -> tuple[int, int] | None:
    """How large it is and when it was written to; None for what is no file of the system."""
    try:
        if file.writable():
            file.flush()
        found = os.fstat(file.fileno())
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns


def dict_of(value: Any) -> dict[str, Any]:
    """Its attributes, past what its class says of them."""
    try:
        own: dict[str, Any] = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return own if type(own) is dict else {}


def contents_of(cell: types.CellType, empty: Any = None) -> Any:
    """What a variable of a closure holds."""
    try:
        return cell.cell_contents
    except ValueError:
        return empty
