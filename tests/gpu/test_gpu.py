"""What only a GPU can show. `make test-gpu` runs this; elsewhere it is skipped."""

from __future__ import annotations

import json
import statistics
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import netscope  # noqa: E402 - torch is asked for first
from netscope.errors import UsageError  # noqa: E402
from tools.gpu_report import BATCHES, DTYPES, NETWORKS, judged, reference_of  # noqa: E402

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
    timings, references = [], [reference_of(network, batch, dtype)]
    for _ in range(2):
        report = netscope.profile(network, device="cuda", batch=batch, dtype=dtype)
        assert report.timing is not None
        timings.append(report.timing)
        references.append(reference_of(network, batch, dtype))
    found = judged(timings[0], timings[1], [r for r in references if r is not None])
    assert found.agreement == pytest.approx(0, abs=0.01), statistics.median(references)
    assert found.reconciled == pytest.approx(0, abs=0.02)
    assert found.repeated == pytest.approx(0, abs=0.02)


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
    assert timing.called.on_device.median <= timing.median
    assert timing.device.target == "cuda:0"
    assert timing.threads is None
    assert timing.peak_memory > 0
    assert timing.back_to_back is not None


def test_small_steps_are_launch_bound_and_a_graph_is_quicker() -> None:
    report = netscope.profile("lenet", **QUICK)
    assert report.timing.replayed is not None
    assert report.timing.launch_bound is True
    graph = netscope.profile("lenet", cuda_graph=True, **QUICK)
    assert graph.timing.median < report.timing.median


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


def test_compiled_steps_are_whole_steps_only() -> None:
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
