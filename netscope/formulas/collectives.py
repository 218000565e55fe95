"""Collectives: no arithmetic of the network's, and so many bytes.

What they cost is not in a `Cost`: `moved` says what a rank sends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from netscope.base.cost import FREE, Cost
from netscope.base.workload import TensorSpec
from netscope.formulas.registry import formula
from netscope.trace.facts import Operator
from netscope.trace.groups import COLLECTIVES, QUIET, Kind, collective_of

# How often the whole buffer passes each rank, but for the part that stays where it is: of a ring, which sends
# the least that there is (Patarasuk and Yuan 2009).
_PASSES: Final = {"all_gather": 1, "reduce_scatter": 1, "all_reduce": 2, "all_to_all": 1}


class Moved(NamedTuple):
    """What a collective moves.

    buffer_bytes:
        of the whole buffer.
    wire_bytes:
        what a rank sends of it, at the least.
    """

    collective: str
    buffer_bytes: int
    wire_bytes: int


@formula(*COLLECTIVES, *QUIET)
def collective(op: Operator) -> Cost:
    """The sums of a reduction are the network's neither way: a switch may do them as well."""
    return FREE


@formula("fsdp.all_gather_copy_in", "fsdp.split_with_sizes_copy", "fsdp.chunk_cat", "fsdp.copy_")
def packed(op: Operator) -> Cost:
    """Copies into and out of the buffers of collectives."""
    return FREE


def moved(op: Operator, ranks: int, own: int) -> Moved | None:
    """What an operator moves; None for one that is no collective.

    ranks:
        in its group.
    own:
        the place of this rank among them.
    """
    kind = collective_of(op)
    if kind is None:
        return None
    inside = op.outputs if kind.buffer < 0 else op.args[kind.buffer]
    whole = 0 if kind.collective == "barrier" else sum(spec.nbytes for spec in _specs(inside))
    if ranks < 2 or kind.collective in ("recv", "barrier"):
        return Moved(kind.collective, whole, 0)
    if kind.collective == "send":
        return Moved(kind.collective, whole, whole)
    if kind.root >= 0:
        return _of_root(kind, op, whole, ranks, own)
    kept = _kept(op, whole, own) if kind.collective == "all_to_all" else None
    if kept is not None:
        return Moved(kind.collective, whole, whole - kept)
    return Moved(kind.collective, whole, -(-_PASSES[kind.collective] * whole * (ranks - 1) // ranks))


def _of_root(kind: Kind, op: Operator, whole: int, ranks: int, own: int) -> Moved:
    """Of a collective in which one rank gives to all others, or takes from them; those may stand in between.

    Who takes no part at all of a tree that passes it on sends nothing: the least for all but the root of a
    broadcast or a scatter, and for the root of the others.
    """
    is_root = op.args[kind.root] == own
    if kind.collective == "broadcast":
        return Moved(kind.collective, whole, whole if is_root else 0)
    if kind.collective == "reduce":
        return Moved(kind.collective, whole, 0 if is_root else whole)
    # The other ranks have but their own part, of the tensors or of what they are given back.
    own_part = whole // ranks if is_root else sum(spec.nbytes for spec in _specs(op.args[1 - kind.buffer]))
    gives = is_root if kind.collective == "scatter" else not is_root
    sent = own_part * (ranks - 1) if is_root else own_part
    return Moved(kind.collective, own_part * ranks, sent if gives else 0)


def _kept(op: Operator, whole: int, own: int) -> int | None:
    """What of an exchange of uneven pieces a rank keeps for itself; None where they are even."""
    if op.name.startswith("c10d.alltoall_base_"):
        sizes = op.args[4]
    elif op.name.startswith("_c10d_functional.all_to_all_single"):
        sizes = op.args[2]
    else:
        return None
    if not sizes or not all(isinstance(size, int) for size in sizes):
        return None
    rows = sum(sizes)
    return whole * sizes[own] // rows if rows else 0


def _specs(value: Any) -> Iterator[TensorSpec]:
    """The tensors of nested lists."""
    if isinstance(value, TensorSpec):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _specs(item)
