"""GPUs that torch reaches as "cuda": NVIDIA's, and AMD's through ROCm."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import torch

from netscope.base.errors import UsageError, text_of
from netscope.machine.timing.backend import Mark
from netscope.machine.timing.backends.common import kineto, nvml, tf32
from netscope.machine.timing.backends.cpu import Cpu
from netscope.report.measured.device import Device
from netscope.report.measured.events import Event
from netscope.report.measured.samples import Reading

_MILLI: Final = 1e-3
# What runs on a side stream before a graph is captured, as torch's own notes on graphs have it.
_BEFORE_CAPTURE: Final = 2
# How libraries beneath torch say it (CUDA, cuBLAS, cuDNN), without spaces and underscores.
_FULL: Final = ("outofmemory", "allocfailed", "memoryallocation")


class Cuda(Cpu):
    """One GPU. Its host is measured as a processor is; work and its times are the GPU's own."""

    name = "cuda"
    asynchronous = True

    def __init__(self, number: int | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        """`number` is that of the GPU, as torch counts the visible ones; torch's current one without it.

        Raises:
            UsageError: there is no such GPU, or torch cannot use it.
        """
        super().__init__(0, clock)
        if not torch.cuda.is_available():
            raise UsageError("torch finds no GPU here.", hint="use --device cpu")
        count = torch.cuda.device_count()
        if number is not None and number >= count:
            raise UsageError(f"there is no cuda:{number}.", hint=f"use cuda:0 to cuda:{count - 1}")
        try:
            self._index = torch.cuda.current_device() if number is None else number
            self._torch = torch.device("cuda", self._index)
            self._properties: Any = torch.cuda.get_device_properties(self._torch)
        except (RuntimeError, AssertionError) as error:  # an old driver, a forked process, another's GPU
            said = str(error).strip().partition("\n")[0]
            raise UsageError(f"torch cannot use the GPU: {said}", hint="use --device cpu") from error
        uuid = getattr(self._properties, "uuid", None)
        self._sensors = None if uuid is None else nvml.sensors(str(uuid))
        self._made: list[Any] = []

    def device(self) -> Device:
        """The GPU by name, its memory, versions of torch, CUDA, cuDNN and the driver."""
        details = [("torch", str(torch.__version__))]
        for name, version in (("CUDA", torch.version.cuda), ("ROCm", torch.version.hip)):
            if version:
                details.append((name, version))
        library = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
        if library:
            details.append(("cuDNN", str(library)))
        if torch.backends.cudnn.benchmark:
            details.append(("cudnn.benchmark", "on"))
        driver = self._sensors.driver() if self._sensors else None
        if driver:
            details.append(("driver", driver))
        if self._sensors is None:
            details.append(("sensors", "none: clocks and throttling are not known"))
        return Device(str(self._torch), self._properties.name, self._properties.total_memory, tuple(details))

    def dtypes(self) -> frozenset[str]:
        """What the GPU has units for."""
        major = self._properties.major
        modern = bool(torch.version.hip) or major >= 8
        return frozenset({"fp32", "fp16", *(("bf16", "tf32") if modern else ())})

    def synchronize(self) -> None:
        """Wait for the GPU."""
        torch.cuda.synchronize(self._torch)

    def expect(self, marks: int) -> None:
        """Make the events now, and none where it would be timed."""
        while len(self._made) < marks:
            self._made.append(torch.cuda.Event(enable_timing=True))  # type: ignore[no-untyped-call]

    def mark(self) -> Mark:
        """An event in the current stream."""
        if not self._made:
            self.expect(1)
        event = self._made.pop()
        event.record()
        return event

    def between(self, start: Mark, end: Mark) -> float:
        """Between two events."""
        milliseconds: float = start.elapsed_time(end)
        return milliseconds * _MILLI

    def reading(self) -> Reading | None:
        """What NVML says."""
        return self._sensors.reading() if self._sensors else None

    @contextmanager
    def steady(self, threads: int | None) -> Iterator[None]:
        """It is torch's current GPU too: marks, graphs and compiled kernels go by that."""
        with super().steady(threads), torch.cuda.device(self._torch):
            yield

    @contextmanager
    def precision(self, dtype: str) -> Iterator[None]:
        """Products of fp32 tensors in tf32, or truly in fp32: left alone, torch rounds in convolutions."""
        with tf32.allowed(dtype == "tf32"):
            yield

    def captured(self, run: Callable[[], object]) -> Callable[[], object] | None:
        """The same work as a CUDA graph; None for work that cannot be captured.

        A capture that breaks off leaves torch's allocator and generator thinking of it as under way. So what
        waits for the GPU, the usual reason, is found out before; and both are told for the rest.
        """
        current: Any = torch.cuda.current_stream(self._torch)
        side: Any = torch.cuda.Stream(self._torch)  # type: ignore[no-untyped-call]
        side.wait_stream(current)
        try:
            with torch.cuda.stream(side):
                for _ in range(_BEFORE_CAPTURE):
                    run()
                with _waiting_raises():
                    run()
        except Exception as error:
            if self.out_of_memory(error):
                raise
            return None
        finally:
            current.wait_stream(side)
        generator: Any = torch.cuda.default_generators[self._index]
        state = generator.clone_state()
        graph, pool = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle()
        try:
            # A failed capture leaves its stream as the current one; the outer context takes that back.
            with torch.cuda.stream(side), torch.cuda.graph(graph, pool=pool, stream=side):
                run()
        except Exception as error:  # a wait that torch does not know of, an allocation by somebody else
            with suppress(RuntimeError):
                self.synchronize()
            with suppress(RuntimeError, AttributeError):
                torch._C._cuda_endAllocateToPool(self._index, pool)
            with suppress(RuntimeError):
                generator.graphsafe_set_state(state)
            if self.out_of_memory(error):
                raise
            return None
        return graph.replay

    def record(self, run: Callable[[], object]) -> tuple[Event, ...]:
        """Operators, launches and kernels, by torch.profiler."""
        return kineto.record(run, cuda=True)

    def peak_memory(self, run: Callable[[], object]) -> int | None:
        """By the caching allocator's own count."""
        self.synchronize()
        torch.cuda.reset_peak_memory_stats(self._torch)
        before = torch.cuda.memory_allocated(self._torch)
        run()
        self.synchronize()
        return torch.cuda.max_memory_allocated(self._torch) - before

    def convolve(self, side: int, dtype: str) -> Callable[[], object] | None:
        """None: products are what a GPU is quickest at."""
        return None

    def out_of_memory(self, error: BaseException) -> bool:
        """torch has a class for it; libraries beneath say so in words. Also of what the error came from."""
        told: BaseException | None = error
        while told is not None:
            text = text_of(told).lower().replace("_", "").replace(" ", "")
            if isinstance(told, torch.OutOfMemoryError) or (
                isinstance(told, RuntimeError) and any(word in text for word in _FULL)
            ):
                return True
            if super().out_of_memory(told):
                return True
            told = told.__cause__ or told.__context__
        return False

    def release(self) -> None:
        """Empty the cache."""
        super().release()
        torch.cuda.empty_cache()


@contextmanager
def _waiting_raises() -> Iterator[None]:
    """Operators that wait for the GPU raise, as far as torch knows them."""
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells that it is a prototype
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


BACKEND = Cuda
