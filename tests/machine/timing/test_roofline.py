"""Machines on paper, the least that work takes on them, and the machine at hand."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope.base.errors import UsageError
from netscope.machine.timing.devices import SPECS, DeviceSpec, spec_of, spec_of_driver
from netscope.machine.timing.roofline import Bound, bound, calibrated, intensity, ridge
from tests.machine.timing.fake import FakeBackend, Kernel

TOY = DeviceSpec("toy", "Toy", {"fp32": 100.0}, 10.0, None, "made up")


def test_the_bound_is_the_longer_of_the_two():
    assert bound(1000, 50, "fp32", TOY) == Bound(10.0, 5.0)
    assert bound(1000, 50, "fp32", TOY).seconds == 10
    assert bound(1000, 50, "fp32", TOY).limited_by == "compute"
    assert bound(100, 50, "fp32", TOY).limited_by == "memory"
    assert bound(100, 50, "fp32", TOY).efficiency(20.0) == 0.25


def test_what_is_unknown_stays_unknown():
    assert bound(1000, None, "fp32", TOY) == Bound(10.0, None)
    assert bound(1000, None, "fp32", TOY).seconds == 10  # still a lower bound
    assert bound(1000, None, "fp32", TOY).limited_by is None
    assert bound(1000, None, "bf16", TOY) == Bound(None, None)
    assert Bound(None, None).seconds is None
    assert Bound(None, None).efficiency(1.0) is None
    assert Bound(1.0, 1.0).efficiency(0.0) is None


def test_intensity_meets_the_ridge_where_both_limits_meet():
    assert intensity(1000, 50) == 20
    assert intensity(None, 50) is None
    assert intensity(1000, 0) is None
    assert ridge("fp32", TOY) == 10
    assert ridge("bf16", TOY) is None
    at_the_ridge = bound(1000, 100, "fp32", TOY)
    assert at_the_ridge.compute == at_the_ridge.memory


@given(st.sampled_from(sorted(SPECS)), st.integers(0, 10**18), st.integers(0, 10**15))
def test_less_work_never_takes_longer(name: str, flops: int, nbytes: int):
    spec = SPECS[name]
    whole, half = bound(flops, nbytes, "fp32", spec), bound(flops // 2, nbytes // 2, "fp32", spec)
    assert half.seconds <= whole.seconds


def test_the_table_is_whole_and_plausible():
    asked_for = "h100 h100-pcie h200 b200 a100 a100-40gb l4 l40s rtx-4090 rtx-5090 mi300x"
    assert set(asked_for.split()) <= SPECS.keys()
    called = [name for spec in SPECS.values() for name in spec.called]
    assert len(called) == len(set(called))
    for name, spec in SPECS.items():
        assert name == spec.name
        assert spec.source
        assert any(f"({year})" in spec.source for year in range(2019, 2027))
        assert spec.peaks.keys() <= {"fp32", "tf32", "bf16", "fp16", "fp8"}
        # Narrower numbers are never slower.
        peaks = [spec.peaks[dtype] for dtype in ("fp32", "tf32", "fp16", "fp8") if dtype in spec.peaks]
        assert peaks == sorted(peaks)
        assert spec.peak("bf16") in (None, spec.peak("fp16"))
        assert 50 < ridge("fp16", spec) < 1000


def test_figures_are_dense():
    # 132 multiprocessors of 4 tensor cores, 512 fused multiply-adds a clock each, at 1.83 GHz.
    assert SPECS["h200"].peak("bf16") == pytest.approx(132 * 4 * 512 * 2 * 1.83e9, rel=1e-3)
    # 108 of 4, 256 each, at 1.41 GHz.
    assert SPECS["a100"].peak("fp16") == pytest.approx(108 * 4 * 256 * 2 * 1.41e9, rel=1e-3)
    # 5120 bits of memory at 3.19 Gbit/s, and 6144 at 6.25.
    assert SPECS["a100"].bandwidth == pytest.approx(5120 / 8 * 3.186e9, rel=1e-3)
    assert SPECS["h200"].bandwidth == pytest.approx(6144 / 8 * 6.25e9, rel=1e-3)


def test_machines_are_found_by_any_spelling_and_by_their_driver():
    assert spec_of("H200") is SPECS["h200"]
    assert spec_of("RTX 4090") is spec_of("rtx_4090") is SPECS["rtx-4090"]
    assert spec_of_driver("NVIDIA H200") is SPECS["h200"]
    assert spec_of_driver("NVIDIA GeForce RTX 4090 Laptop GPU") is None
    with pytest.raises(UsageError, match=r"no device is named 'h20'\. Did you mean h200"):
        spec_of("h20")


def test_calibration_finds_the_planted_rates():
    backend = FakeBackend()
    spec = calibrated(backend, ["fp32", "bf16"])
    assert spec.bandwidth == pytest.approx(4e12, rel=1e-6)
    assert spec.peak("fp32") == pytest.approx(50e12, rel=1e-6)
    assert spec.peak("bf16") == pytest.approx(900e12, rel=1e-6)
    assert spec.source == (
        "measured here: a copy of 256 MiB, a product of fp32 matrices 8,192 square, "
        "a product of bf16 matrices 16,384 square"
    )
    assert (spec.name, spec.title) == ("fake:0", "Fake 9000")


class Busy(FakeBackend):
    """Something else is in the way of two runs in three, for up to ten times as long."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._random = random.Random(3)

    def work(self, kernel: Kernel, factor: float) -> None:
        held_up = self._random.random() < 2 / 3
        super().work(kernel, factor * (self._random.uniform(1, 10) if held_up else 1))


def test_a_roof_is_the_best_that_was_reached_and_not_the_usual():
    spec = calibrated(Busy(), ["bf16"])
    assert spec.bandwidth == pytest.approx(4e12, rel=1e-6)
    assert spec.peak("bf16") == pytest.approx(900e12, rel=1e-6)
    assert "bf16 matrices 16,384 square" in spec.source


def test_a_quiet_machine_is_calibrated_sooner_than_a_busy_one():
    quiet, busy = FakeBackend(), Busy()
    for backend in (quiet, busy):
        calibrated(backend, ["fp32"])
    assert quiet.clock() < 1.5 < busy.clock()
