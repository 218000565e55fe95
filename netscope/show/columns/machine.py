"""The columns of what a network took, or takes at least, on a machine: those of profiles and rooflines."""

from __future__ import annotations

from typing import Final

from netscope.report.own import Own
from netscope.report.report import Report
from netscope.show.columns.column import BYTES, NUMBER, PERCENT, RATE, SECONDS, SHARE, TEXT, Column


def _part_of_time(own: Own, report: Report) -> float | None:
    return report.time_share(own.time)


def _part_of_bound(own: Own, report: Report) -> float | None:
    return report.bound_share(own.bound)


MACHINE: Final[tuple[Column, ...]] = (
    Column(
        "time", "time", "Measured seconds of the layer in a step, from the instrumented pass; of profiles.",
        SECONDS, lambda layer, _: layer.time, lambda own, _: own.time, zero="", drop=1,
        part=_part_of_time,
    ),
    Column(
        "time_share", "time %", "The fraction of the time of all work of the forward and the backward.",
        SHARE, lambda layer, report: report.time_share(layer.time),
        _part_of_time, zero="", drop=2,
        part=_part_of_time,
    ),
    Column(
        "forward_time", "forward", "The forward's part of the time.", SECONDS,
        lambda layer, _: layer.forward_time, lambda own, _: own.forward_time, zero="", drop=10,
    ),
    Column(
        "backward_time", "backward", "The backward's part of the time.", SECONDS,
        lambda layer, _: layer.backward_time, lambda own, _: own.backward_time,
        zero="", drop=11,
    ),
    Column(
        "kernels", "kernels",
        "Pieces of work a step: kernels on a device, innermost operators on the host.", NUMBER,
        lambda layer, _: layer.kernels, lambda own, _: own.kernels,
        zero="", drop=43,
    ),
    Column(
        "flops_per_second", "FLOP/s", "FLOPs of the forward in each second of it.", RATE,
        lambda layer, _: layer.flops_per_second, lambda own, _: own.flops_per_second,
        zero="", adds=False, drop=15,
    ),
    Column(
        "moved_bytes", "moved",
        "Bytes that the forward must move: what a layer reads of others (inputs, parameters; of a table the "
        "rows looked up) and hands to others, each once a call.", BYTES,
        lambda layer, _: layer.moved_bytes, lambda own, _: own.moved_bytes, zero="", drop=22,
    ),
    Column(
        "intensity", "FLOPs/B", "Arithmetic intensity: FLOPs for each byte that must be moved.", NUMBER,
        lambda layer, _: layer.intensity, lambda own, _: own.intensity,
        zero="", adds=False, drop=42,
    ),
    Column(
        "bound", "bound",
        "The least seconds of the forward on the machine of the roof: max(FLOPs/peak, moved "
        "bytes/bandwidth), summed over rows. A lower bound and never a prediction.", SECONDS,
        lambda layer, _: layer.bound, lambda own, _: own.bound, zero="", drop=18,
        part=_part_of_bound,
    ),
    Column(
        "bound_share", "bound %", "The fraction of the network's bound.", SHARE,
        lambda layer, report: report.bound_share(layer.bound),
        _part_of_bound, zero="", drop=19,
        part=_part_of_bound,
    ),
    Column(
        "limited_by", "limited by", "What the bound of a row is of: compute or memory.", TEXT,
        lambda layer, _: layer.limited_by, drop=41,
    ),
    Column(
        "efficiency", "efficiency",
        "Bound / forward: the part of the measured time that was necessary; 1 is the machine at its limit.",
        PERCENT, lambda layer, _: layer.efficiency, lambda own, _: own.efficiency,
        zero="", adds=False, drop=12,
    ),
)  # fmt: skip
