"""What is measured, and the taking of its samples round by round."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Final, Protocol

from netscope.machine.timing.backend import Backend
from netscope.report.measured.samples import Measurement, Pace, Round

# A round of very short steps ends with so many samples.
MOST_SAMPLES: Final = 1000

# The most that any of several ranks says, which have to take as many steps as each other; alone one's own.
Agree = Callable[[float], float]


class Step(Protocol):
    """What is measured. `phases` are run in order; `prepare` comes before each step and is not timed."""

    @property
    def phases(self) -> tuple[tuple[str, Callable[[], object]], ...]:
        """Names and functions; one phase for inference."""

    def prepare(self) -> None:
        """Whatever must be done between steps and is none of their time."""


class Meter:
    """One measurement, round by round. Call `warm_up` once, then `round` as often as wanted."""

    def __init__(
        self, step: Step, backend: Backend, pace: Pace, *, kind: str = "latency", agree: Agree = float
    ) -> None:
        """`kind` is that of a `Measurement`; `agree` is asked wherever the time decides what is done next."""
        self.step = step
        self.backend = backend
        self.pace = pace
        self.agree = agree
        self._functions = [function for _, function in step.phases]
        self._empty = Measurement(
            kind=kind,
            rounds=(),
            pace=pace,
            phases=() if kind != "latency" or len(step.phases) < 2 else tuple(n for n, _ in step.phases),
        )
        self._taken: list[Round] = []
        self._in_a_round = 1

    @property
    def rounds(self) -> int:
        """How many were taken."""
        return len(self._taken)

    def warm_up(self) -> None:
        """Run steps until they have settled, and decide how many make a round."""
        pace, clock = self.pace, self.backend.clock
        taken: list[float] = []
        started = clock()
        settled = False
        going = 1.0
        while going:
            taken.append(self._sample()[0])
            settled = (
                len(taken) >= pace.warmup_steps
                and clock() - started >= pace.warmup_seconds
                and _agree(_recent(taken, pace.warmup_seconds), pace.warmup_agreement)
            )
            more = len(taken) < pace.warmup_steps or clock() - started < pace.warmup_limit
            going = self.agree(more and not settled)
        usual = self.agree(statistics.median(_recent(taken, pace.warmup_seconds)))
        self._in_a_round = _round_length(usual, pace)
        steps = 1
        if self._empty.kind == "throughput":
            steps = self._in_a_round
        self._empty = replace(self._empty, steps=steps, warmup=tuple(taken), settled=settled)

    def round(self) -> None:
        """Take one round of samples."""
        backend = self.backend
        cpu, waited, wall = backend.cpu_seconds(), backend.waited_seconds(), backend.clock()
        taken = _KINDS[self._empty.kind](self)
        wall = backend.clock() - wall
        self._taken.append(
            replace(
                taken,
                wall=wall,
                cpu=_since(cpu, backend.cpu_seconds()),
                waited=_since(waited, backend.waited_seconds()),
                reading=taken.reading or backend.reading(),
            )
        )

    def measurement(self) -> Measurement:
        """What was measured so far."""
        return replace(self._empty, rounds=tuple(self._taken))

    def _sample(self) -> tuple[float, tuple[float, ...]]:
        """One step: its time on the host's clock, and that of each phase on the device's, if there are two.

        A step of one phase has no mark in it: setting one takes a host some microseconds.
        """
        backend = self.backend
        clock, mark, synchronize = backend.clock, backend.mark, backend.synchronize
        marks = []
        self.step.prepare()
        synchronize()
        start = clock()
        if self._empty.phases:
            marks.append(mark())
            for function in self._functions:
                function()
                marks.append(mark())
        else:
            for function in self._functions:
                function()
        synchronize()
        host = clock() - start
        return host, tuple([backend.between(a, b) for a, b in pairwise(marks)])

    def _alone(self) -> Round:
        """Each step from rest to rest."""
        samples: list[float] = []
        phases: list[tuple[float, ...]] = []
        if self._empty.phases:
            self.backend.expect(self._in_a_round * (len(self._functions) + 1))
        for _ in range(self._in_a_round):
            host, parts = self._sample()
            samples.append(host)
            phases.append(parts)
        if not self._empty.phases:
            return Round(tuple(samples))
        on_device = tuple([sum(parts) for parts in phases]) if self.backend.asynchronous else ()
        return Round(tuple(samples), on_device, tuple(zip(*phases, strict=True)))

    def _back_to_back(self) -> Round:
        """The mean of steps without a pause."""
        backend, prepare, functions = self.backend, self.step.prepare, self._functions
        backend.synchronize()
        start = backend.clock()
        for _ in range(self._in_a_round):
            prepare()
            for function in functions:
                function()
        backend.synchronize()
        return Round(((backend.clock() - start) / self._in_a_round,))

    def _queued(self) -> Round:
        """Each step between two marks, in one queue."""
        backend, prepare, functions, mark = (
            self.backend,
            self.step.prepare,
            self._functions,
            self.backend.mark,
        )
        backend.expect(2 * self._in_a_round)
        backend.synchronize()
        marks = []
        for _ in range(self._in_a_round):
            prepare()
            start = mark()
            for function in functions:
                function()
            marks.append((start, mark()))
        # While the device is at work: at rest it holds no clock down.
        reading = backend.reading()
        backend.synchronize()
        return Round(tuple([backend.between(start, end) for start, end in marks]), reading=reading)


_KINDS: Final[dict[str, Callable[[Meter], Round]]] = {
    "latency": Meter._alone,
    "throughput": Meter._back_to_back,
    "queued": Meter._queued,
}


def _recent(taken: list[float], seconds: float) -> list[float]:
    """The last steps that took so long together; all but the first where those are fewer than four."""
    count, total = 0, 0.0
    while count < len(taken) and (total < seconds or count < 4):
        count += 1
        total += taken[-count]
    return taken[max(len(taken) - count, min(1, len(taken) - 1)) :]


def _agree(taken: list[float], within: float) -> bool:
    """Whether the medians of both halves differ by no more than that share."""
    half = len(taken) // 2
    if not half:
        return False
    first, last = statistics.median(taken[:half]), statistics.median(taken[-half:])
    return abs(first - last) <= within * min(first, last)


def _round_length(usual: float, pace: Pace) -> int:
    """How many steps make a round: long enough to average over, few enough to have the rounds in time."""
    wanted = max(pace.round_samples, math.ceil(pace.round_seconds / usual) if usual > 0 else MOST_SAMPLES)
    affordable = math.floor(pace.limit / (pace.rounds * usual)) if usual > 0 else MOST_SAMPLES
    return max(1, min(wanted, affordable, MOST_SAMPLES))


def _since(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before
