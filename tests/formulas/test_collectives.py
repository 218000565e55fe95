"""What collectives move: a buffer as torch's own tests have it, and what is sent at the least."""

from __future__ import annotations

from typing import Any

import pytest

from netscope.base.workload import TensorSpec
from netscope.formulas import cost_of
from netscope.formulas.collectives import Moved, moved
from netscope.trace.facts import Operator

PART, WHOLE = TensorSpec((256,)), TensorSpec((1024,))  # 1 KiB of each of 4 ranks
SUM = "__torch__.torch.classes.c10d.ReduceOp"


def operator(name: str, *args: Any, outputs: tuple[TensorSpec, ...] = ()) -> Operator:
    return Operator(f"{name}.default", args, {}, outputs)


# (operator, what rank 0 moves, what rank 1 does)
CASES = [
    (operator("c10d._allgather_base_", WHOLE, PART, "1"), Moved("all_gather", 4096, 3072), None),
    (operator("c10d.allgather_", ((PART,) * 4,), (PART,), "1"), Moved("all_gather", 4096, 3072), None),
    (
        operator("_c10d_functional.all_gather_into_tensor", PART, 4, "1", outputs=(WHOLE,)),
        Moved("all_gather", 4096, 3072),
        None,
    ),
    (
        operator("c10d._reduce_scatter_base_", PART, WHOLE, "1", SUM),
        Moved("reduce_scatter", 4096, 3072),
        None,
    ),
    (operator("c10d.allreduce_", (WHOLE,), "1", SUM), Moved("all_reduce", 4096, 6144), None),
    (operator("c10d.allreduce_", (TensorSpec((1,)),), "1", SUM), Moved("all_reduce", 4, 6), None),
    (
        operator("_c10d_functional.all_to_all_single", WHOLE, (), (), "1"),
        Moved("all_to_all", 4096, 3072),
        None,
    ),
    # Uneven pieces: 100, 300, 400 and 224 numbers; a rank keeps its own.
    (
        operator("_c10d_functional.all_to_all_single", WHOLE, (), (100, 300, 400, 224), "1"),
        Moved("all_to_all", 4096, 4096 - 400),
        Moved("all_to_all", 4096, 4096 - 1200),
    ),
    (
        operator("c10d.broadcast_", (WHOLE,), "1", 0, 0),
        Moved("broadcast", 4096, 4096),
        Moved("broadcast", 4096, 0),
    ),
    (
        operator("c10d.reduce_", (WHOLE,), "1", SUM, 0, 0),
        Moved("reduce", 4096, 0),
        Moved("reduce", 4096, 4096),
    ),
    (operator("c10d.gather_", ((PART,) * 4,), (PART,), "1", 0), Moved("gather", 4096, 0), None),
    (operator("c10d.gather_", (), (PART,), "1", 0), None, Moved("gather", 4096, 1024)),
    (operator("c10d.scatter_", (PART,), ((PART,) * 4,), "1", 0), Moved("scatter", 4096, 3072), None),
    (operator("c10d.scatter_", (PART,), (), "1", 0), None, Moved("scatter", 4096, 0)),
    (operator("c10d.send", (PART,), "1", 1, 0), Moved("send", 1024, 1024), None),
    (operator("c10d.recv_", (PART,), "1", 1, 0), Moved("recv", 1024, 0), None),
    (operator("c10d.barrier", PART, "1", ()), Moved("barrier", 0, 0), None),
]


@pytest.mark.parametrize(("collective", "first", "second"), CASES, ids=lambda one: getattr(one, "name", ""))
def test_what_a_rank_of_four_moves(collective: Operator, first: Moved | None, second: Moved | None):
    for own, expected in ((0, first), (1, second)):
        if expected is not None:
            assert moved(collective, 4, own) == expected


@pytest.mark.parametrize("collective", [case[0] for case in CASES], ids=lambda one: one.name)
def test_nothing_is_sent_where_there_is_nobody_else_and_nothing_is_multiplied(collective: Operator):
    found = moved(collective, 1, 0)
    assert found is not None
    assert found.wire_bytes == 0
    cost = cost_of(collective)
    assert cost is not None
    assert (cost.kind, cost.macs, cost.vector.total) == ("free", 0, 0)


def test_other_operators_move_nothing():
    assert moved(operator("aten.add", WHOLE, WHOLE, outputs=(WHOLE,)), 4, 0) is None
