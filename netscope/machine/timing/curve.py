"""Batch sizes and what they bring: throughput, its knee, and where memory ends."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from netscope.machine.timing.backend import Backend
from netscope.report.measured.samples import Measurement

# The knee is the smallest batch with this share of the best throughput.
NEARLY_ALL: Final = 0.9
# While the last batch brings so many times the throughput of the one before, larger ones may bring more.
STILL_RISING: Final = 1.1


@dataclass(frozen=True, slots=True)
class Point:
    """One batch size and the time of a step with it."""

    batch: int
    measured: Measurement

    @property
    def throughput(self) -> float:
        """Samples a second."""
        return self.batch / self.measured.median


@dataclass(frozen=True, slots=True)
class Throughputs:
    """Points in order of batch size.

    too_large:
        the batch for which memory did not suffice; None when it sufficed for all.
    """

    points: tuple[Point, ...]
    too_large: int | None = None

    @property
    def best(self) -> Point | None:
        """The point of most throughput; None without points."""
        return max(self.points, key=lambda point: point.throughput, default=None)

    @property
    def knee(self) -> Point | None:
        """The smallest batch that brings nine tenths of the best throughput; None while it still rises."""
        if len(self.points) < 2 or self.best is None:
            return None
        before, last = self.points[-2:]
        if last.throughput >= STILL_RISING * before.throughput:
            return None
        enough = NEARLY_ALL * self.best.throughput
        return next(point for point in self.points if point.throughput >= enough)


def curve(batches: Iterable[int], measure: Callable[[int], Measurement], backend: Backend) -> Throughputs:
    """Measure each batch size, from the smallest up, until memory does not suffice.

    Raises:
        Exception: whatever `measure` raises, unless it means that memory ran out.
    """
    points: list[Point] = []
    for batch in sorted(set(batches)):
        try:
            points.append(Point(batch, measure(batch)))
        except Exception as error:
            if not backend.out_of_memory(error):
                raise
            full = batch
        else:
            continue
        # Outside the handler, whose traceback holds on to the step's tensors; so may what refers to itself.
        gc.collect()
        backend.release()
        return Throughputs(tuple(points), full)
    return Throughputs(tuple(points))
