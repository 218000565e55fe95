"""The bytes that each row of a report must move: what it reads of others and hands to others.

Every operator that writes data counts; views, allocations and questions to the metadata move nothing. Within
one call of a module each block of memory counts once for reading and once for writing, however many of the
call's operators use it. What the call made for itself alone does not count, and neither does what it made
for nobody: a pool's indices, the statistics that a norm keeps for a backward. So this is what a kernel that
did the whole row in one go would have to move, and real ones move no less.

Of a table of which rows are looked up, the rows count and not the table.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from netscope.base.workload import TensorSpec
from netscope.trace.facts import OpCall, Trace

# Operators that read no more of their first argument than they write.
_LOOKUPS: Final = frozenset(
    f"aten.{name}"
    for name in (
        *("embedding", "_embedding_bag", "_embedding_bag_forward_only", "index_select", "gather", "take"),
        *("index", "_unsafe_index", "take_along_dim"),
    )
)


def moved_bytes(trace: Trace) -> dict[str, int]:
    """Path of a module -> the bytes that its own operators move in one forward, all its calls together."""
    working = [
        (op, written) for number, op in enumerate(trace.ops) if (written := _written(trace, number, op))
    ]
    readers: dict[int, set[int]] = defaultdict(set)
    for op, _ in working:
        for storage in op.reads:
            readers[storage].add(op.call)
    # What leaves the network may have left its layer unseen, as in a list that a hook fills.
    returned = [{value.storage for value in (*call.outputs, *trace.outputs)} for call in trace.calls]
    reads: dict[tuple[int, int], int] = {}
    writes: dict[tuple[int, int], int] = {}
    for op, written in working:
        for storage, nbytes in _read(trace, op):
            if not _made_by(trace, storage, op.call):
                reads[op.call, storage] = max(reads.get((op.call, storage), 0), nbytes)
        for storage, nbytes in written:
            inner = _made_by(trace, storage, op.call) and readers[storage] <= {op.call}
            if not inner or storage in returned[op.call]:
                writes[op.call, storage] = max(writes.get((op.call, storage), 0), nbytes)
    moved: dict[str, int] = defaultdict(int)
    for (call, _), nbytes in (*reads.items(), *writes.items()):
        moved[trace.calls[call].path] += nbytes
    return dict(moved)


def _made_by(trace: Trace, storage: int, call: int) -> bool:
    """Whether an operator of that call made the memory; what was there before, none did."""
    born = trace.storages[storage].born
    return born >= 0 and trace.ops[born].call == call


def _written(trace: Trace, number: int, op: OpCall) -> list[tuple[int, int]]:
    """Storages into which the operator puts data, with how many bytes; none for a view or an allocation."""
    tags = op.operator.tags
    if "view" in tags or ("factory" in tags and op.operator.name.startswith("aten.empty")):
        return []
    return [
        (storage, nbytes)
        for storage, nbytes in _sized(trace, op.writes, op.operator.outputs)
        if trace.storages[storage].born == number or "inplace" in tags
    ]


def _read(trace: Trace, op: OpCall) -> Iterator[tuple[int, int]]:
    """Storages that the operator reads, with how many bytes of each."""
    found: dict[int, int] = defaultdict(int)
    for storage, nbytes in _sized(trace, op.reads, tuple(_specs((op.operator.args, op.operator.kwargs)))):
        found[storage] = min(found[storage] + nbytes, trace.storages[storage].nbytes)
    if op.operator.name.rpartition(".")[0] in _LOOKUPS and op.reads:
        written = sum(spec.nbytes for spec in op.operator.outputs[:1])
        found[op.reads[0]] = min(found[op.reads[0]], written)
    yield from found.items()


def _sized(trace: Trace, storages: Sequence[int], specs: Sequence[TensorSpec]) -> list[tuple[int, int]]:
    """Each storage with the bytes of the tensor that stands for it; all of it where they do not match up."""
    whole = [trace.storages[storage].nbytes for storage in storages]
    if len(specs) == len(storages):
        whole = [min(nbytes, math.ceil(spec.nbytes)) for nbytes, spec in zip(whole, specs, strict=True)]
    return list(zip(storages, whole, strict=True))


def _specs(value: Any) -> Iterator[TensorSpec]:
    """The tensors among an operator's arguments, in order."""
    if isinstance(value, TensorSpec):
        yield value
        return
    items: Iterable[Any] = ()
    if isinstance(value, (tuple, list)):
        items = value
    elif isinstance(value, dict):
        items = value.values()
    for item in items:
        yield from _specs(item)
