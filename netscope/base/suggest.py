"""The nearest right names to a wrong one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

from netscope.base.errors import UsageError

T = TypeVar("T")

# Of 100: how alike two names must be as wholes, or the shorter one to a part of the longer.
_WHOLE: Final = 60
_PART: Final = 80
# Up to so many letters, a part must be the very name.
_SHORT: Final = 4
# How alike a name is to its first few letters.
_START: Final = 85
# Names that are listed where none is near.
_SHOWN: Final = 6


def nearest(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """Up to `limit` of `known` that look like a slip of `name`, best first.

    Names that contain it come after those that are like it as a whole: "lama" is "llama" before it is
    "diffllama".
    """
    from rapidfuzz import fuzz, process, utils

    # One pass over thousands of names in C, then a closer look at the few.
    matches = process.extract(
        name, list(known), scorer=fuzz.WRatio, processor=utils.default_process, limit=200, score_cutoff=60
    )
    wanted = utils.default_process(name)
    close: list[tuple[float, float, str]] = []
    for match, score, _ in matches:
        found = utils.default_process(match)
        whole, part = fuzz.ratio(wanted, found), fuzz.partial_ratio(wanted, found)
        if found.startswith(wanted):
            whole = max(whole, _START)
        if whole >= _WHOLE or part >= (_PART if len(wanted) > _SHORT else 100):
            close.append((whole, score, match))
    close.sort(key=lambda one: one[:2], reverse=True)
    return [match for _, _, match in close[:limit]]


def look_up(key: str, known: Mapping[str, T], noun: str, nouns: str) -> T:
    """The entry of that key.

    Raises:
        UsageError: there is none; the hint names the nearest keys, or else all of them.
    """
    try:
        return known[key]
    except KeyError:
        close = nearest(key, known)
        hint = f"did you mean {', '.join(close)}?" if close else f"{nouns}: {', '.join(known)}"
        raise UsageError(f"there is no {noun} {key!r}.", hint=hint) from None


def instead_of(pattern: str, known: Sequence[str]) -> str:
    """A hint for a name or glob that nothing has: the nearest names, or else the first ones."""
    name = pattern.strip("*.")
    close = nearest(name, known) if name else []
    if close:
        return f"did you mean {', '.join(close)}?"
    return f"it has {', '.join(known[:_SHOWN])}" + (", ..." if len(known) > _SHOWN else "")
