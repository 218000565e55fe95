"""What larger batches bring: a `Curve` of timings, one for each batch size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike

from netscope.machine.timing import curve as curve_
from netscope.report.layer import Tensor
from netscope.report.measured.timing import Timing


@dataclass(frozen=True, repr=False)
class Curve:
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
    def _points(self) -> curve_.Curve:
        points = [
            curve_.Point(timing.batch, timing.back_to_back or timing.latency) for timing in self.timings
        ]
        return curve_.Curve(tuple(points), self.too_large)

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

    # What follows hands out the curve in other forms, made on a higher floor when they are asked for.

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """The curve with all raw samples as JSON text, also written to `path` when given.

        Raises:
            StoreError: the file cannot be written.
        """
        from netscope.machine.profiling import document

        return document.to_json(self, path)

    def to_markdown(self) -> str:
        """The curve as a GitHub-flavoured Markdown table."""
        from netscope.show.render.profile import curve

        return curve.to_markdown(self)

    def to_csv(self) -> str:
        """One line a batch as CSV, in raw base units."""
        from netscope.show.render.profile import curve

        return curve.to_csv(self)

    def _repr_markdown_(self) -> str:
        """What notebooks show."""
        return self.to_markdown()

    def __str__(self) -> str:
        """The table of `netscope profile` with several batches, without colour."""
        from netscope.show.render.profile import curve

        return curve.to_terminal(self, width=100, color=False).rstrip("\n")
