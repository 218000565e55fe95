"""The columns of what a network took, or takes at least, on a machine: those of profiles and rooflines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from netscope.report.layer import Layer
from netscope.report.report import Report
from netscope.show.columns.column import BYTES, NUMBER, PERCENT, RATE, SECONDS, SHARE, TEXT, Column
from netscope.show.figures import Figures, MachineFigures

if TYPE_CHECKING:
    from netscope.report.measured.timing import LayerRoof, LayerTiming

# What a column's `get` and its `own` are.
Whole = Callable[[Layer, Report], Any]
Own = Callable[[Figures, Report], float | None]


def _of_timing(value: Callable[[LayerTiming], float]) -> Whole:
    """A layer's figure from its timing; None without one."""
    return lambda layer, _: None if layer.timing is None else value(layer.timing)


def _of_roof(value: Callable[[LayerRoof], Any]) -> Whole:
    """A layer's figure from its roof; None without one."""
    return lambda layer, _: None if layer.roof is None else value(layer.roof)


def _own(value: Callable[[MachineFigures], float | None]) -> Own:
    """A row's own figure; None where no machine is known."""
    return lambda own, _: None if own.machine is None else value(own.machine)


def _own_measured(value: Callable[[MachineFigures], float]) -> Own:
    """A row's own figure from what was measured; None where nothing was."""
    return _own(lambda machine: value(machine) if machine.measured else None)


_seconds: Final = _of_timing(lambda timing: timing.seconds)
_forward: Final = _of_timing(lambda timing: timing.whole.forward)
_moved: Final = _of_roof(lambda roof: roof.moved_bytes)
_bound: Final = _of_roof(lambda roof: roof.seconds)

_own_seconds: Final = _own_measured(lambda machine: machine.seconds)
_own_forward: Final = _own_measured(lambda machine: machine.forward)
_own_moved: Final = _own(lambda machine: machine.moved_bytes)
_own_bound: Final = _own(lambda machine: machine.bound if machine.bounded else None)


def _ratio(over: float | None, under: float | None) -> float | None:
    """None where either is not known, or there is nothing to divide by."""
    return None if over is None or not under else over / under


def _work(report: Report) -> float | None:
    """Seconds of all work of a step that has a layer or could have one."""
    parts = None if report.timing is None else report.timing.reconciliation
    return None if parts is None else parts.layers + parts.unattributed


def _own_flops_in(own: Figures, under: float | None) -> float | None:
    """A row's own FLOPs over something: 0 where it has none, None where they are not known."""
    return None if own.unknown else _ratio(2 * own.macs, under) if own.macs else 0


def _own_efficiency(own: Figures, report: Report) -> float | None:
    bound = _own_bound(own, report)
    return _ratio(bound, _own_forward(own, report)) if bound else 0


def _part_of_time(own: Figures, report: Report) -> float | None:
    return _ratio(_own_seconds(own, report), _work(report))


def _part_of_bound(own: Figures, report: Report) -> float | None:
    return _ratio(_own_bound(own, report), report.bound)


MACHINE: Final[tuple[Column, ...]] = (
    Column(
        "time", "time", "Measured seconds of the layer in a step, from the instrumented pass; of profiles.",
        SECONDS, _seconds, _own_seconds, zero="", drop=1,
        part=_part_of_time,
    ),
    Column(
        "time_share", "time %", "The fraction of the time of all work of the forward and the backward.",
        SHARE, lambda layer, report: _ratio(_seconds(layer, report), _work(report)),
        _part_of_time, zero="", drop=2,
        part=_part_of_time,
    ),
    Column(
        "forward_time", "forward", "The forward's part of the time.", SECONDS,
        _forward, _own_forward, zero="", drop=10,
    ),
    Column(
        "backward_time", "backward", "The backward's part of the time.", SECONDS,
        _of_timing(lambda timing: timing.whole.backward), _own_measured(lambda machine: machine.backward),
        zero="", drop=11,
    ),
    Column(
        "kernels", "kernels",
        "Pieces of work a step: kernels on a device, innermost operators on the host.", NUMBER,
        _of_timing(lambda timing: timing.kernels), _own_measured(lambda machine: machine.kernels),
        zero="", drop=43,
    ),
    Column(
        "flops_per_second", "FLOP/s", "FLOPs of the forward in each second of it.", RATE,
        lambda layer, report: _ratio(layer.flops, _forward(layer, report)),
        lambda own, report: _own_flops_in(own, _own_forward(own, report)),
        zero="", adds=False, drop=15,
    ),
    Column(
        "moved_bytes", "moved",
        "Bytes that the forward must move: what a layer reads of others (inputs, parameters; of a table the "
        "rows looked up) and hands to others, each once a call.", BYTES,
        _moved, _own_moved, zero="", drop=22,
    ),
    Column(
        "intensity", "FLOPs/B", "Arithmetic intensity: FLOPs for each byte that must be moved.", NUMBER,
        lambda layer, report: _ratio(layer.flops, _moved(layer, report)),
        lambda own, report: _own_flops_in(own, _own_moved(own, report)),
        zero="", adds=False, drop=42,
    ),
    Column(
        "bound", "bound",
        "The least seconds of the forward on the machine of the roof: max(FLOPs/peak, moved "
        "bytes/bandwidth), summed over rows. A lower bound and never a prediction.", SECONDS,
        _bound, _own_bound, zero="", drop=18,
        part=_part_of_bound,
    ),
    Column(
        "bound_share", "bound %", "The fraction of the network's bound.", SHARE,
        lambda layer, report: _ratio(_bound(layer, report), report.bound),
        _part_of_bound, zero="", drop=19,
        part=_part_of_bound,
    ),
    Column(
        "limited_by", "limited by", "What the bound of a row is of: compute or memory.", TEXT,
        _of_roof(lambda roof: roof.limited_by), drop=41,
    ),
    Column(
        "efficiency", "efficiency",
        "Bound / forward: the part of the measured time that was necessary; 1 is the machine at its limit.",
        PERCENT, lambda layer, report: _ratio(_bound(layer, report), _forward(layer, report)),
        _own_efficiency, zero="", adds=False, drop=12,
    ),
)  # fmt: skip
