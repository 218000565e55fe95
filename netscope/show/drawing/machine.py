"""Plots of a network on a machine: how its steps' times are spread, and its rows below the machine's roof."""

from __future__ import annotations

from typing import Final

from netscope.base import units
from netscope.report.measured.remarks import TWENTIETHS
from netscope.report.measured.samples import Measurement
from netscope.report.measured.timing import Roof
from netscope.report.partial import own_unknown
from netscope.report.report import Report
from netscope.show import page as p
from netscope.show.strings import short

# Bars of a distribution, and how far beyond the quartiles it goes: what is further is in the last one.
_BARS: Final = 40
_FAR: Final = 6


def samples(measured: Measurement) -> p.Plot:
    """How the steps' times are spread."""
    times = sorted(measured.samples)
    low, high = times[0], min(times[-1], measured.quartiles[1] + _FAR * measured.iqr)
    # Freedman and Diaconis: as wide as the noise of so many samples allows.
    width = 2 * measured.iqr / len(times) ** (1 / 3)
    count = max(1, min(_BARS, round((high - low) / width))) if width > 0 else 1
    width = (high - low) / count or times[0] / _BARS or 1.0
    bars = [0] * count
    for time in times:
        bars[max(0, min(count - 1, int((time - low) / width)))] += 1
    beyond = sum(time > high for time in times)
    points = [p.Point(low + (number + 0.5) * width, bar, "steps") for number, bar in enumerate(bars)]
    marks = [p.Mark("x", measured.median, f"median {units.seconds(measured.median, units.TOTAL)}")]
    summary = f"{units.plural(len(times), 'step')}, {units.seconds_between(times[0], times[-1])}"
    if len(times) >= TWENTIETHS:
        if measured.p95 <= high:
            marks.append(p.Mark("x", measured.p95, f"p95 {units.seconds(measured.p95)}"))
        summary += f", 19 of 20 within {units.seconds(measured.p95)}"
    if beyond:
        points[-1] = points[-1]._replace(text=f"steps, with {units.count(beyond)} that took longer")
        summary += f"; the last bar has {units.count(beyond)} that took longer"
    return p.Plot(
        "how long the steps took",
        p.Axis("seconds a step", lambda value: units.seconds(value, units.TOTAL)),
        p.Axis("steps", lambda value: units.count(round(value))),
        [p.Series("steps", points, "bars")],
        marks,
        summary,
    )


def scatter(report: Report, roof: Roof) -> p.Plot | None:
    """Rows by what they compute for each byte, and how fast, below what the machine can do.

    A row that was not measured stands at its bound, one of which only a part could be counted at what that
    part comes to. None where no row has arithmetic, or the machine is not known.
    """
    points: dict[str, list[p.Point]] = {"measured": [], "bound": []}
    without = uncounted = partly = 0
    for layer, unknown in zip(report.layers, own_unknown(report), strict=True):
        own = layer.roof
        if own is None or not own.own_moved_bytes:
            continue
        if not layer.own_macs:
            without += not unknown
            uncounted += bool(unknown)
            continue
        took, kind = own.own_seconds, "bound"
        if layer.timing is not None and layer.timing.own.forward > 0:
            took, kind = layer.timing.own.forward, "measured"
        if not took:
            continue
        flops = 2 * layer.own_macs
        limit = f", limited by {own.limited_by}" if own.limited_by else ""
        least = ", at least, for not all of it was counted" if unknown else ""
        partly += bool(unknown)
        text = f"{short(layer.path) or 'the network itself'} ({kind}{limit}{least})"
        points[kind].append(p.Point(flops / own.own_moved_bytes, flops / took, text, layer.path))
    found = [p.Series(kind, some, "dots") for kind, some in points.items() if some]
    if not found:
        return None
    if len(found) > 1:
        found[1] = found[1]._replace(tone="warn")
    xs = [point.x for one in found for point in one.points]
    ridge = roof.ridge
    ends = [min(xs), max(xs)]
    if ridge is not None:
        ends = [min(ends[0], ridge / 2), max(ends[1], 2 * ridge)]
    corners = [ends[0], *([ridge] if ridge is not None else []), ends[1]]
    line = [p.Point(x, y, "roof") for x in corners if (y := _at_most(roof, x)) is not None]
    marks = [] if ridge is None else [p.Mark("x", ridge, f"ridge {units.number(ridge)} FLOPs/B")]
    told = [f"{units.plural(len(xs), 'row')} below the roof of {short(roof.title)}"]
    if without:
        told.append(f"{units.plural(without, 'row')} without a MAC left out")
    if uncounted:
        told.append(f"{units.plural(uncounted, 'row')} left out that nobody could count")
    if partly:
        told.append(f"{units.plural(partly, 'row')} counted in part, so that at least that much is computed")
    return p.Plot(
        "roofline",
        p.Axis("FLOPs for each byte", units.number, log=True),
        p.Axis("FLOP/s", units.rate, log=True),
        [p.Series("roof", line, "line", ""), *found],
        marks,
        "; ".join(told),
    )


def _at_most(roof: Roof, intensity: float) -> float | None:
    """FLOP/s that a machine can do at so many FLOPs a byte; None where nothing of it is known."""
    memory = None if roof.bandwidth is None else roof.bandwidth * intensity
    known = [limit for limit in (memory, roof.peak) if limit is not None]
    return min(known, default=None)
