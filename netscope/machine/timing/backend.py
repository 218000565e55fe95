"""What a machine must be able to do to be measured: one protocol, a class for each kind of machine.

Whatever decides (when to stop, what to leave out, whose kernel it was) is elsewhere and asks through this.
So it is tested with a machine that has a clock of its own and kernels of planted lengths.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from netscope.report.measured.device import Device
from netscope.report.measured.events import Event
from netscope.report.measured.samples import Reading

# A point in time on the device; only its backend can read it.
Mark = Any


class Backend(Protocol):
    """A kind of machine. Times are in seconds, memory is in bytes.

    asynchronous:
        whether work is handed over and runs while the host goes on.
    """

    name: str
    asynchronous: bool

    def device(self) -> Device:
        """What is measured on."""

    def dtypes(self) -> frozenset[str]:
        """What it can compute in, of "fp32", "tf32", "bf16", "fp16"."""

    # Clocks

    def clock(self) -> float:
        """The host's time."""

    def cpu_seconds(self) -> float | None:
        """CPU time of all threads of this process so far; None where nobody tells."""

    def waited_seconds(self) -> float | None:
        """For how long threads of this process were ready and had no processor so far."""

    def synchronize(self) -> None:
        """Wait until all that was handed over has run."""

    def expect(self, marks: int) -> None:
        """So many marks will be set soon: make what that takes, outside of what is timed."""

    def mark(self) -> Mark:
        """Note this point in the order of the work that was handed over."""

    def between(self, start: Mark, end: Mark) -> float:
        """The time from one mark to another, once both are past."""

    def flush(self) -> None:
        """Have more memory written than the caches hold: the next step finds nothing of its own there."""

    def reading(self) -> Reading | None:
        """What its sensors say now; None where there are none."""

    # Surroundings

    def steady(self, threads: int | None) -> AbstractContextManager[None]:
        """Compute with that many threads of the host (as they are for None); put back afterwards."""

    def precision(self, dtype: str) -> AbstractContextManager[None]:
        """Let matrix products of fp32 tensors be "tf32" or true "fp32"; put back afterwards."""

    # Passes

    def captured(self, run: Callable[[], object]) -> Callable[[], object] | None:
        """The same work to be handed over in one go; None where that cannot be had.

        Raises:
            Exception: memory did not suffice.
        """

    def record(self, run: Callable[[], object]) -> tuple[Event, ...]:
        """Do it under a profiler: everything that ran, on the host and on the device.

        No event of kind "device" on an asynchronous one: the profiler was not allowed to look there.
        """

    def peak_memory(self, run: Callable[[], object]) -> int | None:
        """The most memory that was allocated during it, over what was allocated before."""

    # Running out of memory

    def out_of_memory(self, error: BaseException) -> bool:
        """Whether that is what the error means."""

    def release(self) -> None:
        """Give back what is cached and not in use."""

    # Calibration

    def copy(self, nbytes: int) -> Callable[[], object]:
        """A step that copies so many bytes within the device's memory."""

    def matmul(self, side: int, dtype: str) -> Callable[[], object]:
        """A step that multiplies two square matrices; fp32 with `precision` as it is."""

    def convolve(self, side: int, dtype: str) -> Callable[[], object] | None:
        """A convolution with as much arithmetic as `matmul`; None where that cannot be quicker."""
