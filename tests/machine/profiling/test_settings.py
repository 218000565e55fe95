"""How long is measured, and in what."""

from __future__ import annotations

import pytest

from netscope.base.errors import UsageError
from netscope.machine.profiling.settings import dtype_of, pace_of
from netscope.machine.timing.measure import latency
from netscope.report.measured.samples import Pace
from tests.machine.timing.fake import FakeBackend, FakeStep, Kernel, Noise, forward


def measured_for(pace: Pace, seconds: float = 5e-3, noise: float = 0.0) -> float:
    """Seconds that a measurement takes, warm-up aside."""
    backend = FakeBackend(noise=Noise(level=noise, rounds=noise))
    return sum(
        r.wall for r in latency(FakeStep(backend, forward(Kernel("a", seconds))), backend, pace).rounds
    )


def test_nothing_asked_for_is_the_usual_pace() -> None:
    assert pace_of() == Pace()


@pytest.mark.parametrize("least", [0.5, 3.0, 60.0])
def test_a_quiet_machine_is_measured_for_as_long_as_asked(least: float) -> None:
    assert 0.99 * least <= measured_for(pace_of(min_time=least)) <= 1.1 * least + 0.1


@pytest.mark.parametrize("most", [0.05, 1.0, 20.0])
def test_a_noisy_machine_is_measured_no_longer_than_asked(most: float) -> None:
    assert measured_for(pace_of(max_time=most), noise=0.2) <= 1.5 * most


def test_warming_up_takes_as_long_as_asked() -> None:
    backend = FakeBackend()
    found = latency(FakeStep(backend, forward(Kernel("a", 5e-3))), backend, pace_of(warmup=2.0))
    assert sum(found.warmup) == pytest.approx(2.0, rel=0.01)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (None, None),
        ("bf16", "bf16"),
        ("bfloat16", "bf16"),
        ("TF32", "tf32"),
        ("float32", "fp32"),
        ("half", "fp16"),
    ],
)
def test_dtypes_as_people_write_them(text: str | None, key: str | None) -> None:
    assert dtype_of(text) == key


@pytest.mark.parametrize("text", ["float64", "int8", "fp9"])
def test_other_dtypes_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        dtype_of(text)
