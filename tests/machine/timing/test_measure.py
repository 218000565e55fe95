"""The measuring loop on a machine whose truth is planted."""

from __future__ import annotations

import gc
import math
import statistics
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from netscope.machine.timing.measure import MOST_ROUNDS, Cold, Progress, converge, latency, queued, throughput
from netscope.machine.timing.meter import MOST_SAMPLES, Meter
from netscope.report.measured.samples import Measurement, Pace
from tests.machine.timing.fake import FakeBackend, FakeStep, Kernel, Noise, forward


def step_of(backend: FakeBackend, seconds: float = 5e-3, **how: float) -> FakeStep:
    return FakeStep(backend, forward(Kernel("a", seconds / 2), Kernel("b", seconds / 2)), **how)


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_quiet_machine_gives_the_planted_time(asynchronous: bool):
    backend = FakeBackend(asynchronous)
    measured = latency(step_of(backend), backend)
    assert measured.median == pytest.approx(5e-3)
    assert measured.quartiles == (pytest.approx(5e-3), pytest.approx(5e-3))
    assert measured.p95 == pytest.approx(5e-3)
    assert measured.iqr == pytest.approx(0, abs=1e-9)
    assert measured.converged
    assert measured.settled
    assert len(measured.rounds) == 5
    assert len(measured.samples) == 5 * 20  # rounds of 0.1 s
    assert measured.phases == ()
    assert measured.on_device is None


def test_nothing_is_marked_in_a_step_of_one_phase():
    class Marks(FakeBackend):
        marked = 0

        def mark(self) -> float:
            self.marked += 1
            return super().mark()

    backend = Marks()
    latency(step_of(backend), backend)
    assert backend.marked == 0
    assert queued(step_of(backend), backend).on_device is None
    assert backend.marked > 0


def test_marks_are_announced_before_they_are_set():
    class Announced(FakeBackend):
        left = 0

        def expect(self, marks: int) -> None:
            self.left = marks

        def mark(self) -> float:
            self.left -= 1
            assert self.left >= 0
            return super().mark()

    backend = Announced()
    queued(step_of(backend), backend)
    assert backend.left == 0


def test_a_queue_hides_the_host_and_what_is_prepared():
    kernels = [Kernel("a", 2e-3, host=1e-3), Kernel("b", 2e-3, host=1e-3)]
    backend = FakeBackend(latency=1e-4)
    measured = queued(FakeStep(backend, forward(*kernels), preparation=1e-3), backend)
    assert (measured.kind, measured.steps) == ("queued", 1)
    assert measured.median == pytest.approx(4e-3)
    assert len(measured.samples) >= 30
    slow = queued(FakeStep(backend, forward(*[Kernel("a", 1e-3, host=3e-3)] * 2)), backend)
    assert slow.median == pytest.approx(6e-3, rel=0.02)


def test_caches_are_written_over_outside_of_what_is_timed():
    backend = FakeBackend()
    step = Cold(step_of(backend), backend)
    for measure in (latency, queued):
        backend.log.clear()
        assert measure(step, backend).median == pytest.approx(5e-3)
        assert backend.log.count("flushed") > 100


def test_warming_up_takes_three_steps_and_three_tenths_of_a_second():
    backend = FakeBackend()
    assert len(latency(step_of(backend, 5e-3), backend).warmup) == 60
    assert len(latency(step_of(backend, 0.5), backend).warmup) == 3


def test_warming_up_goes_on_while_steps_become_faster():
    # Each step takes 10% less than the one before, down to 5 ms.
    backend = FakeBackend(noise=Noise(drift=lambda now: 1 + 20 * math.exp(-now * 2)))
    measured = latency(step_of(backend), backend)
    assert measured.settled
    assert sum(measured.warmup) > 1
    assert measured.median == pytest.approx(5e-3, rel=0.05)


def test_a_warm_up_that_never_settles_ends_at_its_limit():
    backend = FakeBackend(noise=Noise(drift=lambda now: 1 + now))
    meter = Meter(step_of(backend), backend, Pace())
    meter.warm_up()
    assert not meter.measurement().settled
    assert backend.now == pytest.approx(5.0, abs=0.1)


def test_what_is_prepared_is_not_timed():
    backend = FakeBackend()
    assert latency(step_of(backend, preparation=1e-3), backend).median == pytest.approx(5e-3)
    back_to_back = throughput(step_of(backend, preparation=1e-3), backend)
    assert back_to_back.median == pytest.approx(5e-3, rel=0.02)  # the host prepares while the device works


def test_host_time_is_hidden_back_to_back_and_seen_alone():
    kernels = [Kernel("a", 2e-3, host=1e-3), Kernel("b", 2e-3, host=1e-3)]
    backend = FakeBackend(latency=1e-4)
    step = FakeStep(backend, forward(*kernels))
    # Alone: 1 ms until the first kernel is launched, 0.1 ms until it begins, then 4 ms without a gap.
    assert latency(step, backend).median == pytest.approx(5.1e-3)
    # Back to back: only the first of a round's 20 steps begins late.
    assert throughput(step, backend).median == pytest.approx(4e-3 + 1.1e-3 / 20)
    slow_host = FakeStep(backend, forward(*[Kernel("a", 1e-3, host=3e-3)] * 2))
    assert throughput(slow_host, backend).median == pytest.approx(6e-3 + 1.1e-3 / 15)


