"""How the store quotes what it was given: short, and on one line."""

from __future__ import annotations

from typing import Any, Final

from netscope.base.errors import StoreError

NO_REPORT: Final = "this is not a netscope report"


def no_report(why: str) -> StoreError:
    """The error over data that is no report."""
    return StoreError(f"{NO_REPORT}: {why}.")


def one_line(text: str) -> str:
    """Somebody else's message, to stand within a sentence."""
    return " ".join(text.split()).rstrip(".")[:200]


def short(value: Any) -> str:
    """A value as Python writes it, cut in the middle when that is long."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:80]}…{text[-30:]}"
