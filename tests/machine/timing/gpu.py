"""A GPU that is not there: torch.cuda's functions over a clock of their own.

The real `Cuda` runs on it. Every function is called through the signature of the one that it stands for, in
the torch at hand, and recordings have the form in which torch.profiler writes them. Tensors are the
processor's; what a layer does on the GPU is planted.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from netscope.machine.profiling import run as run_
from netscope.machine.timing import scopes
from netscope.machine.timing.backends.common import kineto
from netscope.machine.timing.backends.cuda import Cuda
from netscope.trace.here import here

MICRO = 1e-6
UUID = "5a6b7c8d-0000-1111-2222-333344445555"
# Seconds of the host's that handing over a kernel and setting a mark take, and the GPU's between kernels.
LAUNCH, MARK, GAP = 4e-6, 1e-6, 1e-6
# Writing over the caches.
FILL = 8e-5


class Gpu:
    """One GPU of several.

    loses:
        kernels at the start of every recording that the profiler has no record of.
    blind:
        whether the profiler may not look at the GPU.
    slower:
        how many times as long the host takes under the profiler.
    memory:
        bytes; more of them raise torch's own error.
    """

    def __init__(self, count: int = 2) -> None:
        self.count = count
        self.now = 0.0
        self.current = 0
        self.stream = self.streams = 0
        self.free: dict[int, float] = {}
        self.loses, self.blind, self.slower = 0, False, 1.0
        self.memory = self.total = 141 * 2**30
        self.allocated = self.peak = 0
        self.graph: list[float] | None = None
        self.broken = False
        self.sync_mode = 0
        self.trace: list[dict[str, Any]] | None = None
        self.made = 0
        self.log: list[str] = []
        self.generators = tuple(Generator(self) for _ in range(count))
        self.number = 100  # of the next autograd node
        self.thread = 10

    # What layers do

    def launch(self, name: str, seconds: float, host: float = 0.0) -> None:
        """Hand a kernel over."""
        self.now += (host + LAUNCH) * (self.slower if self.trace is not None else 1.0)
        if self.graph is not None:
            self.graph.append(seconds)
            return
        begun = max(self.now, self.free.get(self.stream, 0.0) + GAP)
        self.free[self.stream] = begun + seconds
        self.made += 1
        asked = self.now - LAUNCH
        self.note("cuda_runtime", "cudaLaunchKernel", asked, self.now, self.thread, correlation=self.made)
        if self.blind or self.loses > 0:
            self.loses -= 1
            return
        where = {"stream": 7 + self.stream, "device": self.current, "context": 1}
        self.note("kernel", name, begun, begun + seconds, tid=7, correlation=self.made, **where)

    def wait(self) -> None:
        """What copies a figure to the host."""
        if self.sync_mode:
            raise RuntimeError("called a synchronizing CUDA operation")
        if self.graph is not None:
            self.broken = True
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        self.synchronize()

    def allocate(self, nbytes: int) -> None:
        if self.allocated + nbytes > self.memory:
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {nbytes} bytes.")
        self.allocated += nbytes
        self.peak = max(self.peak, self.allocated)

    @contextmanager
    def span(self, name: str, tid: int = 0, **args: object) -> Iterator[None]:
        """An operator or a range."""
        start, thread = self.now, self.thread
        self.thread = tid or thread
        self.now += 1e-9
        try:
            yield
        finally:
            self.thread = thread
        self.now += 1e-9
        self.note("cpu_op", name, start, self.now, tid or thread, **args)
        self.now += 1e-9

    def note(self, category: str, name: str, start: float, end: float, tid: int = 10, **args: object) -> None:
        if self.trace is not None:
            where = {"pid": 1, "tid": tid, "ts": start / MICRO, "dur": (end - start) / MICRO}
            self.trace.append({"ph": "X", "cat": category, "name": name, **where, "args": args})

    # What torch.cuda does

    def synchronize(self, device: object = None) -> None:
        self.now = max(self.now, *self.free.values()) if self.free else self.now
        self.now += MARK

    def clock(self) -> float:
        return self.now

    @contextmanager
    def device(self, device: torch.device) -> Iterator[None]:
        before, self.current = self.current, device.index
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def on(self, stream: Any) -> Iterator[None]:
        before, self.stream = self.stream, stream.number
        try:
            yield
        finally:
            self.stream = before

    @contextmanager
    def capture(
        self, graph: Graph, pool: object = None, stream: Any = None, capture_error_mode: str = "global"
    ) -> Iterator[None]:
        """As torch's: what breaks a capture off leaves the stream, and the generator, in it."""
        assert stream.device.index == self.current
        self.stream, self.graph = stream.number, []
        self.generators[self.current].capturing = True
        try:
            yield
        finally:
            graph.kernels, self.graph = self.graph, None
            if self.broken:
                self.broken = False
                raise torch.AcceleratorError("CUDA error: operation failed due to a previous error")
        self.generators[self.current].capturing = False

    def empty_cache(self) -> None:
        self.log.append("emptied")

    def recorded(self, run: Callable[[], object], *, cuda: bool = False, memory: bool = False) -> Any:
        """What `kineto` asks torch.profiler for."""
        assert cuda
        assert not memory
        self.trace = []
        loses = self.loses
        run()
        self.loses, trace, self.trace = loses, self.trace, None
        return {"traceEvents": trace}

    def properties(self, device: object = None) -> Any:
        return SimpleNamespace(name="NVIDIA H200", total_memory=self.total, major=9, minor=0, uuid=UUID)