def test_phases_are_told_apart():
    backend = FakeBackend()
    plan = {
        "forward": [Kernel("a", 1e-3)],
        "backward": [Kernel("a", 2e-3)],
        "optimizer": [Kernel(None, 5e-4)],
    }
    measured = latency(FakeStep(backend, plan), backend)
    assert measured.phases == ("forward", "backward", "optimizer")
    assert [measured.phase(name).median for name in measured.phases] == pytest.approx([1e-3, 2e-3, 5e-4])
    assert measured.phase("backward").converged
    assert measured.on_device is not None
    assert measured.on_device.median == pytest.approx(3.5e-3)
    assert measured.median == pytest.approx(3.5e-3)
    with pytest.raises(KeyError):
        measured.phase("sideways")


def test_it_goes_on_until_the_interval_is_narrow():
    backend = FakeBackend(noise=Noise(level=0.01, rounds=0.03))
    measured = latency(step_of(backend), backend)
    assert measured.converged
    assert measured.uncertainty is not None
    assert measured.uncertainty <= 0.01
    assert len(measured.rounds) > 10


def test_it_gives_up_after_the_time_limit():
    backend = FakeBackend(noise=Noise(level=0.05, rounds=0.3))
    measured = latency(step_of(backend), backend)
    assert not measured.converged
    assert sum(r.wall for r in measured.rounds) == pytest.approx(10, abs=1)


def test_long_steps_get_short_rounds():
    backend = FakeBackend()
    measured = latency(step_of(backend, 0.99), backend)
    assert [len(r.samples) for r in measured.rounds] == [2] * 6  # the sixth begins before the time is over
    assert not measured.enough  # 12 samples, not 30
    assert measured.interval is not None
    endless = latency(step_of(backend, 60.0), backend)
    assert len(endless.samples) == 1
    assert endless.interval is None
    assert not endless.converged


def test_short_steps_do_not_fill_the_memory():
    backend = FakeBackend(noise=Noise(level=0.1, rounds=0.5))
    measured = latency(step_of(backend, 1e-6), backend, Pace(warmup_seconds=1e-3))
    assert {len(r.samples) for r in measured.rounds} == {MOST_SAMPLES}
    assert len(measured.rounds) == MOST_ROUNDS


def test_throughput_has_one_sample_a_round_and_converges():
    backend = FakeBackend()
    measured = throughput(step_of(backend), backend)
    assert (measured.kind, measured.steps, len(measured.samples)) == ("throughput", 20, 5)
    assert measured.converged


def test_garbage_waits_and_threads_are_put_back():
    backend = FakeBackend()
    seen: list[bool] = []

    class Looks(FakeStep):
        def prepare(self) -> None:
            seen.append(gc.isenabled())
            super().prepare()

    latency(Looks(backend, forward(Kernel("a", 0.1))), backend, threads=3)
    assert set(seen) == {False}
    assert gc.isenabled()
    assert backend.log == ["threads 3", "threads back"]


def test_a_step_that_raises_leaves_the_collector_as_it_was():
    backend = FakeBackend(memory=10)
    with pytest.raises(Exception, match="11 bytes"):
        latency(step_of(backend, memory=11), backend)
    assert gc.isenabled()


def test_progress_is_told():
    backend = FakeBackend(noise=Noise(level=0.01, rounds=0.02))
    told: list[Progress] = []
    latency(step_of(backend), backend, watch=told.append)
    assert (told[0].stage, told[-1].stage) == ("warm-up", "done")
    done = [progress.done for progress in told]
    assert done == sorted(done)
    assert done[-1] == 1
    assert told[-1].uncertainty is not None


def test_rounds_tell_what_they_cost():
    backend = FakeBackend(cpu_share=0.5, waited_share=0.25)
    measured = latency(step_of(backend), backend)
    for r in measured.rounds:
        assert r.cpu == pytest.approx(r.wall / 2)
        assert r.waited == pytest.approx(r.wall / 4)


def _noisy_run(seed: int) -> tuple[Measurement, float]:
    """A measurement under everything at once, and the median of what its steps took in truth."""
    noise = Noise(
        seed,
        level=0.02,
        alike=0.6,
        outliers=0.05,
        rounds=0.01,
        drift=lambda now: math.exp(0.003 * now) * (1 + 0.003 * math.sin(5 * now + seed)),
    )
    backend = FakeBackend(noise=noise)
    measured = converge(Meter(step_of(backend, 0.01), backend, Pace()))
    return measured, statistics.median(backend.true_steps[-sum(len(r.samples) for r in measured.rounds) :])


@pytest.mark.whole
def test_the_interval_covers_the_truth_under_drift_and_noise():
    covered = sum(
        measured.interval is not None and truth in measured.interval
        for measured, truth in map(_noisy_run, range(1000))
    )
    assert covered >= 900


def test_ranks_that_agree_take_as_many_steps_as_each_other():
    """One is quick and one slow and noisy: alone they would take other numbers of them."""
    backends = [
        FakeBackend(False, Noise(seed=1)),
        FakeBackend(False, Noise(seed=2, level=0.2, outliers=0.1)),
    ]
    said: list[float] = [0.0, 0.0]
    together = threading.Barrier(2, timeout=30)

    def measure(rank: int) -> Measurement:
        def agree(value: float) -> float:
            said[rank] = float(value)
            together.wait()
            most = max(said)
            together.wait()  # nobody says more before all have read
            return most

        step = step_of(backends[rank], 1e-3 * (1 + 3 * rank))
        return latency(step, backends[rank], Pace(limit=1.0), agree=agree)

    with ThreadPoolExecutor(2) as pool:
        quick, slow = pool.map(measure, (0, 1))
    assert quick.median == pytest.approx(1e-3)
    assert slow.median > 3e-3
    assert [len(one.samples) for one in quick.rounds] == [len(one.samples) for one in slow.rounds]
    assert len(quick.warmup) == len(slow.warmup)
    alone = latency(step_of(backends[0], 1e-3), backends[0], Pace(limit=1.0))
    assert len(alone.samples) != len(quick.samples)
