"""What several checks read in a trace."""

from __future__ import annotations

from netscope.trace.facts import OpCall, Trace


def path_of(trace: Trace, op: OpCall) -> str:
    """The layer that ran the operator; "" for one that ran outside of all."""
    return trace.calls[op.call].path if op.call >= 0 else ""


def makers_and_readers(trace: Trace) -> tuple[dict[int, list[OpCall]], dict[int, int]]:
    """For each storage the operators that wrote it, and how many read it; views do neither."""
    makers: dict[int, list[OpCall]] = {}
    readers: dict[int, int] = {}
    for op in trace.ops:
        if "view" in op.operator.tags:
            continue
        for storage in op.reads:
            readers[storage] = readers.get(storage, 0) + 1
        for storage in op.writes:
            makers.setdefault(storage, []).append(op)
    return makers, readers
