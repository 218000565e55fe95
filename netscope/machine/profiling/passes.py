"""The measurements of one network on one machine, one after the other and never mixed.

1. steps with nothing around them, from rest to rest; on a device also in a queue, and back to back
2. a step of which the memory is watched
3. steps with instruments: whose time it was; of training, one more whose operators are counted
4. of several ranks, steps whose collectives are timed
5. the same work replayed as a graph, from rest to rest

The first decides how long a step takes. The others say what it consists of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import torch

from netscope.base import units
from netscope.base.errors import UsageError
from netscope.machine.profiling.settings import Settings, Watcher
from netscope.machine.ranks.matched import Call
from netscope.machine.timing.attribution import attribute
from netscope.machine.timing.backend import Backend
from netscope.machine.timing.counting import counted
from netscope.machine.timing.measure import Cold, Progress, latency, queued, throughput
from netscope.machine.timing.meter import Agree, Step
from netscope.machine.timing.scopes import recorded
from netscope.machine.timing.steps import Inference, Training
from netscope.report.measured.breakdown import Breakdown
from netscope.report.measured.events import Event
from netscope.report.measured.samples import Measurement
from netscope.report.measured.timing import COMPILED, EAGER, GRAPH, Timing

if TYPE_CHECKING:
    from netscope.machine.ranks.together import Together

# Instrumented steps: for about so long, and so many at least and at most.
_INSTRUMENTED: Final = 0.5
_FEWEST: Final = 4
_MOST: Final = 20
# The share of kernels that a profiler may lose unmentioned.
_LOST: Final = 0.01
_MANY: Final = 10**6


@dataclass(frozen=True, slots=True)
class Passed:
    """What the passes found. `events` and `breakdown` are None without layers."""

    timing: Timing
    breakdown: Breakdown | None = None
    events: tuple[Event, ...] | None = None

    @property
    def entered(self) -> frozenset[str]:
        """Paths of all module calls that were met."""
        return frozenset(event.name for event in self.events or () if event.kind == "layer")


def passes(
    module: torch.nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    backend: Backend,
    settings: Settings,
    *,
    batch: int,
    dtype: str,
    watch: Watcher,
    ranks: Together | None = None,
) -> Passed:
    """Measure a module that is on the backend's device, in the right mode.

    ranks:
        those that do the same now, each with its part of the network.

    Raises:
        UsageError: the work cannot be replayed as a graph, and that was asked for.
        Exception: whatever a step raises, out of memory too.
    """
    doubts: list[str] = []
    with backend.steady(settings.threads), backend.precision(dtype), _compiling(settings.compile):
        called: Any = torch.compile(module, dynamic=False) if settings.compile else module
        training = Training(called, args, kwargs, settings.optimizer) if settings.train else None
        alone = training or Inference(called, args, kwargs)
        step: Step = Cold(alone, backend) if settings.cold_cache else alone
        run = _phases(step)
        at, agree = _with(ranks)
        watch("first step", 0.0)
        at("the first step")
        step.prepare()
        run()
        backend.synchronize()
        begun = step if ranks is None else _aligned(step, backend, ranks)
        at("the end-to-end pass")
        told = _share(watch, "steps", 0.0, 0.4)
        single = latency(begun, backend, settings.pace, watch=told, agree=agree)
        instrumented = _steps(agree(single.median))
        following = queue = replayed = None
        if backend.asynchronous:
            told = _share(watch, "queue", 0.4, 0.55)
            queue = queued(step, backend, settings.pace, watch=told, agree=agree)
        if backend.asynchronous and not settings.cold_cache:
            told = _share(watch, "back to back", 0.55, 0.7)
            following = throughput(step, backend, settings.pace, watch=told, agree=agree)
        watch("memory", 0.7)
        at("the memory pass")
        step.prepare()  # what it frees was there before
        memory = backend.peak_memory(run)
        events = None
        breakdown = None
        work = None
        if settings.layers and not settings.compile:
            watch("layers", 0.75)
            at("the layers' pass")
            events = recorded(begun, module, backend, instrumented)
            breakdown = attribute(events, on_device=backend.asynchronous)
            doubts += _doubts(breakdown, events)
            if backend.asynchronous and not breakdown.busy:
                breakdown = None
            if training is not None:
                watch("operators", 0.84)
                work = counted(training)
        collectives: list[list[Call]] = []
        if ranks is not None and not settings.compile:
            watch("collectives", 0.85)
            at("the collectives' pass")
            collectives = _collectives(begun, backend, instrumented)
        # Last, since it empties the cache of memory, and a capture that breaks off may leave more behind.
        if not settings.train and not settings.compile and ranks is None:
            replayed = _replayed(run, backend, settings, _share(watch, "graph replay", 0.85, 0.9))
        if settings.cuda_graph and replayed is None:
            raise UsageError(
                "this network cannot be captured as a CUDA graph.", hint="leave out --cuda-graph"
            )
        device = backend.device()
        threads = None if backend.asynchronous else torch.get_num_threads()
    timing = Timing(
        device=device,
        dtype=dtype,
        batch=batch,
        called=single,
        form=COMPILED if settings.compile else GRAPH if settings.cuda_graph else EAGER,
        threads=threads,
        optimizer=settings.optimizer if settings.train else None,
        channels_last=settings.channels_last,
        back_to_back=following,
        replayed=replayed,
        queued=queue,
        cold=settings.cold_cache,
        unattributed=breakdown.unattributed if breakdown else (),
        peak_memory=memory,
        work=work,
        doubts=tuple(doubts),
    )
    if ranks is not None:
        at("the gathering")
        timing = replace(timing, ranks=ranks.gathered(device, timing.median, collectives))
    if breakdown is not None and breakdown.steps:
        timing = replace(timing, reconciliation=breakdown.reconciled(timing.median))
    return Passed(timing, breakdown, events)


def _with(ranks: Together | None) -> tuple[Callable[[str], None], Agree]:
    """How to say what is being done, and to agree with the others; nobody hears it where there are none."""
    return (lambda _: None, float) if ranks is None else (ranks.at, ranks.agree)


def _aligned(step: Step, backend: Backend, ranks: Together) -> Step:
    from netscope.machine.ranks.together import Aligned

    return Aligned(step, backend, ranks)


def _collectives(step: Step, backend: Backend, steps: int) -> list[list[Call]]:
    from netscope.machine.ranks.collectives import recorded as collectives_of

    return collectives_of(step, backend, steps)


def _doubts(breakdown: Breakdown, events: Sequence[Event]) -> Iterator[str]:
    """What the profiler did not see of a device."""
    if not breakdown.on_device:
        return
    if not any(event.kind == "device" for event in events):
        yield (
            "the profiler saw nothing of the device, so layers have no times: another profiler may be at "
            "work, or the driver lets administrators alone look (CUPTI, NVreg_RestrictProfilingToAdminUsers)"
        )
    elif breakdown.lost > _LOST:
        yield (
            f"the profiler lost {units.percent(breakdown.lost)} of the kernels: layers took longer than they "
            "seem to"
        )


@contextmanager
def _compiling(compiled: bool) -> Iterator[None]:
    """Every shape is compiled anew, however many there were before; torch would give up after eight."""
    if not compiled:
        yield
        return
    from torch._dynamo import config

    with config.patch(recompile_limit=_MANY, accumulated_recompile_limit=_MANY):
        yield


def _phases(step: Step) -> Callable[[], None]:
    """The timed part of a step."""

    def run() -> None:
        for _, function in step.phases:
            function()

    return run


@dataclass(frozen=True, slots=True)
class _Replay:
    """A captured graph as a step."""

    run: Callable[[], object]

    @property
    def phases(self) -> tuple[tuple[str, Callable[[], object]], ...]:
        return (("forward", self.run),)

    def prepare(self) -> None:
        """A graph's inputs stay where they are."""


def _replayed(
    run: Callable[[], None], backend: Backend, settings: Settings, watch: Callable[[Progress], None]
) -> Measurement | None:
    """The same steps replayed as a graph; None where that cannot be had.

    Raises:
        Exception: memory did not suffice, and a graph was asked for.
    """
    try:
        replay = backend.captured(run)
        if replay is None:
            return None
        step: Step = _Replay(replay)
        if settings.cold_cache:
            step = Cold(step, backend)
        return latency(step, backend, settings.pace, watch=watch)
    except Exception as error:
        if settings.cuda_graph or not backend.out_of_memory(error):
            raise
        return None


def _steps(seconds: float) -> int:
    """How many instrumented steps: enough to leave odd ones out, few enough to read."""
    return min(max(math.ceil(_INSTRUMENTED / seconds), _FEWEST), _MOST)


def _share(watch: Watcher, what: str, start: float, end: float) -> Callable[[Progress], None]:
    """A watcher of one measurement, which is that part of the whole."""

    def told(progress: Progress) -> None:
        stage = what if progress.stage != "warm-up" else f"{what}: warming up"
        watch(stage, start + (end - start) * min(progress.done, 1.0))

    return told
