"""The profiler's traces as events: a processor's for real, a GPU's as it is written."""

from __future__ import annotations

import os

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from netscope.machine.timing.attribution import attribute
from netscope.machine.timing.backends.common import kineto
from netscope.machine.timing.backends.cpu import Cpu
from netscope.machine.timing.scopes import layers_marked, recorded
from netscope.machine.timing.steps import Inference, Training
from netscope.report.measured.breakdown import LayerTime
from tests import models as m


def gpu_slice(category: str, name: str, start: float, length: float, tid: int = 10, **args: object) -> dict:
    where = {"pid": 1, "tid": tid, "ts": start, "dur": length}
    return {"ph": "X", "cat": category, "name": name, **where, "args": args}


# One training step of one convolution on a GPU, as torch.profiler writes it; times in microseconds.
GPU = [
    {"ph": "M", "name": "process_name", "pid": 1, "tid": 0, "ts": 0, "args": {"name": "python"}},
    gpu_slice("Trace", "PyTorch Profiler (0)", 1000, 500, tid=99),
    gpu_slice("user_annotation", "netscope step", 1000, 400),
    gpu_slice("cpu_op", "netscope phase forward", 1001, 60),
    gpu_slice("cpu_op", "netscope layer conv", 1002, 50),
    gpu_slice(
        "cpu_op", "aten::conv2d", 1003, 40, **{"External id": 3, "Sequence number": 7, "Fwd thread id": 0}
    ),
    gpu_slice("cuda_runtime", "cudaLaunchKernel", 1010, 5, correlation=41, **{"External id": 3}),
    gpu_slice("kernel", "implicit_gemm", 1030, 100, tid=7, correlation=41, stream=7, device=0),
    gpu_slice("gpu_user_annotation", "netscope step", 1030, 300, tid=7),
    gpu_slice("ac2g", "ac2g", 1030, 1, tid=7),
    gpu_slice("cpu_op", "netscope phase backward", 1062, 330),
    gpu_slice(
        "cpu_op",
        "autograd::engine::evaluate_function: ConvolutionBackward0",
        1100,
        30,
        tid=11,
        **{"Sequence number": 7, "Fwd thread id": 1},
    ),
    gpu_slice("cuda_driver", "cuLaunchKernelEx", 1105, 4, tid=11, correlation=42),
    gpu_slice("kernel", "dgrad", 1140, 150, tid=7, correlation=42, stream=7),
    gpu_slice("cuda_runtime", "cudaMemsetAsync", 1115, 4, tid=11, correlation=43),
    gpu_slice("gpu_memset", "Memset (Device)", 1290, 10, tid=7, correlation=43, stream=7),
    gpu_slice("cuda_runtime", "cudaDeviceSynchronize", 1200, 195, correlation=44),
    gpu_slice("overhead", "Buffer Flush", 1300, 20, tid=11),
]


def test_a_gpus_kernels_go_to_the_layers_that_launched_them():
    events = kineto.read(GPU)
    assert {event.kind for event in events} == {"step", "phase", "layer", "operator", "launch", "device"}
    found = attribute(events, on_device=True)
    assert found.layers == {
        "conv": LayerTime(pytest.approx(100e-6), pytest.approx(160e-6), 1, 2),
    }
    assert found.span == pytest.approx(400e-6)
    assert found.busy == pytest.approx(260e-6)
    assert found.share == 1


def test_threads_are_told_apart_by_the_numbers_of_their_nodes():
    (node,) = [event for event in kineto.read(GPU) if event.forward_lane >= 0]
    assert (node.lane, node.forward_lane, node.sequence) == (11, 10, 7)


