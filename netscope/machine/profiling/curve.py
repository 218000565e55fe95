"""What larger batches bring: a `Curve` of timings, one for each batch size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from netscope.base.answer import Answer
from netscope.machine.timing import curve as curve_
from netscope.report.layer import Tensor
from netscope.report.measured.timing import Timing


@dataclass(frozen=True, repr=False)
class Curve(Answer):
    """A network measured at several batch sizes, smallest first.

    inputs:
        of the call at the first batch.
    timings:
        one for each batch; layers are not told apart.
    too_large:
        the batch for which memory did not suffice; None when it sufficed for all.
    """

    name: str
    source: str
    description: str = ""
    inputs: tuple[Tensor, ...] = ()
    training: bool = False
    timings: tuple[Timing, ...] = ()
    too_large: int | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Short: a debugger would else print every sample."""
        batches = ", ".join(str(timing.batch) for timing in self.timings)
        return f"<Curve of {self.name}: batches {batches or 'none'}>"

    def __iter__(self) -> Iterator[Timing]:
        return iter(self.timings)

    def __len__(self) -> int:
        return len(self.timings)

    def __getitem__(self, batch: int) -> Timing:
        """The timing of that batch size.

        Raises:
            KeyError: it was not measured.
        """
        found = next((timing for timing in self.timings if timing.batch == batch), None)
        if found is None:
            raise KeyError(batch)
        return found

    @cached_property
    def _points(self) -> curve_.Throughputs:
        points = [
            curve_.Point(timing.batch, timing.back_to_back or timing.latency) for timing in self.timings
        ]
        return curve_.Throughputs(tuple(points), self.too_large)

    @property
    def best(self) -> int | None:
        """The batch of most throughput; None when none was measured."""
        return None if self._points.best is None else self._points.best.batch

    @property
    def knee(self) -> int | None:
        """The smallest batch with nine tenths of the best throughput; None while throughput still rises."""
        return None if self._points.knee is None else self._points.knee.batch

    def of_best(self, timing: Timing) -> float:
        """Its throughput as a part of the best one."""
        return timing.samples_per_second / max(one.samples_per_second for one in self.timings)

    @property
    def verb(self) -> str:
        """Its page."""
        return "curve"
