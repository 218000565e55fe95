"""The whole diff as JSON, raw; `diff.schema.json` says what it holds, whatever rows are shown."""

from __future__ import annotations

from typing import TextIO

from netscope.answers.diff import document
from netscope.show.diff import Differences


def render(
    differences: Differences,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """One line a pair."""
    return document.to_json(differences.diff)
