"""Real steps on the processor: what a profile consists of, never how long it took."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import netscope
from netscope.base.errors import TraceError, UsageError
from netscope.machine.timing.devices import spec_of
from netscope.machine.timing.roofline import bound
from netscope.report.measured.breakdown import StepWork
from tests import models as m
from tests.trace.test_untouched import MODELS, process_state, same, state_of, with_gradients

# As little as can be measured: three rounds would do, for structure one is enough.
QUICK: dict[str, Any] = {"device": "cpu", "warmup": 0.0, "max_time": 0.02, "device_spec": "none"}


class Branches(nn.Module):
    """Work in children, between them, and in a container that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList([nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout(0.0)])
        self.idle = nn.Linear(2, 2)
        self.head = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.parts[0](x)
        y = self.parts[2](self.parts[1](y)) + y
        return self.head(y.relu().mean((2, 3)))


@pytest.fixture(scope="module")
def report() -> netscope.Report:
    return netscope.profile(Branches(), input="3x16x16", batch=4, **{**QUICK, "device_spec": "h200"})


def test_every_row_has_its_time_and_they_add_up(report: netscope.Report) -> None:
    timing = report.timing
    assert timing is not None
    assert [layer.path for layer in report.layers if layer.timing is None] == []
    own = sum(layer.timing.own.seconds for layer in report.layers)
    assert own == pytest.approx(report.root.timing.seconds) == pytest.approx(timing.reconciliation.layers)
    assert report["parts.0"].timing.own.forward > 0
    assert report["parts.0"].timing.kernels >= 1
    assert report["(functional)"].timing.own.forward > 0
    assert report["idle"].timing.seconds == 0
    assert report["parts"].timing.seconds == pytest.approx(
        sum(report[f"parts.{i}"].timing.seconds for i in range(3))
    )
    parts = timing.reconciliation
    assert parts.unattributed == 0
    assert parts.end_to_end == pytest.approx(parts.explained + parts.residual) == timing.median


def test_the_setting_is_told(report: netscope.Report) -> None:
    timing = report.timing
    assert (timing.device.target, timing.batch, timing.dtype, timing.form) == ("cpu", 4, "fp32", "eager")
    assert timing.threads == torch.get_num_threads()
    assert timing.back_to_back is None
    assert timing.peak_memory > 4 * 4 * 16 * 16 * 4  # the largest map, four of it in float32
    assert report.latency == timing.median
    assert report.throughput == 4 / timing.median
    assert report.flops_per_second == report.flops / timing.median


def test_bytes_and_bounds_follow_from_shapes(report: netscope.Report) -> None:
    pixels, maps = 4 * 16 * 16, 4
    conv, norm, head = report["parts.0"], report["parts.1"], report["head"]
    assert conv.roof.moved_bytes == 4 * (pixels * 3 + pixels * maps + (3 * 9 + 1) * maps)
    assert norm.roof.moved_bytes == 4 * (2 * pixels * maps + 4 * maps)
    assert head.roof.moved_bytes == 4 * (4 * maps + 4 * 5 + (maps + 1) * 5)
    assert report["idle"].roof.moved_bytes == 0
    assert report["parts.2"].roof.moved_bytes == 0
    # The sum, with the map read twice; then what is meant over, read once more and four numbers a sample.
    assert report["(functional)"].roof.moved_bytes == 4 * (2 * pixels * maps + 4 * maps)
    assert report.root.roof.moved_bytes == sum(layer.roof.own_moved_bytes for layer in report.layers)
    h200 = spec_of("h200")
    least = bound(2 * pixels * maps * 27, conv.roof.moved_bytes, "fp32", h200)
    assert conv.roof.seconds == pytest.approx(least.seconds)
    assert conv.roof.limited_by == least.limited_by == "memory"
    assert report.bound == pytest.approx(sum(layer.roof.own_seconds for layer in report.layers))
    assert (report.roof.device, report.roof.peak) == ("h200", h200.peak("fp32"))


def test_it_is_saved_and_comes_back_equal(report: netscope.Report, tmp_path: Any) -> None:
    path = tmp_path / "profile.json"
    report.to_json(path)
    again = netscope.load(path)
    assert again == report
    assert again.timing.called.rounds == report.timing.called.rounds
    assert str(again) == str(report)
    assert netscope.profile(path) == report
    data = json.loads(path.read_text())
    assert data["timing"]["median"] == data["totals"]["latency"] == report.latency
    assert data["timing"]["called"]["rounds"][0]["samples"]
    with pytest.raises(UsageError, match="nothing else can be asked of it"):
        netscope.profile(path, device="cpu")
    with pytest.raises(UsageError, match="nothing else can be asked of it"):
        netscope.profile(report, device_spec="h200")
    with pytest.raises(UsageError, match="nothing else can be asked of it"):
        netscope.profile(report, max_time=1.0)
    with pytest.raises(UsageError, match="nothing else can be asked of it"):
        netscope.roofline(report, "a100")
    assert netscope.roofline(report) is report
    with pytest.raises(UsageError, match="without the limits of a machine"):
        netscope.roofline(replace(report, roof=None))
    with pytest.raises(UsageError, match="made without a machine"):
        netscope.profile(netscope.summary(nn.Linear(2, 2), input="2"))


