"""Raw samples of one measurement, kept by the round, and what follows from them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from netscope.report.measured.intervals import Interval, Ratio, interval_of_rounds, ratio_of_rounds

# A round whose clock lies below this share of the rounds' median clock was slowed down.
SLOWED: Final = 0.9
# With fewer rounds left than this share, being slowed down is how the machine is: nothing is left out.
MOST: Final = 0.5
# Handing work over step by step takes so many times as long as handing it over in one go, or more.
LAUNCH_BOUND: Final = 1.1


@dataclass(frozen=True, slots=True)
class Reading:
    """What a device's sensors said at the end of a round; None for what it does not tell.

    clock, top_clock:
        of the processor, and the highest it can have, in Hz.
    power:
        in watts.
    temperature:
        in degrees Celsius.
    throttled:
        reasons for which the device held its clock down, in words; empty when it did not.
    others:
        processes beside this one that have the device open.
    """

    clock: float | None = None
    top_clock: float | None = None
    power: float | None = None
    temperature: float | None = None
    throttled: tuple[str, ...] = ()
    others: int | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """Samples that were taken in one go. All times are in seconds.

    samples:
        of one step each; what between is told by `Measurement.kind`.
    on_device:
        the same steps on the device's own clock, where marks were set in them; else empty.
    phases:
        for each phase of the step (`Measurement.phases`), one time per sample.
    wall, cpu, waited:
        the whole round: elapsed, CPU time of all threads of this process, and the time that its threads
        were ready to run and got no processor. None where the system does not tell.
    """

    samples: tuple[float, ...]
    on_device: tuple[float, ...] = ()
    phases: tuple[tuple[float, ...], ...] = ()
    wall: float = 0.0
    cpu: float | None = None
    waited: float | None = None
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to measure. Times are in seconds, shares are relative.

    warmup_steps, warmup_seconds, warmup_agreement, warmup_limit:
        warm up at least so many steps and so long, until the two halves of the recent steps have medians
        that agree; give up on that at the limit.
    round_seconds, round_samples:
        a round is at least so long and has at least so many samples (and no more than `MOST_SAMPLES`).
    rounds, samples:
        measure at least so many,
    precision:
        until the interval reaches no further than this from its middle,
    limit:
        or for so long.
    """

    warmup_steps: int = 3
    warmup_seconds: float = 0.3
    warmup_agreement: float = 0.02
    warmup_limit: float = 5.0
    round_seconds: float = 0.1
    round_samples: int = 6
    rounds: int = 5
    samples: int = 30
    precision: float = 0.01
    limit: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One quantity, measured: raw samples by the round, and what they say. Times are in seconds a step.

    kind:
        "latency": each step from a device at rest to a device at rest, on the host's clock;
        "throughput": steps back to back, on the host's clock; a sample is the mean of a round's steps;
        "queued": each step from mark to mark on the device's clock, in a queue of steps that the host
        hands over without waiting.
    steps:
        of each sample: 1 for a latency.
    warmup:
        what the steps took that came before; they are no samples.
    settled:
        whether the warm-up ended because its steps agreed.
    """

    kind: str
    rounds: tuple[Round, ...]
    pace: Pace = Pace()
    steps: int = 1
    phases: tuple[str, ...] = ()
    warmup: tuple[float, ...] = ()
    settled: bool = True

    @cached_property
    def left_out(self) -> tuple[int, ...]:
        """Indices of the rounds in which the device was slowed down, which count for nothing.

        Empty when that was so in most rounds: then it is how this machine runs.
        """
        slow = slowed(self.rounds)
        return slow if len(self.rounds) - len(slow) >= MOST * len(self.rounds) else ()

    @cached_property
    def kept(self) -> tuple[Round, ...]:
        """The rounds that count."""
        out = set(self.left_out)
        return tuple([r for i, r in enumerate(self.rounds) if i not in out])

    @cached_property
    def samples(self) -> tuple[float, ...]:
        """All samples of the rounds that count, in order."""
        return tuple([sample for r in self.kept for sample in r.samples])

    @cached_property
    def median(self) -> float:
        """The middle sample."""
        return statistics.median(self.samples)

    @property
    def quartiles(self) -> tuple[float, float]:
        """A quarter of the samples lies below the first, a quarter above the second."""
        return quantile(self.samples, 0.25), quantile(self.samples, 0.75)

    @property
    def iqr(self) -> float:
        """The distance between the quartiles."""
        low, high = self.quartiles
        return high - low

    @property
    def p95(self) -> float:
        """19 of 20 samples are no longer than this."""
        return quantile(self.samples, 0.95)

    @cached_property
    def interval(self) -> Interval | None:
        """Where the typical step lies, with 95% confidence; None with fewer than three rounds."""
        return interval_of_rounds([r.samples for r in self.kept])

    @property
    def uncertainty(self) -> float | None:
        """How far the interval reaches from the median, as a share of the median; None without either."""
        if self.interval is None or not self.median:
            return None
        return max(self.interval.high - self.median, self.median - self.interval.low) / self.median

    @property
    def enough(self) -> bool:
        """Whether there are as many rounds and samples as asked for."""
        # A round of steps back to back is one sample.
        wanted = self.pace.rounds if self.kind == "throughput" else self.pace.samples
        return len(self.kept) >= self.pace.rounds and len(self.samples) >= wanted

    @property
    def converged(self) -> bool:
        """Whether there are enough samples and the interval is as narrow as asked for."""
        return self.enough and self.uncertainty is not None and self.uncertainty <= self.pace.precision

    @property
    def on_device(self) -> Measurement | None:
        """The same steps on the device's clock; None where no marks were set in them."""
        if not any(r.on_device for r in self.rounds):
            return None
        return self._of([r.on_device for r in self.rounds])

    def phase(self, name: str) -> Measurement:
        """One phase of the steps as a measurement of its own.

        Raises:
            KeyError: there is no such phase.
        """
        if name not in self.phases:
            raise KeyError(name)
        index = self.phases.index(name)
        return self._of([r.phases[index] for r in self.rounds])

    def share(self, name: str) -> float:
        """The part of a step that one of its phases takes.

        Raises:
            KeyError: there is no such phase.
        """
        return self.phase(name).median / self.median

    def _of(self, samples: Sequence[tuple[float, ...]]) -> Measurement:
        rounds = [
            replace(r, samples=s, on_device=(), phases=()) for r, s in zip(self.rounds, samples, strict=True)
        ]
        return replace(self, rounds=tuple(rounds), phases=(), warmup=())


def ratio(ours: Measurement, theirs: Measurement) -> Ratio:
    """How many times as long ours takes, and whether that is outside the noise of both."""
    return ratio_of_rounds([r.samples for r in ours.kept], [r.samples for r in theirs.kept])


def launch_bound(eager: Measurement, replayed: Measurement) -> bool | None:
    """Whether a device waits for its host: eager steps are slower than the same work replayed as a graph.

    None when the noise does not let it be said.
    """
    longer = ratio(eager, replayed)
    if longer.interval is None or longer.interval.low <= LAUNCH_BOUND <= longer.interval.high:
        return None
    return longer.value > LAUNCH_BOUND


def slowed(rounds: Sequence[Round]) -> tuple[int, ...]:
    """Indices of the rounds at whose end the device held its clock down, by its own word or by the clock."""
    clocks = [r.reading.clock for r in rounds if r.reading is not None and r.reading.clock is not None]
    usual = statistics.median(clocks) if clocks else 0.0
    return tuple(
        [
            index
            for index, r in enumerate(rounds)
            if r.reading is not None
            and (r.reading.throttled or (r.reading.clock or math.inf) < SLOWED * usual)
        ]
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share of the values lies, interpolated between neighbours."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
