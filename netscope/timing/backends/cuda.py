"""GPUs that torch reaches as "cuda": NVIDIA's, and AMD's through ROCm."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final

import torch

from netscope.errors import UsageError
from netscope.timing.backend import Device, Mark
from netscope.timing.backends import kineto, nvml
from netscope.timing.backends.cpu import Cpu
from netscope.timing.events import Event
from netscope.timing.samples import Reading

_MILLI: Final = 1e-3
# What runs on a side stream before a graph is captured, as torch's own notes on graphs have it.
_BEFORE_CAPTURE: Final = 3
# Where torch keeps whether products of fp32 tensors may be rounded to tf32.
_PRODUCTS: Final = ("cuda.matmul", "cudnn.conv", "cudnn.rnn")


class Cuda(Cpu):
    """One GPU. Its host is measured as a processor is; work and its times are the GPU's own."""

    name = "cuda"
    asynchronous = True

    def __init__(self, number: int = 0, clock: Callable[[], float] = time.perf_counter) -> None:
        """`number` is that of the GPU, as torch counts them.

        Raises:
            UsageError: there is no such GPU.
        """
        super().__init__(number, clock)
        if not torch.cuda.is_available():
            raise UsageError("torch finds no GPU here.", hint="use --device cpu")
        if number >= torch.cuda.device_count():
            raise UsageError(
                f"there is no cuda:{number}.", hint=f"use cuda:0 to cuda:{torch.cuda.device_count() - 1}"
            )
        self._torch = torch.device("cuda", number)
        self._properties: Any = torch.cuda.get_device_properties(self._torch)
        uuid = getattr(self._properties, "uuid", None)
        self._sensors = None if uuid is None else nvml.sensors(f"GPU-{uuid}")

    def device(self) -> Device:
        """The GPU by name, its memory, versions of torch, CUDA and the driver."""
        details = [("torch", str(torch.__version__))]
        for name, version in (("CUDA", torch.version.cuda), ("ROCm", torch.version.hip)):
            if version:
                details.append((name, version))
        driver = self._sensors.driver() if self._sensors else None
        if driver:
            details.append(("driver", driver))
        return Device(str(self._torch), self._properties.name, self._properties.total_memory, tuple(details))

    def dtypes(self) -> frozenset[str]:
        """What the GPU has units for."""
        major = self._properties.major
        modern = bool(torch.version.hip) or major >= 8
        return frozenset({"fp32", "fp16", *(("bf16", "tf32") if modern else ())})

    def synchronize(self) -> None:
        """Wait for the GPU."""
        torch.cuda.synchronize(self._torch)

    def mark(self) -> Mark:
        """An event in the current stream."""
        event: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self._torch))
        return event

    def between(self, start: Mark, end: Mark) -> float:
        """Between two events."""
        milliseconds: float = start.elapsed_time(end)
        return milliseconds * _MILLI

    def reading(self) -> Reading | None:
        """What NVML says."""
        return self._sensors.reading() if self._sensors else None

    @contextmanager
    def precision(self, dtype: str) -> Iterator[None]:
        """Products of fp32 tensors in tf32, or truly in fp32: left alone, torch rounds in convolutions."""
        wanted = "tf32" if dtype == "tf32" else "ieee"
        with ExitStack() as undo:
            for name in _PRODUCTS:
                place: Any = torch.backends
                for part in name.split("."):
                    place = getattr(place, part, None)
                if place is not None and hasattr(place, "fp32_precision"):
                    undo.callback(setattr, place, "fp32_precision", place.fp32_precision)
                    place.fp32_precision = wanted
            yield

    def captured(self, run: Callable[[], object]) -> Callable[[], object] | None:
        """The same work as a CUDA graph; None for work that cannot be captured."""
        side: Any = torch.cuda.Stream(self._torch)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(self._torch))
        with torch.cuda.stream(side):
            for _ in range(_BEFORE_CAPTURE):
                run()
        torch.cuda.current_stream(self._torch).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                run()
        except RuntimeError:  # a synchronisation, an allocation by somebody else, a size read back
            with suppress(RuntimeError):
                self.synchronize()
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
        """torch has a class for it; libraries beneath say so in words."""
        if isinstance(error, torch.OutOfMemoryError):
            return True
        return isinstance(error, RuntimeError) and "out of memory" in str(error).lower()

    def release(self) -> None:
        """Empty the cache."""
        torch.cuda.empty_cache()
