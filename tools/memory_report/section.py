"""A part of the report: what is measured of each of its cases, and what is written of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

# One case's line: "section", "case", "seconds", and what its section measured or "error".
Result = Mapping[str, Any]


class Section(NamedTuple):
    """A part of the report.

    name:
        in the results, and for `--only`.
    title:
        its heading.
    cases:
        names of what is measured, in order.
    measure:
        what one of them gives, as plain values.
    text:
        its body in Markdown, of the results that there are.
    """

    name: str
    title: str
    cases: Callable[[], Sequence[str]]
    measure: Callable[[str], dict[str, Any]]
    text: Callable[[Sequence[Result]], str]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown; the first column is text, the others are numbers."""
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def signed(ratio: float) -> str:
    """A ratio as what it is off by."""
    return "equal" if ratio == 1 else f"{100 * (ratio - 1):+.3f}%"
