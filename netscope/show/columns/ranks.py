"""The columns of one rank of many: what it has beside the whole, how that is laid out, and what it sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from netscope.base import units
from netscope.report.own import Own
from netscope.report.report import Report
from netscope.show.columns.column import BYTES, METRIC, PARAMETERS, SHAPE, Column, Kind, attribute, figure

# Shares of a whole that read as a fraction: no mesh has longer axes.
_PARTS: Final = 2**20


def places(placements: Mapping[str, str]) -> str:
    """{"dp": "S(0)", "tp": "R"} -> "dp S(0), tp R"."""
    return ", ".join(f"{axis} {placed}" for axis, placed in placements.items())


def _placements(parameters: Mapping[str, Mapping[str, str]]) -> str:
    """Those of all parameters once where they are alike, else each by name."""
    texts = {name: places(placements) for name, placements in parameters.items()}
    alike = dict.fromkeys(texts.values())
    return "".join(alike) if len(alike) == 1 else "; ".join(f"{name} {text}" for name, text in texts.items())


def _collectives(sent: Mapping[str, int]) -> str:
    return ", ".join(f"{what} {units.binary(nbytes)}" for what, nbytes in sent.items())


def part(share: float | None) -> str:
    """A share of what all do: 0.125 -> "1/8", 0.2344 -> "23.4%", 1.0 -> "all"."""
    if share is None or share <= 0:
        return units.percent(share)
    times = round(1 / share)
    if not 1 <= times <= _PARTS or abs(times * share - 1) > 1e-9:
        return units.percent(share)
    return "all" if times == 1 else f"1/{times}"


def _part_of_wire(own: Own, report: Report) -> float | None:
    return units.ratio(own.wire_bytes, report.root.wire_bytes)


PART: Final = Kind(part, float | None, number=True, sorts=True)
PLACES: Final = Kind(places, dict[str, str])
PLACEMENTS: Final = Kind(_placements, dict[str, dict[str, str]])
COLLECTIVES: Final = Kind(_collectives, dict[str, int])

RANKS: Final[tuple[Column, ...]] = (
    attribute(
        "global_shape", "global output",
        "Shape of the first tensor returned, of all ranks together, where it is one of many.", SHAPE, drop=24,
    ),
    attribute(
        "output_placements", "output placed",
        "How that tensor is laid out on each axis of the mesh: S(0) sharded along dimension 0, R replicated, "
        "P partial sums.", PLACES, drop=51, floor=12,
    ),
    attribute(
        "global_parameter_shapes", "global weight + bias",
        "Shapes of the layer's own parameters undivided, by name.", PARAMETERS, drop=39, floor=13,
    ),
    attribute(
        "placements", "placed",
        "How the layer's own parameters are laid out on each axis of the mesh: S(0) sharded along dimension "
        "0, R replicated, P partial sums.", PLACEMENTS, drop=19, floor=14,
    ),
    figure(
        "global_macs", "global MACs", "MACs of the layer undivided, on the same input.", METRIC, drop=8,
    ),
    figure(
        "rank_share", "of global", "MACs / global MACs: the part of the layer's work that the rank does.",
        PART, adds=False, drop=7,
    ),
    figure("backward_macs", "backward MACs", "MACs of the rank in the backward.", METRIC, drop=9),
    figure(
        "wire_bytes", "on the wire",
        "Bytes that the rank sends for the layer in a step, forward and backward, at the least: (n-1)/n of a "
        "collective's buffer, twice that for an all_reduce.", BYTES, drop=4, part=_part_of_wire,
    ),
    figure(
        "collectives", "by collective",
        "Bytes on the wire by collective and axis of the mesh.", COLLECTIVES, adds=False, drop=21, floor=16,
    ),
)  # fmt: skip
