"""Reports of one rank of many, made by hand: two blocks, tensor parallel over 8, sharded over 32.

A block is a linear of 64 to 256 divided by its outputs, and one of 256 to 64 divided by its inputs, on 4
tokens. Of each the rank has an eighth of the work: 4 x 64 x 32 = 8,192 of 65,536 MACs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from netscope.report.layer import Layer
from netscope.report.ranks import Axis, LayerRank, Part, RankKind, Ranks, Traffic, together
from netscope.report.report import Report
from netscope.report.tree import children_of
from tests.reports import around, leaf, parameter, report

DP, TP = Axis("dp", 32, "data", 8), Axis("tp", 8, "model", 1)
MACS, GLOBAL_MACS = 8_192, 65_536


def sent(collective: str, axis: Axis, phase: str, buffer: int, calls: int = 1, **other: Any) -> Traffic:
    """What a rank sends along an axis: (n-1)/n of the buffer, twice that for an all_reduce."""
    times = 2 if collective == "all_reduce" else 1
    wire = times * buffer * (axis.size - 1) // axis.size
    made = Traffic(collective, axis.name, axis.size, axis.reach, phase, calls, buffer, wire)
    return made._replace(**other)


def half(path: str, took: int, gave: int, divided: int, traffic: tuple[Traffic, ...]) -> Layer:
    """A linear without a bias of which the rank has an eighth, that dimension divided by tp."""
    shape = (gave, took)
    inner = tuple(side // 8 if at == divided else side for at, side in enumerate(shape))
    local = (inner[0] // 32, inner[1])
    row = leaf(
        path, "Linear", (1, 4, inner[1]), (1, 4, inner[0]), parameters=(parameter("weight", *local),),
        macs=MACS, operators={"aten.mm.default": 1},
        hyperparameters={"in_features": took, "out_features": gave},
    )  # fmt: skip
    placed = {"dp": "S(0)", "tp": f"S({divided})"}
    output = Part("", (1, 4, gave), (1, 4, inner[0]), {"tp": "S(2)" if divided == 0 else "P"})
    rank = LayerRank(
        (Part("weight", shape, local, placed),),
        output,
        GLOBAL_MACS,
        2 * MACS,
        2 * GLOBAL_MACS,
        traffic,
        traffic,
    )
    return replace(row, rank=rank)


def block(path: str) -> list[Layer]:
    """The row of a block, whose parameters are gathered as one, and the two inside it."""
    # Of tp's eighth: (32 x 64 + 64 x 32) x 4 bytes = 16 KiB.
    own = (
        sent("all_gather", DP, "forward", 2**14),
        sent("all_gather", DP, "backward", 2**14),
        sent("reduce_scatter", DP, "backward", 2**14),
    )
    up = half(f"{path}.up", 64, 256, 0, (sent("all_reduce", TP, "backward", 1_024),))
    down = half(f"{path}.down", 256, 64, 1, (sent("all_reduce", TP, "forward", 1_024),))
    rows = around(path, "Block", [up, down])
    return [replace(rows[0], rank=LayerRank(own_traffic=own)), *rows[1:]]


def summed(layers: list[Layer]) -> tuple[Layer, ...]:
    """The rows with the figures of rows around others: those within and their own together."""
    made = list(layers)
    for index, inside in reversed(list(enumerate(children_of(layers)))):
        rank = made[index].rank or LayerRank()
        if not inside:
            continue
        parts = [made[child].rank or LayerRank() for child in inside]
        made[index] = replace(
            made[index],
            rank=rank._replace(
                global_macs=sum(part.global_macs or 0 for part in parts),
                backward_macs=sum(part.backward_macs or 0 for part in parts),
                global_backward_macs=sum(part.global_backward_macs or 0 for part in parts),
                traffic=together([*rank.own_traffic, *(one for part in parts for one in part.traffic)]),
            ),
        )
    return tuple(made)


def kind(like: Report, *ranks: int, stage: int | None = None, **other: Any) -> RankKind:
    """Ranks that are as the report's own, but for some figures."""
    root = like.root
    assert root.rank is not None
    found = RankKind(
        ranks,
        stage,
        root.params,
        root.param_bytes,
        root.macs,
        root.rank.backward_macs,
        2**20,
        root.rank.traffic,
    )
    return found._replace(**other)


def ranked(name: str = "net", *, mesh: tuple[Axis, ...] = (DP, TP), **other: Any) -> Report:
    """Rank 0 of 256, all of which are alike; `other` are fields of `Ranks`."""
    whole = report(name, "Net", around("blocks", "ModuleList", [*block("blocks.0"), *block("blocks.1")]))
    whole = whole.but(layers=summed(list(whole.layers)))
    world = 1
    for axis in mesh:
        world *= axis.size
    ranks = Ranks(
        **{
            "mesh": mesh,
            "world": world,
            "rank": 0,
            "coordinates": (0,) * len(mesh),
            "trained": True,
            "kinds": (kind(whole, *range(world)),),
            **other,
        }
    )
    return whole.but(ranks=ranks)


def uneven(**other: Any) -> Report:
    """32 ranks, the last seven of which have no part of the parameters."""
    mesh = (Axis("dp", 32, "data", 1),)
    like = ranked(mesh=mesh)
    kinds = (kind(like, *range(25)), kind(like, *range(25, 32), params=0, param_bytes=0))
    return ranked(mesh=mesh, kinds=kinds, **other)
