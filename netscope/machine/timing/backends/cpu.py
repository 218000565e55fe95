"""The processor. Operators run where they are called; there is no queue to wait for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import torch

from netscope.base.environment import environment
from netscope.base.errors import text_of
from netscope.machine.timing.backend import Mark
from netscope.machine.timing.backends.common import kineto
from netscope.report.measured.device import Device
from netscope.report.measured.events import Event
from netscope.report.measured.samples import Reading

DTYPES: Final[dict[str, torch.dtype]] = {
    "fp32": torch.float32,
    "tf32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
_NANO: Final = 1e-9
# More than caches hold: 50 MB on an H200, some hundreds on large processors. As in `triton.testing.do_bench`.
FLUSHED: Final = 2**28


class Cpu:
    """The host's processor, measured by its own clock."""

    name = "cpu"
    asynchronous = False

    def __init__(self, number: int | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        """`number` is that of the device among its kind; there is one processor."""
        self.clock = clock
        self._torch = torch.device("cpu")
        self._block: torch.Tensor | None = None

    def device(self) -> Device:
        """The processor by name, its memory, the threads that compute."""
        memory = None
        with suppress(AttributeError, ValueError, OSError):
            memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        details = (("torch", torch.__version__), ("threads", str(torch.get_num_threads())))
        return Device("cpu", environment()["cpu"], memory, details)

    def dtypes(self) -> frozenset[str]:
        """All but tf32."""
        return frozenset({"fp32", "bf16", "fp16"})

    def cpu_seconds(self) -> float | None:
        """CPU time of all threads of this process."""
        return time.process_time()

    def waited_seconds(self) -> float | None:
        """Linux: the time that living threads spent on a run queue."""
        total = 0
        try:
            for task in Path("/proc/self/task").iterdir():
                with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
                    total += int((task / "schedstat").read_text(encoding="ascii").split()[1])
        except (OSError, ValueError, IndexError):
            return None
        return total * _NANO

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def expect(self, marks: int) -> None:
        """Reading a clock takes no preparation."""

    def mark(self) -> Mark:
        """The time."""
        return self.clock()

    def between(self, start: Mark, end: Mark) -> float:
        """The difference of two times."""
        seconds: float = end - start
        return seconds

    def flush(self) -> None:
        """Zero a block of 256 MiB."""
        if self._block is None:
            self._block = torch.empty(FLUSHED // 4, dtype=torch.int32, device=self._torch)
        self._block.zero_()

    def reading(self) -> Reading | None:
        """None: a processor's clocks differ from core to core and change within a round."""
        return None

    @contextmanager
    def steady(self, threads: int | None) -> Iterator[None]:
        """That many threads compute, and as many as before afterwards."""
        before = torch.get_num_threads()
        if threads is not None:
            torch.set_num_threads(threads)
        try:
            yield
        finally:
            if torch.get_num_threads() != before:
                torch.set_num_threads(before)

    @contextmanager
    def precision(self, dtype: str) -> Iterator[None]:
        """Nothing to choose."""
        yield

    def captured(self, run: Callable[[], object]) -> Callable[[], object] | None:
        """None: there is no queue that work could be handed to in one go."""
        return None

    def record(self, run: Callable[[], object]) -> tuple[Event, ...]:
        """Operators and ranges, by torch.profiler."""
        return kineto.record(run)

    def peak_memory(self, run: Callable[[], object]) -> int | None:
        """By torch.profiler: what torch's allocator hands out, scratch of libraries not included."""
        return kineto.peak_memory(run)

    def out_of_memory(self, error: BaseException) -> bool:
        """torch's allocator says so in words alone."""
        return isinstance(error, MemoryError) or (
            isinstance(error, RuntimeError) and "can't allocate memory" in text_of(error)
        )

    def release(self) -> None:
        """The block of `flush`."""
        self._block = None

    def copy(self, nbytes: int) -> Callable[[], object]:
        """Copy between two tensors of that size that have been written to before."""
        source, target = (self._filled((nbytes // 4,), torch.float32) for _ in range(2))
        return lambda: target.copy_(source)

    def matmul(self, side: int, dtype: str) -> Callable[[], object]:
        """Multiply square matrices into a third."""
        one, other, product = (self._filled((side, side), DTYPES[dtype]) for _ in range(3))
        return lambda: torch.mm(one, other, out=product)

    def convolve(self, side: int, dtype: str) -> Callable[[], object] | None:
        """Windows of 2×2 over half as many maps, `side` places. Another library does it than products."""
        rows = 2 ** (side.bit_length() // 2)
        maps = self._filled((1, side // 2, rows + 1, side // rows + 1), DTYPES[dtype])
        weight = self._filled((side // 2, side // 2, 2, 2), DTYPES[dtype])

        def run() -> object:
            with torch.no_grad():
                return torch.nn.functional.conv2d(maps, weight)

        return run

    def _filled(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        from netscope.machine.timing.inputs import random_tensor

        generator = torch.Generator(self._torch).manual_seed(0)
        return random_tensor(shape, dtype, generator)


BACKEND = Cpu
