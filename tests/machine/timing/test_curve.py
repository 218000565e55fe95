"""Batch sizes on a machine whose memory ends and whose throughput levels off."""

from __future__ import annotations

import pytest

from netscope.machine.timing.curve import Throughputs, curve
from netscope.machine.timing.measure import latency
from netscope.report.measured.samples import Measurement
from tests.machine.timing.fake import FakeBackend, FakeOutOfMemory, FakeStep, Kernel, forward

BATCHES = (1, 2, 4, 8, 16, 32)


def swept(backend: FakeBackend, batches: tuple[int, ...] = BATCHES) -> Throughputs:
    """A step takes 1 ms, or 0.1 ms for each sample where that is more; a sample takes 1,000 bytes."""

    def measure(batch: int) -> Measurement:
        seconds = max(1e-3, 1e-4 * batch)
        return latency(FakeStep(backend, forward(Kernel("a", seconds)), memory=1000 * batch), backend)

    return curve(batches, measure, backend)


@pytest.mark.whole
def test_the_knee_is_where_more_samples_bring_no_more_throughput():
    found = swept(FakeBackend())
    assert [point.batch for point in found.points] == list(BATCHES)
    assert [point.throughput for point in found.points[:4]] == pytest.approx([1e3, 2e3, 4e3, 8e3])
    assert found.best.throughput == pytest.approx(1e4)
    assert found.knee.batch == 16
    assert found.too_large is None


@pytest.mark.whole
def test_a_curve_that_still_rises_has_no_knee():
    found = swept(FakeBackend(), (1, 2, 4))
    assert found.knee is None
    assert found.best.batch == 4
    assert swept(FakeBackend(), (8,)).knee is None


def test_batches_are_taken_from_the_smallest_up():
    assert [point.batch for point in swept(FakeBackend(), (4, 1, 4)).points] == [1, 4]


@pytest.mark.whole
def test_memory_that_ends_ends_the_curve():
    backend = FakeBackend(memory=10_000)
    found = swept(backend)
    assert [point.batch for point in found.points] == [1, 2, 4, 8]
    assert found.too_large == 16
    assert backend.log[-1] == "released"


def test_memory_for_nothing_leaves_an_empty_curve():
    found = swept(FakeBackend(memory=10))
    assert (found.points, found.too_large, found.best, found.knee) == ((), 1, None, None)


def test_other_errors_are_not_swallowed():
    backend = FakeBackend(memory=10)
    backend.out_of_memory = lambda error: False
    with pytest.raises(FakeOutOfMemory):
        swept(backend)
