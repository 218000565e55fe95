"""Operators that a peer has no rule for, and where their work is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from netscope.answers.verify.figures import Ours
from netscope.answers.verify.result import Reason
from netscope.answers.verify.said import Entry
from netscope.base import units

# Several layers in one operator, which torch runs in their place where it can.
_FUSED: Final = frozenset({"_native_multi_head_attention", "_transformer_encoder_layer_fwd"})


def missing(entries: Iterable[Entry], ours: Ours, lacks: str) -> list[Reason]:
    """Reasons for what a peer does not know; fused operators apart, whose work is that of layers within.

    Args:
        lacks: "has no formula for", as the peer's reasons begin.
    """
    amounts: dict[str, dict[str, int]] = {"no rule": defaultdict(int), "fused": defaultdict(int)}
    calls: dict[str, Counter[str]] = {key: Counter() for key in amounts}
    for entry in entries:
        if entry.known or not entry.work:
            continue
        key = "fused" if entry.what in _FUSED else "no rule"
        calls[key][entry.what] += entry.times
        for path, work in _placed(entry, ours).items():
            amounts[key][path] -= work
    texts = {"no rule": lacks, "fused": f"{lacks} the fused"}
    return [
        Reason(key, f"{texts[key]} {_listed(calls[key])}", dict(amounts[key]))
        for key in amounts
        if amounts[key]
    ]


def _placed(entry: Entry, ours: Ours) -> dict[str, int]:
    """Where netscope has the work of an operator: within its module, if it stands for the layers there."""
    if entry.what in _FUSED:
        within = {
            path: work
            for path in ours.work
            if path == entry.path or path.startswith(f"{entry.path}." if entry.path else "")
            if (work := ours.worked(path))
        }
        if sum(within.values()) == entry.work:
            return within
    return {entry.path: entry.work}


def _listed(calls: Counter[str]) -> str:
    return ", ".join(f"{name} {units.times(times)}" for name, times in calls.most_common())
