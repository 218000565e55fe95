"""The nearest right names to a wrong one."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """Up to `limit` of `known` that look like a slip of `name`, best first."""
    from rapidfuzz import fuzz, process, utils

    matches = process.extract(
        name, list(known), scorer=fuzz.WRatio, processor=utils.default_process, limit=limit, score_cutoff=70
    )
    return [match for match, _, _ in matches]
