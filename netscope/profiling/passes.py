"""The measurements of one network on one machine, one after the other and never mixed.

1. steps with nothing around them, from rest to rest; on a device also back to back, and replayed as a graph
2. steps with instruments: whose time it was
3. a step of which the memory is watched
4. of training, a step whose operators are counted

The first decides how long a step takes. The others say what it consists of.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch

from netscope.errors import UsageError
from netscope.measured import COMPILED, EAGER, GRAPH, Timing
from netscope.profiling.settings import Settings, Watcher
from netscope.timing.attribution import attribute
from netscope.timing.backend import Backend
from netscope.timing.breakdown import Breakdown
from netscope.timing.counting import counted
from netscope.timing.events import Event
from netscope.timing.measure import Progress, latency, throughput
from netscope.timing.samples import Measurement
from netscope.timing.scopes import recorded
from netscope.timing.steps import Inference, Training

# Instrumented steps: for about so long, and so many at least and at most.
_INSTRUMENTED: Final = 0.5
_FEWEST: Final = 4
_MOST: Final = 20


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
) -> Passed:
    """Measure a module that is on the backend's device, in the right mode.

    Raises:
        UsageError: the work cannot be replayed as a graph, and that was asked for.
        Exception: whatever a step raises, out of memory too.
    """
    with backend.steady(settings.threads), backend.precision(dtype):
        called: Any = torch.compile(module) if settings.compile else module
        step: Inference | Training
        if settings.train:
            step = Training(called, args, kwargs, settings.optimizer)
        else:
            step = Inference(called, args, kwargs)
        watch("first step", 0.0)
        step.prepare()
        _phases(step)()
        backend.synchronize()
        single = latency(step, backend, settings.pace, watch=_share(watch, "steps", 0.0, 0.5))
        following = replayed = None
        if backend.asynchronous:
            following = throughput(
                step, backend, settings.pace, watch=_share(watch, "back to back", 0.5, 0.7)
            )
        if not settings.train and not settings.compile:
            replayed = _replayed(_phases(step), backend, settings, _share(watch, "graph replay", 0.7, 0.8))
        if settings.cuda_graph and replayed is None:
            raise UsageError(
                f"nothing is replayed as a graph on {backend.device().target}."
                if not backend.asynchronous
                else "this network cannot be captured as a CUDA graph.",
                hint="leave out --cuda-graph",
            )
        watch("memory", 0.8)
        step.prepare()  # what it frees was there before
        memory = backend.peak_memory(_phases(step))
        events = None
        breakdown = None
        work = None
        if settings.layers and not settings.compile:
            watch("layers", 0.85)
            events = recorded(step, module, backend, _steps(single))
            breakdown = attribute(events, on_device=backend.asynchronous)
            if isinstance(step, Training):
                watch("operators", 0.95)
                work = counted(step)
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
        reconciliation=breakdown.reconciled(single.median) if breakdown and breakdown.steps else None,
        unattributed=breakdown.unattributed if breakdown else (),
        peak_memory=memory,
        work=work,
    )
    return Passed(timing, breakdown, events)


def _phases(step: Inference | Training) -> Callable[[], None]:
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
    """The same steps replayed as a graph; None where that cannot be had."""
    replay = backend.captured(run)
    return None if replay is None else latency(_Replay(replay), backend, settings.pace, watch=watch)


def _steps(measured: Measurement) -> int:
    """How many instrumented steps: enough to leave odd ones out, few enough to read."""
    return min(max(math.ceil(_INSTRUMENTED / measured.median), _FEWEST), _MOST)


def _share(watch: Watcher, what: str, start: float, end: float) -> Callable[[Progress], None]:
    """A watcher of one measurement, which is that part of the whole."""

    def told(progress: Progress) -> None:
        stage = what if progress.stage != "warm-up" else f"{what}: warming up"
        watch(stage, start + (end - start) * min(progress.done, 1.0))

    return told
