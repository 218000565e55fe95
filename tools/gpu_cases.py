"""What the GPU report measures: netscope against triton's `do_bench`, and against itself.

`do_bench` takes the time between two marks in a queue of steps, and writes over the L2 cache before each. A
profile with cold caches has that figure as `timing.queued`. Both are held against each other on the same
network in turns, with caches written over on both sides and on neither.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

if TYPE_CHECKING:
    from netscope.report.measured.timing import Timing

NETWORKS: Final = ("alexnet", "zfnet", "torchvision/resnet50", "torchvision/vit_b_16")
BATCHES: Final = (1, 64)
DTYPES: Final = ("fp32", "bf16")

# Seconds a pass at most, and turns between netscope and `do_bench`: a case takes about 25 seconds.
PACE: Final[dict[str, Any]] = {"max_time": 1.0}
TURNS: Final = 7
# What `do_bench` is told, in milliseconds.
_WARMUP, _REPEAT = 25, 100


@dataclass(frozen=True, slots=True)
class Turns:
    """Two ways to measure the same steps, in turns; medians of each turn, in seconds."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def off(self) -> float:
        """By which part ours is longer: the middle of the turns."""
        return statistics.median([a / b for a, b in zip(self.ours, self.theirs, strict=True)]) - 1


@dataclass(frozen=True, slots=True)
class Judged:
    """A case's figures in seconds, and by which part each promise is missed; None where there is no triton.

    latency, queued, kernels:
        of the first profile: a step from rest to rest, one in a queue, and what its kernels take.
    reference:
        of `do_bench`, as it is.
    cold, warm:
        netscope against `do_bench` in turns, caches written over on both sides, and on neither.
    profiled:
        the figure of a profile with cold caches against `reference`.
    """

    latency: float
    queued: float
    kernels: float
    reference: float | None
    cold: float | None
    warm: float | None
    profiled: float | None
    reconciled: float
    repeated: float
    launch_bound: bool | None


@dataclass(frozen=True, slots=True)
class Case:
    """One network as it was measured.

    timings:
        of two profiles and one with cold caches, with all raw samples, as plain JSON values.
    turns:
        the medians of each turn, by "cold" and "warm", ours and theirs.
    error:
        why there is nothing, or not all.
    """

    network: str
    batch: int
    dtype: str
    judged: Judged | None = None
    timings: tuple[Any, ...] = ()
    turns: dict[str, Any] | None = None
    error: str | None = None

    @property
    def name(self) -> str:
        """What tells it from others."""
        return f"{self.network} {self.batch} {self.dtype}"


def measured(network: str, batch: int, dtype: str, pace: dict[str, Any] = PACE) -> Case:
    """Profile twice and once with cold caches, and take turns with `do_bench`.

    Raises:
        Exception: whatever a step raises.
    """
    from netscope import profile
    from netscope.report import store

    how: dict[str, Any] = {"device": "cuda", "batch": batch, "dtype": dtype, **pace}
    profiles = [profile(network, **how) for _ in range(2)]
    profiles.append(profile(network, cold_cache=True, **how))
    timings = [report.timing for report in profiles if report.timing is not None]
    cold = turns(network, batch, dtype, flushed=True)
    warm = turns(network, batch, dtype, flushed=False)
    kept = {name: {"ours": t.ours, "theirs": t.theirs} for name, t in (("cold", cold), ("warm", warm)) if t}
    plain = tuple(store.plain(timing) for timing in timings)
    return Case(network, batch, dtype, judged(*timings, cold=cold, warm=warm), plain, kept or None)


def judged(
    first: Timing, second: Timing, emptied: Timing, *, cold: Turns | None, warm: Turns | None
) -> Judged:
    """What the profiles and the turns come to."""
    parts = first.reconciliation
    if parts is None:
        raise RuntimeError("; ".join(first.doubts) or "no layer was told apart")
    assert first.queued is not None
    assert emptied.queued is not None
    reference = statistics.median(cold.theirs) if cold else None
    return Judged(
        latency=first.median,
        queued=first.queued.median,
        kernels=parts.layers + parts.unattributed - parts.overlap,
        reference=reference,
        cold=cold.off if cold else None,
        warm=warm.off if warm else None,
        profiled=None if reference is None else emptied.queued.median / reference - 1,
        reconciled=parts.explained / parts.end_to_end - 1,
        repeated=second.median / first.median - 1,
        launch_bound=first.launch_bound,
    )


def turns(network: str, batch: int, dtype: str, *, flushed: bool) -> Turns | None:
    """The same callable by netscope and by `do_bench`, one after the other; None without triton."""
    try:
        from triton.testing import do_bench
    except ImportError:
        return None
    from netscope.machine.timing.backends import backend_of
    from netscope.machine.timing.measure import Cold, undisturbed
    from netscope.machine.timing.meter import Meter, Step
    from netscope.report.measured.samples import Pace

    backend = backend_of("cuda")
    step: Step = _step(network, batch, dtype, backend.device().target)
    run = step.phases[0][1]
    meter = Meter(
        Cold(step, backend) if flushed else step, backend, Pace(rounds=1, limit=_REPEAT / 1000), kind="queued"
    )
    theirs: list[float] = []
    with undisturbed(backend), backend.precision(dtype), nullcontext() if flushed else _unflushed():
        meter.warm_up()
        for _ in range(TURNS):
            meter.round()
            milliseconds: float = do_bench(run, warmup=_WARMUP, rep=_REPEAT, return_mode="median")
            theirs.append(milliseconds / 1000)
    ours = [statistics.median(taken.samples) for taken in meter.measurement().rounds]
    backend.release()
    return Turns(tuple(ours), tuple(theirs))


def _step(network: str, batch: int, dtype: str, target: str) -> Any:
    from netscope.machine.profiling.settings import DTYPES as NAMES
    from netscope.machine.timing.inputs import arguments
    from netscope.machine.timing.steps import Inference
    from netscope.machine.timing.weights import materialised
    from netscope.sources import resolve

    workload = resolve(network, batch=batch, dtype=NAMES[dtype])
    return Inference(materialised(workload, target).eval(), *arguments(workload, target))


@contextmanager
def _unflushed() -> Iterator[None]:
    """`do_bench` with an empty block to write over its caches with."""
    import torch
    from triton import runtime

    empty: Callable[[], torch.Tensor] = lambda: torch.empty(0, dtype=torch.int32, device="cuda")  # noqa: E731
    with mock.patch.object(runtime.driver.active, "get_empty_cache_for_benchmark", empty):
        yield