class Generator:
    def __init__(self, gpu: Gpu, capturing: bool = False) -> None:
        self.gpu, self.capturing = gpu, capturing

    def clone_state(self) -> Generator:
        return Generator(self.gpu)

    def graphsafe_set_state(self, other: Generator) -> None:
        self.capturing = other.capturing


class Stream:
    def __init__(self, gpu: Gpu, device: torch.device, number: int | None = None) -> None:
        gpu.streams += number is None
        self.number, self.device = gpu.streams if number is None else number, device

    def wait_stream(self, stream: Stream) -> None:
        pass


class Event:
    def __init__(self, gpu: Gpu, enable_timing: bool) -> None:
        assert enable_timing
        self.gpu, self.at = gpu, float("nan")

    def record(self, stream: object = None) -> None:
        gpu = self.gpu
        gpu.now += MARK
        self.at = max(gpu.now, gpu.free.get(gpu.stream, 0.0))

    def elapsed_time(self, end_event: Event) -> float:
        return (end_event.at - self.at) * 1e3


class Graph:
    def __init__(self, gpu: Gpu) -> None:
        self.gpu, self.kernels = gpu, None

    def replay(self) -> None:
        gpu = self.gpu
        gpu.now += 2 * LAUNCH
        gpu.free[gpu.stream] = max(gpu.now, gpu.free.get(gpu.stream, 0.0)) + sum(self.kernels)


def through(real: Any, fake: Callable[..., Any]) -> Callable[..., Any]:
    """The fake, called as the real one can be called."""
    signature = inspect.signature(real)

    def call(*args: Any, **kwargs: Any) -> Any:
        signature.bind(*args, **kwargs)
        return fake(*args, **kwargs)

    return call


def stands_in(gpu: Gpu) -> dict[str, Any]:
    """torch.cuda's names -> what stands for them."""
    cuda = torch.cuda
    kinds: dict[str, Callable[..., Any]] = {
        "is_available": lambda: True,
        "device_count": lambda: gpu.count,
        "current_device": lambda: gpu.current,
        "get_device_properties": gpu.properties,
        "synchronize": gpu.synchronize,
        "current_stream": lambda device=None: Stream(gpu, device, gpu.stream),
        "stream": gpu.on,
        "device": gpu.device,
        "graph": gpu.capture,
        "graph_pool_handle": lambda: (0, 1),
        "get_sync_debug_mode": lambda: gpu.sync_mode,
        "set_sync_debug_mode": lambda mode: setattr(gpu, "sync_mode", {"error": 2}.get(mode, mode)),
        "memory_allocated": lambda device=None: gpu.allocated,
        "max_memory_allocated": lambda device=None: gpu.peak,
        "reset_peak_memory_stats": lambda device=None: setattr(gpu, "peak", gpu.allocated),
        "empty_cache": gpu.empty_cache,
        "is_current_stream_capturing": lambda: gpu.graph is not None,
    }
    found = {name: through(getattr(cuda, name), fake) for name, fake in kinds.items()}
    # Classes whose real instances cannot be made here: their methods are compared in `test_cuda`.
    made = {"Stream": Stream, "Event": Event, "CUDAGraph": Graph}
    for name, kind in made.items():
        real = getattr(cuda, name)
        new = through(real.__new__, lambda _, *a, kind=kind, **k: kind(gpu, *a, **k))
        found[name] = lambda *a, new=new, real=real, **k: new(real, *a, **k)
    return {**found, "default_generators": gpu.generators}


