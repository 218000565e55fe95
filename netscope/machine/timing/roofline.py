"""The least time that an operation can take on a machine: the roofline.

A lower bound and never a prediction: it knows the arithmetic that must be done and the bytes that must move,
and nothing of launches, caches or how well a kernel is written.

    max(FLOPs / peak FLOP/s, bytes / bandwidth)         Williams, Waterman and Patterson 2009
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from netscope.base import units
from netscope.machine.timing.backend import Backend
from netscope.machine.timing.devices import DeviceSpec
from netscope.machine.timing.measure import undisturbed
from netscope.machine.timing.meter import Meter
from netscope.report.measured.samples import Pace

# Calibration: bytes of a copy that no cache holds, and how long a matrix product must take to be believed.
COPIED: Final = 2**28
_FIRST_SIDE: Final = 512
_LAST_SIDE: Final = 16384
_LONG_ENOUGH: Final = 5e-3
_TRIES: Final = 3
_QUICKLY: Final = Pace(warmup_seconds=0.1, warmup_limit=0.1, round_seconds=0.05, limit=2.0)
# So many runs as quick as the quickest, to within that share: no quicker one is to be expected.
_ALIKE: Final = 10
_WITHIN: Final = 0.02


@dataclass(frozen=True, slots=True)
class Bound:
    """The least seconds for arithmetic and for memory traffic; None for what is not known."""

    compute: float | None
    memory: float | None

    @property
    def seconds(self) -> float | None:
        """The larger of the two. With one unknown the other is still a lower bound."""
        known = [part for part in (self.compute, self.memory) if part is not None]
        return max(known) if known else None

    @property
    def limited_by(self) -> Literal["compute", "memory"] | None:
        """What takes longer; None unless both are known."""
        if self.compute is None or self.memory is None:
            return None
        return "compute" if self.compute >= self.memory else "memory"

    def efficiency(self, measured: float) -> float | None:
        """Which share of the measured seconds was necessary; 1 would be the machine at its limit."""
        return None if self.seconds is None or not measured else self.seconds / measured


def bound(flops: float | None, nbytes: float | None, dtype: str, spec: DeviceSpec) -> Bound:
    """The least time for so many FLOPs and bytes; unknown where a count or the machine's figure is."""
    peak = spec.peak(dtype)
    return Bound(
        None if flops is None or peak is None else flops / peak,
        None if nbytes is None or spec.bandwidth is None else nbytes / spec.bandwidth,
    )


def intensity(flops: float | None, nbytes: float | None) -> float | None:
    """Arithmetic intensity, FLOPs a byte; None where a count is unknown or no byte moves."""
    return None if flops is None or not nbytes else flops / nbytes


def ridge(dtype: str, spec: DeviceSpec) -> float | None:
    """The intensity from which on the machine is limited by compute, in FLOPs a byte."""
    peak = spec.peak(dtype)
    return None if peak is None or not spec.bandwidth else peak / spec.bandwidth


def calibrated(backend: Backend, dtypes: Sequence[str], pace: Pace = _QUICKLY) -> DeviceSpec:
    """The machine at hand as one copy and one matrix product per dtype find it.

    Where another library does convolutions, one of those too; the quicker counts, and of each its quickest
    run. These are rates that were reached, not the most that the machine could do, so a layer may come out
    above them.
    """
    device = backend.device()
    moved = 2 * COPIED  # read and written
    bandwidth = moved / _seconds(backend, pace, backend.copy(COPIED))
    peaks, tried = {}, [f"a copy of {units.binary(COPIED)}"]
    for dtype in dtypes:
        with backend.precision(dtype):
            side = _side(backend, dtype)
            ways = [backend.matmul(side, dtype), backend.convolve(side, dtype)]
            quickest = min(_seconds(backend, pace, way) for way in ways if way is not None)
        peaks[dtype] = 2 * side**3 / quickest
        also = "" if ways[1] is None else " and a convolution as large"
        tried.append(f"a product of {dtype} matrices {units.count(side)} square{also}")
    return DeviceSpec(
        name=device.target,
        title=device.name,
        peaks=peaks,
        bandwidth=bandwidth,
        memory=device.memory,
        source=f"measured here: {', '.join(tried)}",
    )


@dataclass(frozen=True, slots=True)
class _Once:
    """A function as a step."""

    run: Callable[[], object]

    @property
    def phases(self) -> tuple[tuple[str, Callable[[], object]], ...]:
        return (("run", self.run),)

    def prepare(self) -> None:
        """Nothing comes before it."""


def _seconds(backend: Backend, pace: Pace, run: Callable[[], object]) -> float:
    """The quickest run: what else went on only ever makes one longer.

    Rounds are taken until others are as quick, so a busy machine takes longer. Without the launch, which
    takes as long as a tenth of the copy.
    """
    meter = Meter(_Once(run), backend, pace, kind="queued" if backend.asynchronous else "latency")
    with undisturbed(backend):
        meter.warm_up()
        started = backend.clock()
        while True:
            meter.round()
            samples = meter.measurement().samples
            quickest = min(samples)
            alike = sum(sample <= (1 + _WITHIN) * quickest for sample in samples)
            if (meter.rounds >= pace.rounds and alike >= _ALIKE) or backend.clock() - started >= pace.limit:
                return quickest


def _side(backend: Backend, dtype: str) -> int:
    """A size from which the product takes long enough, or the largest that is tried."""
    side = _FIRST_SIDE
    while side < _LAST_SIDE and _quickest(backend, backend.matmul(side, dtype)) < _LONG_ENOUGH:
        side *= 2
    return side


def _quickest(backend: Backend, run: Callable[[], object]) -> float:
    """Seconds of the quickest of a few runs, after one that does not count."""
    run()
    backend.synchronize()
    found = []
    for _ in range(_TRIES):
        start = backend.clock()
        run()
        backend.synchronize()
        found.append(backend.clock() - start)
    return min(found)
