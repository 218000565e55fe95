"""What raw samples say, and which rounds do not count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope.machine.timing.measure import latency
from netscope.report.measured.remarks import remarks
from netscope.report.measured.samples import Measurement, Reading, Round, launch_bound, quantile, ratio
from tests.machine.timing.fake import FakeBackend, FakeStep, Kernel, Noise, forward

FAST = Reading(clock=1.98e9, top_clock=1.98e9, power=400.0, temperature=60.0)
SLOW = Reading(clock=1.2e9, top_clock=1.98e9, power=700.0, temperature=88.0, throttled=("too hot",))


def measured(*rounds: Round, kind: str = "latency", **more: object) -> Measurement:
    return Measurement(kind=kind, rounds=rounds, **more)


def rounds_of(seconds: float, count: int, reading: Reading | None = None, **more: float) -> list[Round]:
    return [Round((seconds,) * 6, wall=6 * seconds, reading=reading, **more)] * count


@given(st.lists(st.floats(0, 1e3), min_size=1), st.floats(0, 1))
def test_quantiles_are_numpys(values: list[float], share: float):
    assert quantile(values, share) == pytest.approx(float(np.quantile(values, share)), rel=1e-9, abs=1e-9)


def test_statistics_by_hand():
    m = measured(Round((1.0, 2.0, 3.0)), Round((4.0, 5.0)))
    assert m.samples == (1.0, 2.0, 3.0, 4.0, 5.0)
    assert (m.median, m.quartiles, m.iqr) == (3.0, (2.0, 4.0), 2.0)
    assert m.p95 == pytest.approx(4.8)
    assert m.interval is None
    assert m.uncertainty is None
    assert not m.converged


def test_slowed_rounds_are_left_out():
    m = measured(*rounds_of(1e-3, 6, FAST), *rounds_of(1.6e-3, 2, SLOW))
    assert m.left_out == (6, 7)
    assert len(m.kept) == 6
    assert m.median == 1e-3
    assert remarks(m) == ("clock dropped to 1,200 MHz in 2 of 8 rounds (too hot); those were left out",)


def test_a_clock_that_drops_for_no_reason_counts_as_slowed():
    m = measured(*rounds_of(1e-3, 6, FAST), *rounds_of(1.6e-3, 1, Reading(clock=1.5e9)))
    assert m.left_out == (6,)
    assert "clock dropped to 1,500 MHz in 1 of 7 rounds; that one was left out" in remarks(m)


def test_a_machine_that_is_always_slowed_is_measured_as_it_is():
    capped = Reading(clock=1.6e9, throttled=("power cap",))
    m = measured(*rounds_of(1e-3, 6, capped))
    assert m.left_out == ()
    assert len(m.samples) == 36
    assert remarks(m) == (
        "clock dropped to 1,600 MHz in 6 of 6 rounds (power cap); the figures are those of a slowed device",
    )


def test_rounds_that_are_left_out_are_replaced_by_others():
    slow = {2: 1.65, 3: 1.65}
    backend = FakeBackend(
        readings=[FAST, FAST, SLOW, SLOW, *[FAST] * 6], slow=lambda round: slow.get(round, 1.0)
    )
    m = latency(FakeStep(backend, forward(Kernel("a", 5e-3))), backend)
    assert m.left_out == (2, 3)
    assert len(m.kept) == 5
    assert m.median == pytest.approx(5e-3)
    assert m.converged


def test_sensors_without_a_clock_are_no_evidence():
    assert measured(*rounds_of(1e-3, 5, Reading(temperature=40.0))).left_out == ()


def test_a_quiet_measurement_needs_no_remark():
    assert remarks(measured(*rounds_of(1e-3, 5, FAST, cpu=5.9e-3, waited=0.0)), threads=1) == ()


def test_a_shared_machine_is_said_to_be_one():
    waiting = measured(*rounds_of(1e-3, 5, cpu=6e-3, waited=3e-4))
    assert remarks(waiting) == ("the machine is shared: 5.0% of the time went by waiting for a processor",)
    assert remarks(waiting, threads=4) == ()  # a little of each thread's time
    starved = measured(*rounds_of(1e-3, 5, cpu=4.5e-3))
    assert remarks(starved, threads=1) == ("the machine is shared: one thread got 75.0% of a processor",)
    assert remarks(starved) == ()  # the process may well have waited for a device


def test_noise_drift_and_cold_starts_are_told():
    scattered = [Round((1e-3, 1.3e-3) * 5, wall=0.01)] * 6
    (noisy,) = remarks(measured(*scattered))
    assert noisy == "noisy: the middle half of the steps spreads over 26.1% of the median"
    assert not any("noisy" in text for text in remarks(measured(Round((1e-3,)), Round((2e-3,)))))
    drifting = [Round((1e-3 * (1 + 0.01 * n),) * 6, wall=0.01) for n in range(10)]
    told = remarks(measured(*drifting, settled=False, warmup=(2e-3, 1e-3)))
    assert "drifting: steps became 4.9% slower from the first half of the rounds to the last" in told
    # Up and down is no drift, and neither is a trend too small to matter.
    zigzag = [Round((1e-3 * (1 + 0.05 * (n % 2)),) * 6, wall=0.01) for n in range(10)]
    slight = [Round((1e-3 * (1 + 0.001 * n),) * 6, wall=0.01) for n in range(10)]
    assert not any("drifting" in text for m in (zigzag, slight) for text in remarks(measured(*m)))
    assert "the warm-up never settled (its median step took 1.50 ms)" in told


def test_what_did_not_converge_is_told_with_how_far_it_came():
    few = remarks(measured(*rounds_of(1.0, 2)))
    assert few == ("not converged: only 12 samples in 2 rounds in 12.0 s",)
    wide = [Round((1e-3 * (1 + 0.2 * (n % 2)),) * 6, wall=1.0) for n in range(10)]
    (told, *_) = remarks(measured(*wide))
    assert told.startswith("not converged: the median is known to within ")
    assert told.endswith(" after 60 samples in 10 rounds in 10.0 s, 1.0% was wanted")


def test_what_hardly_missed_its_precision_does_not_seem_to_have_met_it():
    nearly = [Round((1e-3 * (1 + 0.0178 * (n % 2)),) * 6, wall=1.0) for n in range(6)]
    m = measured(*nearly)
    assert 0.01 < m.uncertainty < 0.0105
    (told,) = remarks(m)
    assert "known to within 1.1% after" in told


def test_phases_too_short_for_a_clock_are_nothing():
    m = measured(*rounds_of(0.0, 5))
    assert m.median == 0
    assert m.uncertainty is None
    assert not m.converged
    assert remarks(m) == ("not converged: only 30 samples in 5 rounds in 0 s",)
    assert ratio(m, m).value == 1


def test_throughput_counts_rounds_as_samples():
    back_to_back = [Round((1e-3,), wall=0.1)] * 5
    assert measured(*back_to_back, kind="throughput", steps=100).converged
    assert not measured(*back_to_back).converged


def test_two_measurements_are_compared_without_their_slow_rounds():
    ours = measured(*rounds_of(1.1e-3, 6, FAST), *rounds_of(9e-3, 2, SLOW))
    theirs = measured(*rounds_of(1e-3, 6, FAST))
    compared = ratio(ours, theirs)
    assert compared.value == pytest.approx(1.1)
    assert compared.outside_noise


@pytest.mark.whole
def test_a_launch_bound_step_is_slower_than_its_replay():
    def taken(seconds: float, noise: Noise) -> Measurement:
        backend = FakeBackend(noise=noise)
        return latency(FakeStep(backend, forward(Kernel("a", seconds))), backend)

    quiet, loud = Noise(level=0.01), Noise(level=0.2, rounds=0.4)
    assert launch_bound(taken(1.5e-3, quiet), taken(1e-3, replace(quiet, seed=1))) is True
    assert launch_bound(taken(1e-3, quiet), taken(1e-3, replace(quiet, seed=1))) is False
    assert launch_bound(taken(1.1e-3, loud), taken(1e-3, replace(loud, seed=1))) is None
