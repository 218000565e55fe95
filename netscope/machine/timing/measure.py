"""The first pass: how long a step takes with nothing around it. No hook, no profiler, no mode.

    latency(step, backend)      each step from a device at rest to a device at rest, on the host's clock
    throughput(step, backend)   steps back to back, on the host's clock
    queued(step, backend)       steps back to back, each between two marks on the device's clock

All warm up first, then take rounds of samples until their interval is narrow (see `Pace`). Garbage is not
collected meanwhile. Ranks of one network `agree` on how many steps they take. `meter.Meter` does the same
round by round, for measurements that take turns.

A latency has what a caller waits for: the host's work before the first kernel, the kernels, and being told
that they are over. Nothing else happens in it; only between the phases of a step is the queue marked. A
queued step has no waiting in it as long as the host is ahead of the device, and is what
`triton.testing.do_bench` measures, which also empties the caches before each step (see `Cold`).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from netscope.machine.timing.backend import Backend
from netscope.machine.timing.meter import Agree, Meter, Step
from netscope.report.measured.samples import Measurement, Pace

# A measurement of very short steps ends with so many rounds.
MOST_ROUNDS: Final = 100
LOOK_AGAIN: Final = 1.1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a measurement is.

    done:
        share of the time limit that has passed, 1 at the end.
    uncertainty:
        what `Measurement.uncertainty` is now; None before there is one.
    """

    stage: str
    done: float
    uncertainty: float | None = None


Watcher = Callable[[Progress], None]


@contextmanager
def undisturbed(backend: Backend, threads: int | None = None) -> Iterator[None]:
    """No garbage collection, and that many threads; both are put back."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        with backend.steady(threads):
            yield
    finally:
        if enabled:
            gc.enable()


def latency(
    step: Step,
    backend: Backend,
    pace: Pace = Pace(),  # noqa: B008 - frozen
    *,
    threads: int | None = None,
    watch: Watcher | None = None,
    agree: Agree = float,
) -> Measurement:
    """Time single steps, each with the device at rest before and after.

    Raises:
        Exception: whatever the step raises, out of memory too.
    """
    with undisturbed(backend, threads):
        return converge(Meter(step, backend, pace, agree=agree), watch)


def throughput(
    step: Step,
    backend: Backend,
    pace: Pace = Pace(),  # noqa: B008 - frozen
    *,
    watch: Watcher | None = None,
    agree: Agree = float,
) -> Measurement:
    """Time steps that follow each other without a pause; `prepare` is part of that time.

    Raises:
        Exception: whatever the step raises, out of memory too.
    """
    with undisturbed(backend):
        return converge(Meter(step, backend, pace, kind="throughput", agree=agree), watch)


def queued(
    step: Step,
    backend: Backend,
    pace: Pace = Pace(),  # noqa: B008 - frozen
    *,
    watch: Watcher | None = None,
    agree: Agree = float,
) -> Measurement:
    """Time steps in a queue, each between two marks of the device; `prepare` is outside of them.

    Raises:
        Exception: whatever the step raises, out of memory too.
    """
    with undisturbed(backend):
        return converge(Meter(step, backend, pace, kind="queued", agree=agree), watch)


@dataclass(frozen=True, slots=True)
class Cold:
    """A step that finds nothing of the one before in the device's caches."""

    step: Step
    backend: Backend

    @property
    def phases(self) -> tuple[tuple[str, Callable[[], object]], ...]:
        """Those of the step."""
        return self.step.phases

    def prepare(self) -> None:
        """What the step does itself, and then the caches are written over."""
        self.step.prepare()
        self.backend.flush()


def converge(meter: Meter, watch: Watcher | None = None) -> Measurement:
    """Warm up, then take rounds until they are enough or the time is over. To be called `undisturbed`."""
    pace, backend = meter.pace, meter.backend
    tell = watch or (lambda _: None)
    tell(Progress("warm-up", 0.0))
    meter.warm_up()
    started = backend.clock()
    looked = 0
    while True:
        meter.round()
        passed = meter.agree((backend.clock() - started) / pace.limit)
        over = passed >= 1 or meter.rounds >= MOST_ROUNDS
        # Looked at again after a tenth more rounds: looking takes time, and often enough chance looks narrow.
        if not over and meter.rounds < max(pace.rounds, LOOK_AGAIN * looked):
            continue
        looked = meter.rounds
        measured = meter.measurement()
        if over or not meter.agree(not measured.converged):
            tell(Progress("done", 1.0, measured.uncertainty))
            return measured
        tell(Progress("rounds", passed, measured.uncertainty))