def test_the_trace_has_layers_around_operators(report: netscope.Report) -> None:
    trace = json.loads(report.to_chrome_trace())["traceEvents"]
    slices = [event for event in trace if event["ph"] == "X"]
    assert {event["name"] for event in slices if event["cat"] == "layer"} == {
        *("Branches", "parts.0", "parts.1", "parts.2", "head")
    }
    conv = next(event for event in slices if event["name"] == "parts.0")
    inside = [
        event["name"]
        for event in slices
        if event["cat"] == "operator"
        and conv["ts"] <= event["ts"]
        and event["ts"] + event["dur"] <= conv["ts"] + conv["dur"]
    ]
    assert "aten::conv2d" in inside
    assert {event["name"] for event in trace if event["ph"] == "M"} == {"process_name", "thread_name"}
    with pytest.raises(UsageError, match="has no events"):
        netscope.summary(nn.Linear(2, 2), input="2").to_chrome_trace()


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "adam"])
def test_training_has_phases_and_layers_both_passes(optimizer: str) -> None:
    report = netscope.profile(Branches(), input="3x16x16", batch=4, train=True, optimizer=optimizer, **QUICK)
    timing = report.timing
    assert timing.called.phases == ("forward", "backward", "optimizer")
    assert timing.optimizer == optimizer
    assert report.training
    for path in ("parts.0", "parts.1", "head", "(functional)"):
        assert report[path].timing.own.forward > 0
        assert report[path].timing.own.backward > 0
    parts = timing.reconciliation
    assert parts.optimizer > 0
    assert parts.layers / (parts.layers + parts.unattributed) > 0.95
    assert timing.forward_seconds < timing.median
    # 4 x 256 positions of 3 x 9 x 4, and 4 samples of 4 x 5; the picture itself needs no gradient
    conv, head = 4 * 256 * 108, 4 * 20
    assert timing.work == StepWork(conv + head, conv + 2 * head)
    assert report.flops_per_second == 2 * timing.work.macs / timing.median
    assert "forward" in str(report)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("how", ["eval", "train", "channels last"])
@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_users_module_comes_back_as_it_was(name: str, how: str) -> None:
    make, inputs = MODELS[name]
    model, args = with_gradients(make()), inputs()
    before, before_args, process = state_of(model), state_of(args), process_state()
    threads = torch.get_num_threads()
    # What raises, what keeps what its backward needs, and what is lazy, cannot be trained or run at all.
    with contextlib.suppress(TraceError, UsageError):
        netscope.profile(
            model, args=args, train=how == "train", channels_last=how == "channels last", threads=1, **QUICK
        )
    assert same(state_of(model), before)
    assert same(state_of(args), before_args)
    assert same(process_state(), process)
    assert torch.get_num_threads() == threads


def test_layers_that_ran_inside_a_fused_kernel_have_no_time_of_their_own() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    report = netscope.profile(layer, args=(torch.randn(2, 5, 8),), **{**QUICK, "device_spec": "h200"})
    assert report["self_attn"].timing is None
    # The kernel's time and all that it had to do stand in one row.
    row = report["(functional)"]
    assert row.timing.own.forward == pytest.approx(report.root.timing.seconds)
    assert row.roof.own_seconds == pytest.approx(report.bound)
    assert report.bound == pytest.approx(sum(one.roof.own_seconds for one in report.layers))
    assert "layers ran inside a kernel of one around" in str(report)
    assert report.root.timing.seconds > 0
    assert report.root.timing.seconds == pytest.approx(report.timing.reconciliation.layers)
    assert "?" in str(report)


def test_shared_layers_have_a_row_for_each_place() -> None:
    report = netscope.profile(m.shared_linear(), args=(torch.randn(1, 10),), **QUICK)
    called = [layer for layer in report.layers if layer.type == "Linear"]
    assert len(called) > 1
    assert all(layer.timing.seconds > 0 for layer in called)


def test_a_network_by_name_gets_weights_quickly_and_in_the_dtype() -> None:
    report = netscope.profile("lenet", dtype="bf16", batch=2, threads=1, **QUICK)
    assert (report.timing.dtype, report.timing.threads) == ("bf16", 1)
    assert report.inputs[0].dtype == "bfloat16"
    assert report.params == netscope.summary("lenet").params


@pytest.mark.whole
def test_calibration_finds_what_the_machine_can_do() -> None:
    report = netscope.profile("lenet", **{**QUICK, "device_spec": "auto"})
    assert report.roof.peak > 1e6
    assert report.roof.bandwidth > 1e6
    assert report.roof.source.startswith("measured here")
    assert report["features.conv1"].roof.seconds > 0


