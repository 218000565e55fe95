"""What a report knows of a machine: how long a network took on one, and the least that it could take.

Frozen, raw base units (seconds, bytes, FLOPs), no torch. Raw samples are kept; every statistic is a property
of them. What measured them is `netscope.machine.profiling`, on top of `netscope.machine.timing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from netscope.base import units
from netscope.report.measured.breakdown import LayerTime, Reconciliation, StepWork, Work
from netscope.report.measured.device import Device
from netscope.report.measured.intervals import Interval, Ratio
from netscope.report.measured.links import Links
from netscope.report.measured.ranks import MeasuredRanks
from netscope.report.measured.remarks import remarks, slowdown
from netscope.report.measured.samples import Measurement, launch_bound, ratio

# How the network was called.
EAGER: Final = "eager"
COMPILED: Final = "compiled"
GRAPH: Final = "graph"

# The instruments took more than this share of a step.
INTRUSIVE: Final = 0.1


@dataclass(frozen=True, slots=True)
class LayerTiming:
    """One layer's time in a step, from the instrumented pass.

    whole, own:
        with the layers inside it, and what it ran itself; the `own` times of all rows add up.
    """

    whole: LayerTime = field(default_factory=LayerTime)
    own: LayerTime = field(default_factory=LayerTime)

    @property
    def seconds(self) -> float:
        """Forward and backward together, with the layers inside it."""
        return self.whole.seconds

    @property
    def kernels(self) -> float:
        """Pieces of work a step, in both passes, with the layers inside it."""
        return self.whole.forward_kernels + self.whole.backward_kernels


@dataclass(frozen=True, slots=True)
class LayerRoof:
    """The least that one layer's forward can take on the machine of `Report.roof`.

    moved_bytes:
        what it and the layers inside it read of others and hand to others, parameters included, each once
        a call.
    seconds:
        the sum of the bounds of the rows within; None where neither arithmetic nor memory is known.
    own_moved_bytes, own_seconds:
        the part that belongs to this row and no other.
    limited_by:
        "compute" or "memory", for a row with work of its own where both are known, else None.
    """

    moved_bytes: int
    seconds: float | None
    own_moved_bytes: int
    own_seconds: float | None
    limited_by: str | None = None


@dataclass(frozen=True, slots=True)
class Roof:
    """What a machine can do at most: the ceiling that layers are held against.

    peak:
        FLOP/s of matrix products in that dtype; None where it is not known.
    bandwidth:
        bytes/s of its memory, reading and writing together; None where it is not known.
    source:
        where the figures are from; of a calibrated machine, what was run.
    links:
        to others of its kind, for a network that is divided among many; None for another.
    """

    device: str
    title: str
    dtype: str
    peak: float | None
    bandwidth: float | None
    source: str
    links: Links | None = None

    @property
    def ridge(self) -> float | None:
        """The arithmetic intensity, FLOPs a byte, from which on arithmetic limits; None if not known."""
        return None if self.peak is None or not self.bandwidth else self.peak / self.bandwidth


@dataclass(frozen=True, kw_only=True, repr=False)
class Timing:
    """How long steps of a network took on a machine. Times are seconds a step.

    device:
        what it ran on.
    dtype:
        "fp32", "tf32", "bf16" or "fp16"; "" for another.
    batch:
        samples in a step.
    form:
        "eager", "compiled" (torch.compile) or "graph" (replayed as a CUDA graph).
    threads:
        of the host that computed, where a step runs on the host; None elsewhere.
    optimizer:
        of a training step; None for a forward.
    called:
        steps by calling the network, with nothing around them.
    back_to_back:
        steps without a pause between them; None where that makes no difference, or was not measured.
    replayed:
        the same work handed over in one go; None where that cannot be had.
    queued:
        steps in a queue, each between two marks of the device: its time without the host's, as long as the
        host is ahead; None where there is no queue.
    cold:
        whether the caches were written over before every step, of all of these; a step else finds there what
        the one before has left.
    reconciliation:
        another pass, with instruments, beside the time of a step; None without layers.
    unattributed:
        work of that pass that belongs to no layer, the longest first.
    peak_memory:
        the most bytes that were allocated during a step over what was there before it (parameters, inputs,
        optimizer state).
    work:
        what a training step computes; None for a forward, and where it could not be recorded.
    doubts:
        what was met while measuring and has to be known, in plain sentences.
    ranks:
        all that were measured together, of which this is one; None for a process that was alone.
    """

    device: Device
    dtype: str
    batch: int
    called: Measurement
    form: str = EAGER
    threads: int | None = None
    optimizer: str | None = None
    channels_last: bool = False
    back_to_back: Measurement | None = None
    replayed: Measurement | None = None
    queued: Measurement | None = None
    cold: bool = False
    reconciliation: Reconciliation | None = None
    unattributed: tuple[Work, ...] = ()
    peak_memory: int | None = None
    work: StepWork | None = None
    doubts: tuple[str, ...] = ()
    ranks: MeasuredRanks | None = None

    def __repr__(self) -> str:
        """Short: a debugger would else print every sample."""
        taken = units.plural(len(self.latency.samples), "sample")
        return f"<Timing of {units.seconds(self.median)} a step on {self.device.target}: {taken}>"

    @property
    def latency(self) -> Measurement:
        """Single steps in the form that was asked for, each from rest to rest."""
        return self.replayed if self.form == GRAPH and self.replayed is not None else self.called

    @property
    def median(self) -> float:
        """The middle step."""
        return self.latency.median

    @property
    def interval(self) -> Interval | None:
        """Where the typical step lies, with 95% confidence; None with too few rounds."""
        return self.latency.interval

    @property
    def converged(self) -> bool:
        """Whether the interval became as narrow as was asked for."""
        return self.latency.converged

    @property
    def samples_per_second(self) -> float:
        """Throughput: of steps back to back where those were measured, else of single steps."""
        return self.batch / (self.back_to_back or self.latency).median

    @property
    def forward_seconds(self) -> float:
        """The forward's part of a step."""
        return self.called.phase("forward").median if self.called.phases else self.median

    @property
    def launch_bound(self) -> bool | None:
        """Whether the device waits for the host to hand work over; None where that cannot be said."""
        return None if self.replayed is None else launch_bound(self.called, self.replayed)

    @property
    def overhead(self) -> float | None:
        """The part by which instruments made a step longer; below 0 when chance made it shorter."""
        if self.reconciliation is None:
            return None
        return -self.reconciliation.residual / self.reconciliation.end_to_end

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader must know before trusting the figures, in plain sentences; empty when nothing."""
        found = [*remarks(self.latency, threads=self.threads), *self.doubts]
        # Sensors are read at the end of a round: of single steps at rest, of a queue at work.
        if self.queued is not None and not slowdown(self.latency) and (text := slowdown(self.queued)):
            found.append(f"in a queue of steps {text}")
        if self.overhead is not None and self.overhead > INTRUSIVE:
            found.append(
                f"the instruments made a step {units.percent(self.overhead)} longer, "
                "and so are the times of layers"
            )
        return tuple(found)


def ratio_of(after: Timing, before: Timing) -> Ratio:
    """How many times as long a step takes as before, and whether that is outside the noise of both."""
    return ratio(after.latency, before.latency)
