"""What only a GPU can show. `make test-gpu` runs this; elsewhere it is skipped."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import netscope  # noqa: E402 - torch is asked for first
from netscope.base.errors import UsageError  # noqa: E402
from tools.gpu_cases import BATCHES, DTYPES, MEMORY, NETWORKS, measured, remembered  # noqa: E402

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
]

NET = "torchvision/resnet50"
QUICK: dict[str, Any] = {"device": "cuda", "max_time": 1.0}


def needs(network: str) -> None:
    if network.startswith("torchvision/"):
        pytest.importorskip("torchvision")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("network", NETWORKS)
def test_figures_agree_with_do_bench_and_with_themselves(network: str, batch: int, dtype: str) -> None:
    needs(network)
    pytest.importorskip("triton")
    found = measured(network, batch, dtype, {"max_time": 0.6}).judged
    # All at once, so that a failure tells all of them: the same steps in turns with caches written over on
    # both sides and on neither; then what is promised of one profile, and of two.
    offs = {
        "cold": (found.cold, 0.01),
        "warm": (found.warm, 0.01),
        "reconciled": (found.reconciled, 0.02),
        "repeated": (found.repeated, 0.02),
    }
    assert {name: off for name, (off, limit) in offs.items() if abs(off) > limit} == {}, found


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("amp", [None, "bf16"])
@pytest.mark.parametrize("network", MEMORY)
def test_predicted_memory_is_what_the_allocator_has(network: str, amp: str | None, *, train: bool) -> None:
    needs(network)
    found = remembered(network, amp, train=train)
    allocated, reserved = found.offs
    # cuDNN's workspace is in what is measured alone: where there are convolutions we may be lower.
    convolves = network.startswith("torchvision/")
    assert found.limit >= allocated >= -(found.limit + 0.05 * convolves), found
    assert found.limit >= reserved >= -(found.limit + 0.08 * convolves), found


@pytest.fixture(scope="module")
def trained() -> netscope.Report:
    needs(NET)
    return netscope.profile(NET, batch=8, train=True, dtype="bf16", **QUICK)


def test_kernels_have_layers_in_both_passes(trained: netscope.Report) -> None:
    parts = trained.timing.reconciliation
    assert parts.layers / (parts.layers + parts.unattributed) > 0.95
    assert trained["layer1.0.conv2"].timing.own.forward > 0
    assert trained["layer1.0.conv2"].timing.own.backward > 0
    assert trained.timing.called.phases == ("forward", "backward", "optimizer")
    assert parts.optimizer > 0


def test_the_trace_has_kernels_tied_to_launches(trained: netscope.Report) -> None:
    trace = json.loads(trained.to_chrome_trace())["traceEvents"]
    assert any(event.get("cat") == "device" for event in trace)
    assert {event["ph"] for event in trace} == {"X", "M", "s", "f"}


def test_the_devices_own_clock_and_its_sensors_are_read() -> None:
    timing = netscope.profile("alexnet", batch=64, **QUICK).timing
    assert timing.queued.median <= timing.median  # which has the launch of the first kernel too
    kernels = timing.reconciliation.end_to_end - timing.reconciliation.idle
    assert kernels == pytest.approx(timing.queued.median, rel=0.1)
    assert timing.device.target == "cuda:0"
    assert timing.doubts == ()
    assert timing.threads is None
    assert timing.peak_memory > 0
    assert timing.back_to_back is not None


def test_small_steps_are_launch_bound_and_a_graph_is_quicker() -> None:
    report = netscope.profile("lenet", **QUICK)
    assert report.timing.replayed is not None
    assert report.timing.launch_bound is True
    graph = netscope.profile("lenet", cuda_graph=True, **QUICK)
    assert graph.timing.median < report.timing.median


class ReadsBack(torch.nn.Module):
    """Waits for the GPU, which no graph can hold, and draws from its generator."""

    def forward(self, x: Any) -> Any:
        return x * float(torch.rand(1, device=x.device)) if not x.is_meta else x * 2


def test_what_cannot_be_captured_is_measured_all_the_same_and_leaves_nothing_behind() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(8, 8), ReadsBack()).cuda()
    stream, state = torch.cuda.current_stream(), torch.cuda.get_rng_state()
    report = netscope.profile(net, input="8", **QUICK)
    assert report.timing.replayed is None
    with pytest.raises(UsageError, match="cannot be captured"):
        netscope.profile(net, input="8", cuda_graph=True, **QUICK)
    assert torch.cuda.current_stream() == stream
    assert torch.equal(torch.cuda.get_rng_state(), state)
    assert torch.rand(4, device="cuda").shape == (4,)  # the generator is in no capture
    assert torch.cuda.get_sync_debug_mode() == 0


def test_a_capture_that_breaks_off_leaves_nothing_behind() -> None:
    from netscope.machine.timing.backends.cuda import Cuda

    backend, stream = Cuda(), torch.cuda.current_stream()
    value = torch.ones(1, device="cuda")

    def run() -> None:
        torch.rand(1, device="cuda")
        if torch.cuda.is_current_stream_capturing():
            value.item()

    with backend.steady(None):
        assert backend.captured(run) is None
        torch.rand(4, device="cuda").sum().item()
        replay = backend.captured(lambda: value.mul_(2))  # the next one works
        assert replay is not None
        before = value.item()
        replay()
        assert value.item() == 2 * before
    assert torch.cuda.current_stream() == stream


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="one GPU")
def test_another_gpu_than_the_current_one() -> None:
    timing = netscope.profile("alexnet", **{**QUICK, "device": "cuda:1"}).timing
    assert timing.device.target == "cuda:1"
    assert timing.replayed is not None
    assert timing.reconciliation.layers > 0
    assert torch.cuda.current_device() == 0


def test_memory_that_ends_ends_the_curve() -> None:
    total = torch.cuda.get_device_properties(0).total_memory
    # Maps of 64 × 1024 × 1024 in float32: a quarter of a GiB a sample, several of them alive at once.
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 64, 3, padding=1), torch.nn.Conv2d(64, 64, 3, padding=1))
    fits, not_ = 1, 2 * total // 2**28
    before = torch.cuda.memory_allocated()
    curve = netscope.profile(net.cuda(), input="3x1024x1024", batch=[fits, not_], **QUICK)
    assert ([timing.batch for timing in curve], curve.too_large) == ([fits], not_)
    del net
    assert torch.cuda.memory_allocated() <= before


def test_the_users_module_comes_back_as_it_was() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8)).cuda()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    precision = torch.backends.cudnn.conv.fp32_precision
    state = torch.cuda.get_rng_state()
    for train in (False, True):
        netscope.profile(
            net, input="3x32x32", batch=4, train=train, dtype="tf32", channels_last=True, **QUICK
        )
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert net[0].weight.is_contiguous()
    assert torch.backends.cudnn.conv.fp32_precision == precision
    assert torch.equal(torch.cuda.get_rng_state(), state)
    with pytest.raises(UsageError, match="the module is on cuda:0, not on cpu"):
        netscope.profile(net, input="3x32x32", device="cpu")


def test_tf32_is_quicker_than_fp32_where_there_are_units_for_it() -> None:
    needs(NET)
    if torch.cuda.get_device_capability()[0] < 8:
        pytest.skip("no such units")
    ieee = netscope.profile(NET, batch=64, dtype="fp32", **QUICK).timing
    rounded = netscope.profile(NET, batch=64, dtype="tf32", **QUICK).timing
    assert rounded.median < ieee.median


@pytest.mark.skipif(
    not (shutil.which("cc") or shutil.which("gcc")), reason="no compiler for triton's launchers"
)
def test_compiled_steps_are_whole_steps_only() -> None:
    pytest.importorskip("triton")
    report = netscope.profile("alexnet", batch=8, compile=True, **QUICK)
    assert report.timing.form == "compiled"
    assert report.timing.reconciliation is None
    assert report["features.conv1"].timing is None


def test_the_roof_is_found_by_the_devices_name_or_measured() -> None:
    report = netscope.profile("alexnet", batch=64, dtype="bf16", **QUICK)
    assert report.roof.peak > 1e12
    measured = netscope.profile("alexnet", batch=64, dtype="bf16", device_spec="here", **QUICK)
    assert measured.roof.source.startswith("measured here")
    assert 0.3 * report.roof.bandwidth < measured.roof.bandwidth <= 1.05 * report.roof.bandwidth