def install(gpu: Gpu, patch: Any) -> None:
    """Put the GPU in torch's place. Modules stay on the processor and are said to be on the GPU."""
    for name, stand_in in stands_in(gpu).items():
        patch.setattr(torch.cuda, name, stand_in)
    init = Cuda.__init__

    def clocked(self: Cuda, number: int | None = None, clock: object = None) -> None:
        init(self, number, gpu.clock)

    patch.setattr(Cuda, "__init__", clocked)
    patch.setattr(kineto, "_traced", gpu.recorded)
    patch.setattr(scopes, "_range", lambda: gpu.span)
    held = run_.held
    patch.setattr(run_, "held", lambda workload, trace, _, settings: held(workload, trace, "cpu", settings))
    patch.setattr(run_, "device_of", lambda module: f"cuda:{gpu.current}")
    # An optimizer asks for it, whether a graph is being captured.
    patch.setattr(torch.accelerator, "current_accelerator", lambda check_available=False: None)
    zero = torch.Tensor.zero_

    def zero_(tensor: Tensor) -> Tensor:
        if tensor.is_meta:
            if tensor.numel():
                gpu.launch("fill", FILL)
            return tensor
        return zero(tensor)

    empty = torch.empty

    def somewhere(*size: Any, device: Any = None, **how: Any) -> Tensor:
        there = device is not None and torch.device(device).type == "cuda"
        return empty(*size, device="meta" if there else device, **how)

    patch.setattr(torch.Tensor, "zero_", zero_)
    patch.setattr(torch, "empty", somewhere)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    made = Gpu()
    install(made, monkeypatch)
    return made


def works(gpu: Gpu, seconds: float, host: float = 0.0) -> Any:
    """Has every module without others in it launch one kernel; returns what `remove` ends."""

    def launch(module: nn.Module, args: object, output: object) -> None:
        if not list(module.children()) and here.recorder is None:
            gpu.launch("kernel", seconds, host)

    return nn.modules.module.register_module_forward_hook(launch)


_KEPT: list[Any] = []


def kept(thing: Any) -> Callable[[], Any]:
    """What returns the thing itself in a copy of the module as well: it is of the file, not of the module."""
    _KEPT.append(thing)
    return functools.partial(_at, len(_KEPT) - 1)


def _at(index: int) -> Any:
    return _KEPT[index]


class Layer(nn.Module):
    """A layer with one kernel forward and one backward, of planted lengths, and the host's time before each.

    each:
        bytes that it allocates for a sample.
    """

    def __init__(
        self, gpu: Gpu, forward: float, backward: float = 0.0, host: float = 0.0, each: int = 0
    ) -> None:
        super().__init__()
        self.gpu = kept(gpu)
        self.seconds, self.back, self.host, self.each = forward, backward, host, each
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return (
            x + self.weight
            if here.recorder is not None
            else _Planted.apply(x, self.weight, self, torch.is_grad_enabled())
        )


class _Planted(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, layer: Layer, kept: bool) -> Tensor:
        gpu = layer.gpu()
        ctx.layer, ctx.number = layer, gpu.number
        gpu.number += 1
        gpu.allocate(layer.each * len(x))
        if not kept:
            gpu.allocated -= layer.each * len(x)
        with gpu.span("aten::forward", **{"Sequence number": ctx.number, "Fwd thread id": 0}):
            gpu.launch("forward", layer.seconds, layer.host)
        return x + weight

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        gpu, layer = ctx.layer.gpu(), ctx.layer
        name = "autograd::engine::evaluate_function: PlantedBackward"
        with gpu.span(name, tid=11, **{"Sequence number": ctx.number, "Fwd thread id": 1}):
            gpu.launch("backward", layer.back, layer.host)
        gpu.allocated -= layer.each * len(gradient)
        return gradient, gradient.sum().reshape(1), None, None