def test_the_profiler_at_hand_writes_what_is_read():
    """The host's half of a recording, by the names that the planted GPU's has."""
    module = nn.Linear(4, 4)

    def run() -> None:
        module(torch.ones(2, 4, requires_grad=True)).sum().backward()

    raws = kineto._traced(run)["traceEvents"]
    operators = [raw for raw in raws if raw.get("cat") == "cpu_op"]
    assert all({"ph", "name", "pid", "tid", "ts", "dur", "args"} <= raw.keys() for raw in operators)
    numbers = [raw["args"]["External id"] for raw in operators]
    assert len(set(numbers)) == len(numbers) > 3
    assert all(isinstance(number, int) for number in numbers)
    nodes = [
        raw for raw in operators if "evaluate_function" in raw["name"] and "Sequence" in str(raw["args"])
    ]
    assert nodes
    assert all(raw["args"]["Fwd thread id"] > 0 for raw in nodes)


def test_time_begins_on_the_hosts_clock():
    lost = gpu_slice("kernel", "without a time", 0, 0, tid=7, correlation=41, stream=7)
    events = kineto.read([*GPU, lost])
    (step,) = [event for event in events if event.kind == "step"]
    assert step.start == 0
    assert attribute(events, on_device=True).layers["conv"].forward == pytest.approx(100e-6)


def test_a_trace_of_nothing_has_no_events():
    assert kineto.read(GPU[:2]) == ()


class Twice(nn.Module):
    """Work in the network itself, a layer that is called twice, one in a plain list, one checkpointed."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Linear(16, 16)
        self.block = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16))
        self.hidden = [nn.Linear(16, 16)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.shared(self.shared(x))
        x = checkpoint(self.block, x, use_reentrant=False)
        return self.hidden[0](x) * 2


PATHS = {"", "shared", "block.0", "block.1", "block.2", "hidden.0"}


def test_a_processors_forward_and_backward_are_attributed():
    module = Twice()
    step = Training(module, (torch.randn(4, 16, requires_grad=True),), {})
    for _, run in step.phases:
        run()
    found = attribute(recorded(step, module, Cpu(), 2), on_device=False)
    assert found.layers.keys() == PATHS
    assert found.share is not None
    assert found.share > 0.9
    assert all(layer.forward > 0 for layer in found.layers.values())
    assert all(layer.backward > 0 for layer in found.layers.values())
    assert found.layers["block.0"].backward_kernels > found.layers["shared"].forward_kernels
    assert found.optimizer > 0
    assert found.reconciled(found.span).residual == pytest.approx(0, abs=1e-9)


def test_no_layer_has_a_backward_without_training():
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    found = attribute(
        recorded(Inference(module, (torch.randn(2, 4),), {}), module, Cpu(), 2), on_device=False
    )
    assert found.layers.keys() <= {"", "0", "1"}
    assert all(layer.backward == 0 for layer in found.layers.values())
    assert found.share == 1


def test_recording_leaves_no_trace():
    module = Twice()
    environment = dict(os.environ)
    seen = []

    class Looks(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append("_compiled_call_impl" in vars(nn.Module))
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        recorded(Inference(Looks(), (torch.randn(1),), {}), module, Cpu(), 1)
    assert nn.Module._compiled_call_impl is None
    assert dict(os.environ) == environment
    assert seen == [True]


def test_without_the_cheap_ranges_others_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr("torch._C._profiler._RecordFunctionFast")
    module = Twice()
    step = Training(module, (torch.randn(4, 16),), {})
    found = attribute(recorded(step, module, Cpu(), 1), on_device=False)
    assert found.layers.keys() == PATHS
    assert found.optimizer > 0


def test_a_module_that_is_shared_goes_by_the_name_of_its_place():
    module = m.shared_linear()
    x = torch.randn(1, 10)
    with layers_marked(module):
        events = kineto.record(lambda: module(x))
    assert [event.name for event in events if event.kind == "layer"] == ["", "0", "0.0", "1", "1.0"]


def test_peak_memory_is_that_of_the_largest_moment():
    x = torch.randn(256, 256)  # 256 KiB

    def run() -> torch.Tensor:
        one = x + 1
        two = one * 2
        del one
        return two.sum()

    peak = Cpu().peak_memory(run)
    assert peak is not None
    assert 2 * 2**18 <= peak < 2 * 2**18 + 1024
