"""What callers hand over: taken where what they mean is plain, else refused by name, before time is spent.

Each function reads one kind of argument and returns it as netscope has it: numpy's integers as Python's, a
`torch.dtype` as its name. It raises a `UsageError` that says which argument it was and what to write instead.
Neither torch nor numpy is imported for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from operator import index
from typing import Any, Final, NoReturn

from netscope.base.errors import UsageError

# A message names arguments as they were written: `batch_b=` in Python, `--batch-b` on the command line.
_SPELLING: ContextVar[Callable[[str], str]] = ContextVar("spelling", default="{}=".format)


def spelled(*names: str) -> str:
    """Arguments as the caller writes them, for a message."""
    return ", ".join(map(_SPELLING.get(), names))


@contextmanager
def spelling(spell: Callable[[str], str]) -> Iterator[None]:
    """While active, messages spell an argument of that name so."""
    token = _SPELLING.set(spell)
    try:
        yield
    finally:
        _SPELLING.reset(token)


@contextmanager
def renamed(names: Mapping[str, str]) -> Iterator[None]:
    """While active, messages call arguments by these other names of theirs."""
    outer = _SPELLING.get()
    with spelling(lambda name: outer(names.get(name, name))):
        yield


def kind_of(value: Any) -> str:
    """ "an int", "a tuple", "None": what a value is, in a sentence."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name.startswith((*'aeiouAEIOU', 'nd')) else 'a'} {name}"


def told(value: Any) -> str:
    """A value in a message: itself where that is short and plain, else what it is."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, int) and value.bit_length() > 100:
        return "a number of so many digits"
    plain = value is None or isinstance(value, (bool, int, float, str, bytes))
    text = repr(value) if plain else ""
    return text if 0 < len(text) <= 60 else kind_of(value)


def refuse(name: str, wanted: str, value: Any, hint: str) -> NoReturn:
    """Raise over an argument: "batch= is a whole number, not 2.0." """
    raise UsageError(f"{spelled(name)} is {wanted}, not {told(value)}.", hint=hint)


def is_whole(value: Any) -> bool:
    """Whether it is an integer, numpy's and torch's included, and no truth value."""
    if type(value) is int:
        return True
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return False
    try:
        index(value)
    except (TypeError, ValueError, RuntimeError):
        return False
    return True


def integer(name: str, value: Any, hint: str) -> int:
    """An integer of Python."""
    if not is_whole(value):
        refuse(name, "a whole number", value, hint)
    return index(value)


def flag(name: str, value: Any) -> bool:
    """True or False, numpy's included, or 0 or 1. What is true of any text, "no" too, is refused."""
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    if is_whole(value) and index(value) in (0, 1):
        return bool(value)
    refuse(name, "True or False", value, f"write {name}=True")


def text(name: str, value: Any, hint: str) -> str:
    """A text."""
    if not isinstance(value, str):
        refuse(name, "a text", value, hint)
    return value


def texts(name: str, value: Any, hint: str) -> tuple[str, ...]:
    """Texts; one alone is one, not its letters."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, (list, tuple, set, frozenset)):
        refuse(name, "a list of texts", value, hint)
    for one in value:
        if not isinstance(one, str):
            raise UsageError(f"{spelled(name)} is a list of texts, and {told(one)} is none.", hint=hint)
    return tuple(value)


def mapping(name: str, value: Any, of: str, hint: str) -> Mapping[str, Any]:
    """Values by name; `of` says in a message what they are."""
    if not isinstance(value, Mapping):
        raise UsageError(f"{spelled(name)} maps names to {of}; {kind_of(value)} does not.", hint=hint)
    for key in value:
        if not isinstance(key, str):
            raise UsageError(f"{spelled(name)} has the key {told(key)}, which is no name.", hint=hint)
    return value


def dtype(name: str, value: Any) -> str:
    """The name of a dtype, also where torch's or numpy's own is given. Whether there is one is not asked."""
    if isinstance(value, str):
        return value
    kind = type(value)
    if kind.__module__ == "torch" and kind.__name__ == "dtype":
        return str(value).removeprefix("torch.")
    if isinstance(value, type) and value.__module__ == "numpy":
        return value.__name__.rstrip("_")
    if kind.__module__.partition(".")[0] == "numpy" and isinstance(getattr(value, "name", None), str):
        return str(value.name)
    refuse(name, "the name of a dtype", value, f'write {name}="float16" or {name}=torch.float16')


_PATH: Final = 'write {}="report.json", or a pathlib.Path'


def path(name: str, value: Any, wanted: str = "the name of a file", hint: str = _PATH) -> str:
    """The name of a file, or of what else may be one."""
    try:
        found = os.fspath(value)
    except TypeError:
        found = None
    if not isinstance(found, str):
        refuse(name, wanted, value, hint.format(name))
    return found


def sizes(value: Any) -> tuple[int, ...] | None:
    """A shape: a tuple, a list, torch's or numpy's; None for what is none."""
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 1:
        value = value.tolist()
    if not isinstance(value, (tuple, list)) or not all(is_whole(size) and size >= 0 for size in value):
        return None
    shape = tuple(index(size) for size in value)
    if max(shape, default=0) >= 2**63:
        raise UsageError(f"no tensor can have a side of {told(max(shape))}.", hint="give a smaller one")
    return shape