def test_a_roofline_needs_no_machine() -> None:
    report = netscope.roofline("alexnet", "h200", dtype="bf16", input="3x227x227")
    assert report.timing is None
    assert report.roof.dtype == "bf16"
    fc6 = report["classifier.fc6"]
    # Weights of 4096 × 9216 and a bias, 9216 inputs, 4096 outputs, two bytes each.
    moved = 2 * (4096 * 9216 + 4096 + 9216 + 4096)
    assert fc6.roof.moved_bytes == moved
    assert fc6.roof.seconds == pytest.approx(moved / 4.8e12)
    assert fc6.roof.limited_by == "memory"
    assert report.bound == pytest.approx(sum(layer.roof.own_seconds for layer in report.layers))
    assert "a lower bound" in str(report) or "lower bound" in str(report)
    assert netscope.roofline(report) is report


def test_looking_up_a_table_moves_the_rows_and_not_the_table() -> None:
    net = nn.Embedding(1000, 8)
    report = netscope.roofline(net, "h200", args=(torch.zeros(2, 5, dtype=torch.int64),))
    assert report.root.roof.moved_bytes == 10 * 8 + 2 * (10 * 8 * 4)


def test_causal_attention_is_bounded_by_the_half_that_it_needs() -> None:
    class Attention(nn.Module):
        def __init__(self, causal: bool) -> None:
            super().__init__()
            self.causal = causal

        def forward(self, q: Tensor) -> Tensor:
            return nn.functional.scaled_dot_product_attention(q, q, q, is_causal=self.causal)

    spec = netscope.TensorSpec((1, 1, 4096, 64))
    whole = netscope.roofline(Attention(False), "h200", args=(spec,))
    half = netscope.roofline(Attention(True), "h200", args=(spec,))
    assert whole.root.roof.limited_by == half.root.roof.limited_by == "compute"
    assert half.bound == pytest.approx(whole.bound / 2, rel=0.01)


def test_what_makes_no_sense_is_refused_in_one_line() -> None:
    net = nn.Linear(2, 2)
    for how, said in (
        ({"threads": 0}, "0 threads"),
        ({"cuda_graph": True, "train": True}, "not replayed as a graph"),
        ({"cuda_graph": True}, "nothing is replayed as a graph on cpu"),
        ({"cuda_graph": True, "compile": True}, "two ways"),
        ({"dtype": "int8"}, "steps in int8"),
        ({"dtype": "bf16"}, "dtype= is for models built from a name"),
        ({"dtype": "tf32"}, "does not compute in tf32"),
        ({"warmup": -1.0}, "must be seconds"),
        ({"min_time": 3.0, "max_time": 2.0}, "is more than the most"),
        ({"device_spec": "h2000"}, "no device is named"),
        ({"batch": []}, "whole numbers"),
        ({"batch": [0]}, "whole numbers"),
        ({"optimizer": "lion", "train": True}, "no optimizer is named"),
        ({"optimizer": "sgd"}, "an optimizer is of training steps"),
        ({"device": "tpu"}, "cannot be measured"),
    ):
        with pytest.raises(UsageError, match=said):
            netscope.profile(net, input="2", **{**QUICK, **how})
    with pytest.raises(UsageError, match="arguments have their batch"):
        netscope.profile(net, args=(torch.ones(1, 2),), batch=[1, 2], **QUICK)
    with pytest.raises(UsageError, match="on meta"):
        netscope.profile(nn.Linear(2, 2, device="meta"), input="2", **QUICK)
    with pytest.raises(UsageError, match="which machine"):
        netscope.roofline(net, input="2")


def test_weights_that_do_not_fit_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    from netscope.trace import memory

    monkeypatch.setattr(memory, "free_memory", lambda: 2**10)
    with pytest.raises(TraceError, match=r"the weights take 241 KiB, and 1\.00 KiB are free") as caught:
        netscope.profile("lenet", **QUICK)
    assert "roofline" in caught.value.hint


def test_tf32_is_of_fp32_alone() -> None:
    half = nn.Linear(2, 2).bfloat16()
    with pytest.raises(UsageError, match="tf32 is a way to multiply fp32"):
        netscope.profile(half, args=(torch.ones(1, 2).bfloat16(),), dtype="tf32", **QUICK)


@pytest.mark.whole
def test_the_process_is_as_it_was_and_the_compiler_not_imported() -> None:
    program = (
        "import os, sys, warnings, torch, netscope\n"
        "from torch import nn\n"
        "def state(): return dict(os.environ), list(warnings.filters), 'torch._dynamo' in sys.modules\n"
        "before = state()\n"
        "how = {'device': 'cpu', 'device_spec': 'none', 'max_time': 0.05, 'warmup': 0.0}\n"
        "netscope.profile(nn.Linear(2, 2), input='2', **how)\n"
        "assert state() == before, state()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
