"""Two networks side by side, as they are to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from netscope.show.drawing.drawing import Drawing


class DrawnPair(NamedTuple):
    """Two rows that belong together.

    before, after:
        their paths; None where there is none.
    status:
        "=", "~" (changed), "+" (added) or "-" (removed), as of `netscope.answers.diff`.
    text:
        what changed, in words; "" for nothing.
    """

    before: str | None
    after: str | None
    status: str
    text: str = ""


class DrawnDiff(NamedTuple):
    """Both networks and how their rows pair up."""

    before: Drawing
    after: Drawing
    pairs: Sequence[DrawnPair]
