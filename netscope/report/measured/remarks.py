"""What makes a measured figure doubtful, in plain sentences. No sentence: nothing was found."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Final

from netscope.base import units
from netscope.report.measured.samples import Measurement, slowed

# Half of the samples lie further apart than this share of the median.
NOISY: Final = 0.1
# With fewer samples there is no quarter to leave out.
QUARTERS: Final = 4
# The same of a twentieth.
TWENTIETHS: Final = 20
# The process wanted a processor and got none for more than this share of the time.
WAITED: Final = 0.02
# One thread that computes uses a whole processor. Less than this share of it: it was kept from it.
STARVED: Final = 0.9
# Steps in the last half of the rounds differ by more than this from those in the first.
DRIFTED: Final = 0.02


def remarks(measured: Measurement, *, threads: int | None = None) -> tuple[str, ...]:
    """What a reader must know before trusting the figure.

    threads:
        that the steps computed with, where they ran on the processor; None where a device computed.
    """
    return tuple([text for check in _CHECKS if (text := check(measured, threads))])


def slowdown(measured: Measurement) -> str:
    """That the device was slowed down meanwhile; "" when it was not."""
    return _throttled(measured, None)


def _unconverged(measured: Measurement, _: int | None) -> str:
    if measured.converged:
        return ""
    seconds = units.seconds(sum(r.wall for r in measured.rounds))
    taken = f"{units.plural(len(measured.samples), 'sample')} in {units.plural(len(measured.kept), 'round')}"
    if measured.uncertainty is None or not measured.enough:
        return f"not converged: only {taken} in {seconds}"
    # Rounded up: 1.04% is not within 1.0%.
    within = math.ceil(measured.uncertainty * 1000) / 1000
    return (
        f"not converged: the median is known to within {units.percent(within)} "
        f"after {taken} in {seconds}, {units.percent(measured.pace.precision)} was wanted"
    )


def _shared(measured: Measurement, threads: int | None) -> str:
    """Whether others used the processors meanwhile, by the scheduler's word or by CPU time."""
    told = [r for r in measured.kept if r.waited is not None and r.wall]
    if told:
        share = sum(r.waited or 0.0 for r in told) / sum(r.wall for r in told) / (threads or 1)
        if share > WAITED:
            return (
                f"the machine is shared: {units.percent(share)} of the time went by waiting for a processor"
            )
    timed = [r for r in measured.kept if r.cpu is not None and r.wall]
    if timed and threads == 1:
        share = sum(r.cpu or 0.0 for r in timed) / sum(r.wall for r in timed)
        if share < STARVED:
            return f"the machine is shared: one thread got {units.percent(share)} of a processor"
    return ""


def _throttled(measured: Measurement, _: int | None) -> str:
    """That the device was slowed down, how far, in how many rounds, and what was done about it."""
    slow = slowed(measured.rounds)
    if not slow:
        return ""
    readings = [r for index in slow if (r := measured.rounds[index].reading) is not None]
    reasons = sorted({reason for r in readings for reason in r.throttled})
    clocks = [r.clock for r in readings if r.clock is not None]
    what = f"clock dropped to {units.hertz(min(clocks))}" if clocks else "the device was slowed down"
    why = f" ({', '.join(reasons)})" if reasons else ""
    where = f"{len(slow)} of {units.plural(len(measured.rounds), 'round')}"
    if measured.left_out:
        done = "those were left out" if len(slow) > 1 else "that one was left out"
    else:
        done = "the figures are those of a slowed device"
    return f"{what} in {where}{why}; {done}"


def _others(measured: Measurement, _: int | None) -> str:
    most = max([r.reading.others or 0 for r in measured.rounds if r.reading is not None], default=0)
    if not most:
        return ""
    others = "another process has" if most == 1 else f"{units.count(most)} other processes have"
    return f"the device is shared: {others} it open"


def _noisy(measured: Measurement, _: int | None) -> str:
    spread = measured.iqr / measured.median if measured.median else 0.0
    if spread <= NOISY or len(measured.samples) < QUARTERS:
        return ""
    return f"noisy: the middle half of the steps spreads over {units.percent(spread)} of the median"


def _drifting(measured: Measurement, _: int | None) -> str:
    """Whether steps became slower or faster from the first half of the rounds to the last."""
    medians = [statistics.median(r.samples) for r in measured.kept]
    half = len(medians) // 2
    if half < 3 or not _trend(medians):
        return ""
    first, last = statistics.median(medians[:half]), statistics.median(medians[-half:])
    change = last / first - 1 if first else 0.0
    if abs(change) <= DRIFTED:
        return ""
    return (
        f"drifting: steps became {units.percent(abs(change))} {'slower' if change > 0 else 'faster'} "
        "from the first half of the rounds to the last"
    )


def _trend(values: Sequence[float]) -> bool:
    """Whether they rise or fall more often than chance would have it (Mann 1945, Kendall 1975), at 95%."""
    count = len(values)
    rises = sum((b > a) - (b < a) for i, a in enumerate(values) for b in values[i + 1 :])
    deviation = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    return (abs(rises) - 1) / deviation > NormalDist().inv_cdf(0.975)


def _unsettled(measured: Measurement, _: int | None) -> str:
    if measured.settled:
        return ""
    before = units.seconds(statistics.median(measured.warmup))
    return f"the warm-up never settled (its median step took {before})"


_CHECKS: Final[tuple[Callable[[Measurement, int | None], str], ...]] = (
    _unconverged,
    _shared,
    _others,
    _throttled,
    _noisy,
    _drifting,
    _unsettled,
)
