"""Stretches of time that may overlap."""

from __future__ import annotations

from collections.abc import Iterable

Span = tuple[float, float]


def covered(spans: Iterable[Span]) -> float:
    """How long at least one of them lasted: 3 for (0, 2) and (1, 3)."""
    total = 0.0
    end = float("-inf")
    for start, stop in sorted(spans):
        if stop > end:
            total += stop - max(start, end)
            end = stop
    return total


def clipped(spans: Iterable[Span], window: Span) -> list[Span]:
    """The parts of them within the window."""
    low, high = window
    return [(max(a, low), min(b, high)) for a, b in spans if b > low and a < high]
