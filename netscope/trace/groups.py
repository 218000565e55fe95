"""Which operators are collectives, and whose: read from their names and arguments. No torch."""

from __future__ import annotations

from typing import Final, NamedTuple

from netscope.trace.facts import Operator


class Kind(NamedTuple):
    """A collective as torch calls it.

    collective:
        what it is: "all_gather", "reduce_scatter", ...
    group:
        the place among its arguments of the group of processes.
    buffer:
        that of the whole buffer among its arguments; -1 for what it returns.
    root:
        that of the rank in the group which gives to, or takes from, all others; -1 where there is none.
    """

    collective: str
    group: int
    buffer: int
    root: int = -1


_OF_GROUPS: Final = {
    "allgather_": Kind("all_gather", 2, 0),
    "_allgather_base_": Kind("all_gather", 2, 0),
    "allgather_coalesced_": Kind("all_gather", 2, 0),
    "allgather_into_tensor_coalesced_": Kind("all_gather", 2, 0),
    "reduce_scatter_": Kind("reduce_scatter", 2, 1),
    "_reduce_scatter_base_": Kind("reduce_scatter", 2, 1),
    "reduce_scatter_tensor_coalesced_": Kind("reduce_scatter", 2, 1),
    "allreduce_": Kind("all_reduce", 1, 0),
    "allreduce_coalesced_": Kind("all_reduce", 1, 0),
    "alltoall_": Kind("all_to_all", 2, 1),
    "alltoall_base_": Kind("all_to_all", 2, 1),
    "broadcast_": Kind("broadcast", 1, 0, 2),
    "reduce_": Kind("reduce", 1, 0, 3),
    "gather_": Kind("gather", 2, 0, 3),
    "gather_into_tensor_": Kind("gather", 2, 0, 3),
    "scatter_": Kind("scatter", 2, 1, 3),
    "send": Kind("send", 1, 0),
    "recv_": Kind("recv", 1, 0),
    "recv_any_source_": Kind("recv", 1, 0),
    "barrier": Kind("barrier", 1, 0),
    "monitored_barrier_": Kind("barrier", 1, 0),
}
_FUNCTIONAL: Final = {
    "all_gather_into_tensor": Kind("all_gather", 2, -1),
    "all_gather_into_tensor_out": Kind("all_gather", 2, -1),
    "all_gather_into_tensor_coalesced": Kind("all_gather", 2, -1),
    "reduce_scatter_tensor": Kind("reduce_scatter", 3, 0),
    "reduce_scatter_tensor_out": Kind("reduce_scatter", 3, 0),
    "reduce_scatter_tensor_coalesced": Kind("reduce_scatter", 3, 0),
    "all_reduce": Kind("all_reduce", 2, 0),
    "all_reduce_": Kind("all_reduce", 2, 0),
    "all_reduce_coalesced": Kind("all_reduce", 2, 0),
    "all_reduce_coalesced_": Kind("all_reduce", 2, 0),
    "all_to_all_single": Kind("all_to_all", 3, 0),
    "broadcast": Kind("broadcast", 2, 0, 1),
    "broadcast_": Kind("broadcast", 2, 0, 1),
    "isend": Kind("send", 3, 0),
    "irecv": Kind("recv", 3, 0),
}
COLLECTIVES: Final[dict[str, Kind]] = {
    **{f"c10d.{name}": kind for name, kind in _OF_GROUPS.items()},
    **{f"_c10d_functional.{name}": kind for name, kind in _FUNCTIONAL.items()},
    "_dtensor.shard_dim_alltoall": Kind("all_to_all", 3, 0),
}
# Belong to one, and send nothing by themselves.
QUIET: Final = (
    "c10d.check_for_nan",
    "_c10d_functional.wait_tensor",
    "_c10d_functional._wrap_tensor_autograd",
)


def collective_of(operator: Operator) -> Kind | None:
    """Which collective an operator is; None for any other."""
    if not operator.name.startswith(("c10d.", "_c10d_functional.", "_dtensor.")):
        return None
    return COLLECTIVES.get(operator.name.rpartition(".")[0])


def group_in(operator: Operator) -> str | None:
    """The name of its group; None for an operator that is no collective, or does not name one."""
    kind = collective_of(operator)
    if kind is None or len(operator.args) <= kind.group:
        return None
    name = operator.args[kind.group]
    return name if isinstance(name, str) and not name.startswith("__torch__") else None
