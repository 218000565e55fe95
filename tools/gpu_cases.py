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

# Networks whose memory is predicted and measured: what each is, and how it is called.
MEMORY: Final[dict[str, dict[str, Any]]] = {
    "torchvision/resnet50": {"batch": 32},
    "torchvision/vit_b_16": {"batch": 32},
    "llama-like": {"model": "tools.gpu_cases:llama_like", "input": "ids=1024:int64", "batch": 8},
    "mlp": {"model": "tools.gpu_cases:mlp", "input": "2048", "batch": 4096},
}
# By how much a prediction may be off: from a GiB on, and below.
GIB: Final = 2**30
OFF: Final = 0.02
OFF_BELOW: Final = 0.10
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


@dataclass(frozen=True, slots=True)
class MemoryCase:
    """One network's step in bytes, as predicted and as torch's allocator on the GPU has it.

    workspace:
        what of the prediction is cuBLAS's. That of cuDNN is in what is measured alone.
    """

    network: str
    amp: str | None
    train: bool
    predicted: int
    allocated: int
    modelled: int
    reserved: int
    workspace: int

    @property
    def offs(self) -> tuple[float, float]:
        """By which part the predictions of allocated and of reserved are too high."""
        return self.predicted / self.allocated - 1, self.modelled / self.reserved - 1

    @property
    def limit(self) -> float:
        """By how much they may be."""
        return OFF if self.allocated >= GIB else OFF_BELOW


def remembered(network: str, amp: str | None, *, train: bool) -> MemoryCase:
    """Predict the memory of a network's step, run it on the GPU and read what its allocator says.

    Raises:
        Exception: whatever a step raises.
    """
    import netscope

    how: dict[str, Any] = {"model": network, **MEMORY[network]}
    memory = netscope.memory(device="cuda", amp=amp, train=train, measure=True, **how).memory
    assert memory is not None
    assert memory.measured is not None
    modelled, found = memory.step.reserved, memory.measured
    assert modelled is not None
    assert found.reserved is not None
    # What is measured of a forward is told without parameters and buffers.
    allocated = found.training_peak or found.inference_peak + memory.parameters + memory.buffers
    return MemoryCase(
        network,
        amp,
        train,
        modelled.allocated,
        allocated,
        modelled.reserved,
        found.reserved,
        modelled.workspace,
    )


def mlp() -> Any:
    """Wide layers, dropout and a norm."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(2048, 8192),
        nn.GELU(),
        nn.Dropout(0.1),
        nn.LayerNorm(8192),
        nn.Linear(8192, 2048),
    )


def llama_like() -> Any:
    """A decoder of blocks with norms by the root of the mean square, grouped queries and gated layers."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, width: int, heads: int, groups: int, hidden: int) -> None:
            super().__init__()
            self.heads, self.groups, self.size = heads, groups, width // heads
            self.first, self.second = nn.RMSNorm(width), nn.RMSNorm(width)
            self.query = nn.Linear(width, width, bias=False)
            self.key = nn.Linear(width, groups * self.size, bias=False)
            self.value = nn.Linear(width, groups * self.size, bias=False)
            self.out = nn.Linear(width, width, bias=False)
            self.gate = nn.Linear(width, hidden, bias=False)
            self.up = nn.Linear(width, hidden, bias=False)
            self.down = nn.Linear(hidden, width, bias=False)

        def forward(self, x: Any) -> Any:
            batch, length, width = x.shape
            normed = self.first(x)
            query = self.query(normed).view(batch, length, self.heads, self.size).transpose(1, 2)
            key, value = (
                made(normed)
                .view(batch, length, self.groups, self.size)
                .transpose(1, 2)
                .repeat_interleave(self.heads // self.groups, 1)
                for made in (self.key, self.value)
            )
            seen = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            x = x + self.out(seen.transpose(1, 2).reshape(batch, length, width))
            normed = self.second(x)
            return x + self.down(nn.functional.silu(self.gate(normed)) * self.up(normed))

    class Decoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(32000, 1024)
            self.blocks = nn.Sequential(*(Block(1024, 16, 4, 2816) for _ in range(6)))
            self.norm, self.head = nn.RMSNorm(1024), nn.Linear(1024, 32000, bias=False)

        def forward(self, ids: torch.Tensor) -> Any:
            return {"logits": self.head(self.norm(self.blocks(self.embed(ids))))}

    return Decoder()


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
