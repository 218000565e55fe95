"""The columns of what a network took, or takes at least, on a machine: those of profiles and rooflines."""

from __future__ import annotations

from typing import Final

from netscope.report.layer import Layer
from netscope.report.own import Own
from netscope.report.report import Report
from netscope.show.columns.column import (
    BYTES,
    NUMBER,
    PERCENT,
    RATE,
    SECONDS,
    SHARE,
    TEXT,
    Column,
    figure,
)


def _part_of_time(own: Own, report: Report) -> float | None:
    return report.time_share(own.time)


def _part_of_bound(own: Own, report: Report) -> float | None:
    return report.bound_share(own.bound)


def _limit(layer: Layer, report: Report) -> str | None:
    """The axis along which a row sends for longer than it computes or moves, or else which of both."""
    own = () if layer.rank is None else layer.rank.own_traffic
    busy = report.busiest("forward", traffic=own) if own and layer.roof is not None else None
    if busy is not None and layer.roof is not None and busy.seconds > (layer.roof.own_seconds or 0.0):
        return f"network:{busy.axis}" if busy.axis else "network"
    return layer.limited_by


MACHINE: Final[tuple[Column, ...]] = (
    figure(
        "time", "time", "Measured seconds of the layer in a step, from the instrumented pass; of profiles.",
        SECONDS, drop=1, part=_part_of_time,
    ),
    Column(
        "time_share", "time %", "The fraction of the time of all work of the forward and the backward.",
        SHARE, lambda layer, report: report.time_share(layer.time), _part_of_time, zero="", drop=2,
        part=_part_of_time,
    ),
    figure("forward_time", "forward", "The forward's part of the time.", SECONDS, drop=10),
    figure("backward_time", "backward", "The backward's part of the time.", SECONDS, drop=11),
    figure(
        "kernels", "kernels",
        "Pieces of work a step: kernels on a device, innermost operators on the host.", NUMBER,
        drop=43,
    ),
    figure(
        "flops_per_second", "FLOP/s", "FLOPs of the forward in each second of it.", RATE,
        adds=False, drop=15,
    ),
    figure(
        "moved_bytes", "moved",
        "Bytes that the forward must move: what a layer reads of others (inputs, parameters; of a table "
        "the rows looked up) and hands to others, each once a call.", BYTES, drop=22,
    ),
    figure(
        "intensity", "FLOPs/B", "Arithmetic intensity: FLOPs for each byte that must be moved.", NUMBER,
        zero="", adds=False, drop=42,
    ),
    figure(
        "bound", "bound",
        "The least seconds of the forward on the machine of the roof: max(FLOPs/peak, moved "
        "bytes/bandwidth), summed over rows. A lower bound and never a prediction.", SECONDS,
        drop=18, part=_part_of_bound,
    ),
    Column(
        "bound_share", "bound %", "The fraction of the network's bound.", SHARE,
        lambda layer, report: report.bound_share(layer.bound), _part_of_bound, zero="", drop=19,
        part=_part_of_bound,
    ),
    Column(
        "network_seconds", "network",
        "The least seconds in which a rank sends what its forward must, by the links of the machine of the "
        "roof; of ranks.", SECONDS, lambda layer, report: report.network_seconds(layer.rank),
        lambda own, report: report.network_seconds(own.rank), zero="", adds=False, drop=17,
    ),
    Column(
        "limited_by", "limited by",
        "What the bound of a row is of: compute or memory; of a rank of many also network:axis.", TEXT,
        _limit, drop=16,
    ),
    figure(
        "efficiency", "efficiency",
        "Bound / forward: the part of the measured time that was necessary; 1 is the machine at its "
        "limit.", PERCENT, adds=False, drop=12,
    ),
)  # fmt: skip
