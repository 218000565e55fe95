"""Times and bounds become figures of a report's rows, each row its own and those within.

Both come by the path of a module, for what it ran outside its submodules. Where the report has a row for that
("encoder.(functional)"), it goes there; what the report has no row for goes to the nearest one around it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from netscope.machine.timing.roofline import Bound
from netscope.report.layer import FUNCTIONAL, Layer
from netscope.report.measured.breakdown import LayerTime
from netscope.report.measured.timing import LayerRoof, LayerTiming, Roof
from netscope.report.report import Report
from netscope.report.tree import children_of

_NO_TIME = LayerTime()


def with_times(report: Report, times: Mapping[str, LayerTime], entered: Collection[str]) -> Report:
    """The report with a timing for every layer whose time can be told.

    times:
        path of a module -> what it took itself.
    entered:
        paths of all module calls that were met. A layer that was traced and not met ran inside a kernel of
        one around it, so its own share is not known.
    """
    own: dict[str, LayerTime] = defaultdict(LayerTime)
    for path, time in times.items():
        row = _row_for(report, path)
        own[row] = _plus(own[row], time)
    whole = [own.get(layer.path, _NO_TIME) for layer in report.layers]
    known = [_is_known(layer, entered) or layer.path in own for layer in report.layers]
    inner = children_of(report.layers)
    for index in range(len(report.layers) - 1, -1, -1):
        for child in inner[index]:
            whole[index] = _plus(whole[index], whole[child])
    timed = [
        replace(layer, timing=LayerTiming(time, own.get(layer.path, _NO_TIME)) if told else None)
        for layer, time, told in zip(report.layers, whole, known, strict=True)
    ]
    return report.but(layers=tuple(_bounds_with_times(report, timed)))


def _bounds_with_times(report: Report, layers: Sequence[Layer]) -> Sequence[Layer]:
    """The bounds of layers that ran inside a fused kernel moved to the row that has the kernel's time."""
    fused = [layer for layer in layers if layer.timing is None and layer.roof is not None]
    if not fused:
        return layers
    by_path = {layer.path: layer for layer in layers}
    for layer in fused:
        around = layer.path
        while by_path[around].timing is None and around:
            around = around.rpartition(".")[0]
            while around not in by_path:
                around = around.rpartition(".")[0]
        row = by_path[_row_for(report, around)]
        if row.roof is not None and layer.roof is not None:
            by_path[row.path] = replace(row, roof=_joined(row.roof, layer.roof))
            by_path[layer.path] = replace(layer, roof=replace(layer.roof, own_moved_bytes=0, own_seconds=0.0))
    return [by_path[layer.path] for layer in layers]


def _joined(row: LayerRoof, inside: LayerRoof) -> LayerRoof:
    """A row's roof that holds another's work too."""
    seconds = None
    if row.own_seconds is not None and inside.own_seconds is not None:
        seconds = row.own_seconds + inside.own_seconds
    return replace(
        row,
        own_moved_bytes=row.own_moved_bytes + inside.own_moved_bytes,
        own_seconds=seconds,
        limited_by=None,
    )


def with_roof(report: Report, moved: Mapping[str, int], roof: Roof | None) -> Report:
    """The report with the bytes that every layer must move, and its bound where the machine is known."""
    own: dict[str, int] = defaultdict(int)
    for path, moved_by_it in moved.items():
        own[_row_for(report, path)] += moved_by_it
    bounds = [_bound(layer, own.get(layer.path, 0), roof) for layer in report.layers]
    nbytes = [own.get(layer.path, 0) for layer in report.layers]
    seconds = [bound.seconds for bound in bounds]
    inner = children_of(report.layers)
    for index in range(len(report.layers) - 1, -1, -1):
        for child in inner[index]:
            nbytes[index] += nbytes[child]
            below, here = seconds[child], seconds[index]
            seconds[index] = None if here is None or below is None else here + below
    layers: list[Layer] = []
    for index, (layer, bound) in enumerate(zip(report.layers, bounds, strict=True)):
        mine = own.get(layer.path, 0)
        # Arithmetic that was not counted may be what limits.
        tells = (mine or layer.own_macs) and not layer.unknown
        limited_by = bound.limited_by if tells else None
        layers.append(
            replace(layer, roof=LayerRoof(nbytes[index], seconds[index], mine, bound.seconds, limited_by))
        )
    return report.but(layers=tuple(layers), roof=roof)


def _bound(layer: Layer, moved: int, roof: Roof | None) -> Bound:
    """The least time of what the row itself does. Causal attention counts as the half that it needs."""
    if roof is None:
        return Bound(None, None)
    alone = layer.own_macs == layer.counted_macs  # no row within has any
    macs = layer.causal_macs if alone else layer.own_macs
    return Bound(
        None if roof.peak is None else 2 * macs / roof.peak,
        None if not roof.bandwidth else moved / roof.bandwidth,
    )


def _row_for(report: Report, path: str) -> str:
    """The row for what a module ran itself."""
    own = f"{path}.{FUNCTIONAL}" if path else FUNCTIONAL
    if own in report:
        return own
    while path and path not in report:
        path = path.rpartition(".")[0]
    return path


def _is_known(layer: Layer, entered: Collection[str]) -> bool:
    path = layer.path
    if layer.kind == "functional":
        path = path.rpartition(".")[0] if path != FUNCTIONAL else ""
    return path in entered or not layer.calls


def _plus(one: LayerTime, other: LayerTime) -> LayerTime:
    return LayerTime(
        one.forward + other.forward,
        one.backward + other.backward,
        one.forward_kernels + other.forward_kernels,
        one.backward_kernels + other.backward_kernels,
    )
