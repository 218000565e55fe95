"""The whole of `netscope.profile` on a machine whose truth is planted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import netscope
from netscope.base.errors import TraceError, UsageError
from netscope.report.measured.samples import Reading
from netscope.report.measured.timing import ratio_of
from netscope.trace.here import here
from tests.machine.profiling.planted import Machine, Net, Planted, ranges, times
from tests.machine.timing.fake import FakeOutOfMemory, Kernel, Noise

__all__ = ["ranges"]

Use = Callable[[Machine], None]


@pytest.mark.parametrize("asynchronous", [True, False])
def test_layers_unattributed_and_idle_are_the_planted_ones(ranges: Use, asynchronous: bool) -> None:
    machine = Machine(asynchronous)
    machine.homeless = 5e-4
    ranges(machine)
    net = Net(machine, own=[Kernel(None, 1e-3, host=0.0)])
    report = netscope.profile(net, input="4", batch=2, device=machine, device_spec="none")
    timing = report.timing
    assert timing is not None
    assert times(report) == pytest.approx(
        {"": 0, "first": 2e-3, "(functional)": 1e-3, "block": 0, "block.0": 4e-3}, abs=1e-9
    )
    assert report["block"].timing.seconds == pytest.approx(4e-3)
    assert report.root.timing.seconds == pytest.approx(7e-3)
    assert report["block.0"].timing.kernels == 2
    # 2 + 1 + 3 + 1 ms of layers and half of a millisecond of work that nobody asked for.
    assert timing.median == pytest.approx(7.5e-3)
    assert timing.converged
    parts = timing.reconciliation
    assert parts is not None
    assert (parts.layers, parts.unattributed) == pytest.approx((7e-3, 5e-4))
    assert parts.idle == pytest.approx(0, abs=1e-8)
    assert parts.residual == pytest.approx(0, abs=1e-8)
    assert [work.name for work in timing.unattributed] == ["daemon"]
    assert (timing.batch, timing.device.name, timing.dtype) == (2, "Fake 9000", "fp32")
    assert timing.samples_per_second == pytest.approx(2 / 7.5e-3, rel=0.07)


def test_the_device_idles_while_the_host_prepares(ranges: Use) -> None:
    machine = Machine()
    ranges(machine)
    net = Net(machine, own=[Kernel(None, 1e-3, host=5e-3)])
    report = netscope.profile(net, input="4", device=machine, device_spec="none")
    parts = report.timing.reconciliation
    # The first layer's 2 ms are over when the host has been at it for 5.
    assert report.timing.median == pytest.approx(10e-3)
    assert (parts.layers, parts.idle) == pytest.approx((7e-3, 3e-3))


def test_streams_that_overlap_are_not_counted_twice(ranges: Use) -> None:
    machine = Machine()
    ranges(machine)
    net = Net(machine, own=[Kernel(None, 2e-3, stream=1)])
    parts = netscope.profile(net, input="4", device=machine, device_spec="none").timing.reconciliation
    assert (parts.layers, parts.overlap) == pytest.approx((8e-3, 2e-3))
    assert parts.end_to_end == pytest.approx(6e-3)
    assert parts.residual == pytest.approx(0, abs=1e-8)


def test_waiting_for_launches_is_said(ranges: Use) -> None:
    for host, bound in ((2e-3, True), (0.0, False)):
        machine = Machine()
        machine.replays = True
        ranges(machine)
        net = nn.Sequential(*[Planted(machine, Kernel(None, 1e-3, host=host)) for _ in range(4)])
        report = netscope.profile(net, input="4", device=machine, device_spec="none")
        assert report.timing.replayed.median == pytest.approx(4e-3)
        assert report.timing.median == pytest.approx(4 * host + (1e-3 if host else 4e-3))
        assert report.timing.launch_bound is bound
        graph = netscope.profile(net, input="4", device=machine, device_spec="none", cuda_graph=True)
        assert graph.timing.median == pytest.approx(4e-3)
        assert graph.timing.called.median == pytest.approx(report.timing.median)


def test_what_cannot_be_replayed_is_refused(ranges: Use) -> None:
    machine = Machine()
    ranges(machine)
    with pytest.raises(UsageError, match="cannot be captured as a CUDA graph"):
        netscope.profile(Net(machine), input="4", device=machine, device_spec="none", cuda_graph=True)


def test_noise_widens_the_interval_and_is_told(ranges: Use) -> None:
    machine = Machine(noise=Noise(seed=3, level=0.2, rounds=0.05))
    ranges(machine)
    report = netscope.profile(Net(machine), input="4", device=machine, device_spec="none", max_time=2.0)
    assert 6e-3 in report.timing.interval
    assert not report.timing.converged
    assert any(text.startswith("not converged") for text in report.timing.remarks)
    assert any(text.startswith("noisy") for text in report.timing.remarks)
    assert "! not converged" in str(report)


def test_a_throttled_machine_is_said_to_be_so(ranges: Use) -> None:
    slow = Reading(clock=1.2e9, throttled=("power cap",))
    machine = Machine(
        readings=[Reading(clock=1.98e9), Reading(clock=1.98e9), slow],
        slow=lambda round: 1.6 if round % 3 == 2 else 1.0,
    )
    ranges(machine)
    report = netscope.profile(Net(machine), input="4", device=machine, device_spec="none")
    assert report.timing.median == pytest.approx(6e-3)
    assert "clock dropped to 1,200 MHz in" in str(report)
    assert "left out" in str(report)


def test_memory_that_ends_ends_the_curve(ranges: Use) -> None:
    machine = Machine(memory=10_000)
    ranges(machine)

    class Grows(nn.Module):
        """1 ms, or 0.1 ms a sample where that is more."""

        def forward(self, x: Tensor) -> Tensor:
            if here.recorder is None:
                machine.begin()
                machine.allocate(1000 * len(x))
                machine.work(Kernel(None, max(1e-3, 1e-4 * len(x))), 1.0)
            return x + 1

    seen: list[float] = []
    curve = netscope.profile(
        Grows(),
        input="4",
        batch=[16, 1, 2, 4, 8],
        device=machine,
        device_spec="none",
        watch=lambda _, done: seen.append(done),
    )
    assert [timing.batch for timing in curve] == [1, 2, 4, 8]
    assert curve.too_large == 16
    assert [timing.samples_per_second for timing in curve] == pytest.approx([1e3, 2e3, 4e3, 8e3], rel=0.02)
    assert [timing.peak_memory for timing in curve] == [1000, 2000, 4000, 8000]
    assert (curve.best, curve.knee) == (8, None)
    assert seen == sorted(seen)
    assert curve[4].median == pytest.approx(1e-3)
    with pytest.raises(KeyError):
        curve[16]
    with pytest.raises(TraceError, match="does not suffice for a batch of 16"):
        netscope.profile(Grows(), input="4", batch=16, device=machine, device_spec="none")


def test_errors_of_a_step_are_one_line(ranges: Use) -> None:
    machine = Machine()
    ranges(machine)

    class Fails(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if here.recorder is None:
                raise ValueError("no such\nkernel")
            return x + 1

    with pytest.raises(TraceError, match=r"a step on cpu failed: ValueError: no such$") as caught:
        netscope.profile(Fails(), input="4", device=machine, device_spec="none")
    assert isinstance(caught.value.__cause__, ValueError)
    assert not isinstance(caught.value.__cause__, FakeOutOfMemory)


def test_a_machine_that_cannot_compute_in_it_says_so(ranges: Use) -> None:
    machine = Machine()
    with pytest.raises(UsageError, match="does not compute in fp16") as caught:
        netscope.profile(
            nn.Linear(2, 2).half(), args=(torch.ones(1, 2).half(),), device=machine, device_spec="none"
        )
    assert caught.value.hint == "use bf16, fp32"


def test_a_change_is_told_from_noise(ranges: Use) -> None:
    def profiled(factor: float, seed: int) -> netscope.Report:
        machine = Machine(noise=Noise(seed=seed, level=0.02, drift=lambda now: factor))
        ranges(machine)
        return netscope.profile(Net(machine), input="4", device=machine, device_spec="none")

    base, same, slower = profiled(1.0, 1), profiled(1.0, 2), profiled(1.1, 3)
    within, outside = netscope.diff(base, same), netscope.diff(base, slower)
    assert within.timing.outside_noise is False
    assert outside.timing.outside_noise is True
    assert 1.1 in outside.timing.interval
    assert outside.timing == ratio_of(slower.timing, base.timing)
    assert "within the noise (95%:" in str(within)
    assert "outside the noise (95%:" in str(outside)
    assert "+10" in str(outside) or "+9." in str(outside)
    assert netscope.check(slower, "latency<=7ms", against=base, fail_if="latency>+20%").passed
    assert not netscope.check(slower, "latency<=6.3ms").passed
    assert netscope.diff(netscope.summary(nn.Linear(2, 2), input="2"), base).timing is None
