"""The whole of `netscope.profile(..., device="cuda")` on a GPU that is not there (`machine.timing.gpu`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import netscope
from netscope.base.errors import TraceError, UsageError
from netscope.machine.timing.backends.cuda import Cuda
from netscope.report.measured.samples import Reading
from netscope.trace.here import here
from tests.machine.timing.gpu import GAP, LAUNCH, MARK, Gpu, Layer, gpu

__all__ = ["gpu"]

ROOT = Path(__file__).parents[3]
QUICK: dict[str, Any] = {"device": "cuda", "device_spec": "none", "warmup": 0.0, "max_time": 0.5}


def net(gpu: Gpu, *layers: Layer) -> nn.Sequential:
    return nn.Sequential(*(layers or (Layer(gpu, 2e-3, 4e-3), Layer(gpu, 1e-3, 1e-3))))


def test_every_pass_finds_what_was_planted(gpu: Gpu) -> None:
    report = netscope.profile(net(gpu), input="4", batch=2, **QUICK)
    timing = report.timing
    kernels = 3e-3
    # From rest: the first launch, the kernels, and being told.
    assert timing.median == pytest.approx(kernels + LAUNCH + GAP + MARK)
    assert timing.called.on_device is None  # no mark was set in what is timed
    assert timing.queued.median == pytest.approx(kernels + 2 * GAP)
    assert timing.back_to_back.median == pytest.approx(kernels + 2 * GAP, rel=1e-3)
    assert timing.replayed.median == pytest.approx(kernels + 2 * LAUNCH + MARK)
    assert timing.launch_bound is False
    parts = timing.reconciliation
    assert parts.layers == pytest.approx(kernels)
    assert parts.explained == pytest.approx(parts.end_to_end)
    assert report["0"].timing.own.forward == pytest.approx(2e-3)
    assert report["0"].timing.kernels == 1
    assert timing.device.target == "cuda:0"
    assert (timing.threads, timing.doubts) == (None, ())
    assert gpu.log[-1] == "emptied"


def test_instruments_that_slow_the_host_do_not_count_as_idling(gpu: Gpu) -> None:
    gpu.slower = 5.0
    slow = [Layer(gpu, 1e-5, host=1e-4) for _ in range(10)]
    timing = netscope.profile(net(gpu, *slow), input="4", **QUICK).timing
    parts = timing.reconciliation
    assert timing.launch_bound is True
    assert parts.instrumented > 4 * parts.end_to_end
    assert parts.layers == pytest.approx(1e-4)
    assert parts.idle == pytest.approx(parts.end_to_end - 1e-4)
    assert parts.residual == pytest.approx(0, abs=1e-12)


def test_forward_backward_and_optimizer_of_training(gpu: Gpu) -> None:
    report = netscope.profile(net(gpu), input="4", train=True, **QUICK)
    timing = report.timing
    assert timing.called.phases == ("forward", "backward", "optimizer")
    assert timing.called.phase("forward").median == pytest.approx(3e-3, rel=0.01)
    assert timing.called.phase("backward").median == pytest.approx(5e-3, rel=0.01)
    assert timing.queued.median == pytest.approx(8e-3, rel=0.01)
    assert (timing.replayed, timing.launch_bound) == (None, None)
    own = [report[path].timing.own for path in ("0", "1")]
    assert [time.forward for time in own] == pytest.approx([2e-3, 1e-3])
    assert [time.backward for time in own] == pytest.approx([4e-3, 1e-3])
    assert timing.reconciliation.unattributed == 0


def test_cold_caches_are_written_over_before_each_step(gpu: Gpu) -> None:
    filled = []
    launch = gpu.launch

    def seen(name: str, seconds: float, host: float = 0.0) -> None:
        filled.append(name)
        launch(name, seconds, host)

    gpu.launch = seen  # type: ignore[method-assign]
    timing = netscope.profile(net(gpu), input="4", cold_cache=True, **QUICK).timing
    assert timing.cold
    assert filled.count("fill") > len(timing.called.samples)
    # The fill is no part of what is timed, nor has it a layer.
    assert timing.median == pytest.approx(3e-3 + LAUNCH + GAP + MARK)
    assert timing.queued.median == pytest.approx(3e-3 + 2 * GAP)
    assert timing.back_to_back is None
    assert timing.unattributed == ()
    assert "cold caches" in str(netscope.profile(net(gpu), input="4", cold_cache=True, **QUICK))


def test_a_graph_is_the_latency_that_was_asked_for_and_is_reconciled(gpu: Gpu) -> None:
    slow = [Layer(gpu, 1e-5, host=1e-4) for _ in range(10)]
    timing = netscope.profile(net(gpu, *slow), input="4", cuda_graph=True, **QUICK).timing
    assert timing.median == pytest.approx(1e-4 + 2 * LAUNCH + MARK)
    assert timing.reconciliation.end_to_end == timing.median
    with pytest.raises(UsageError, match="nothing is replayed as a graph on cpu"):
        netscope.profile("lenet", device="cpu", cuda_graph=True)


def test_what_reads_a_figure_back_is_measured_without_a_graph(gpu: Gpu) -> None:
    class Reads(Layer):
        def forward(self, x: Tensor) -> Tensor:
            out = super().forward(x)
            if here.recorder is None:
                self.gpu().wait()
            return out

    timing = netscope.profile(net(gpu, Reads(gpu, 1e-3)), input="4", **QUICK).timing
    assert timing.replayed is None
    assert timing.median > 1e-3
    with pytest.raises(UsageError, match="cannot be captured as a CUDA graph"):
        netscope.profile(net(gpu, Reads(gpu, 1e-3)), input="4", cuda_graph=True, **QUICK)


def test_kernels_that_the_profiler_loses_do_not_become_idling(gpu: Gpu) -> None:
    gpu.loses = 7  # more than the steps before those that count have
    report = netscope.profile(net(gpu), input="4", **QUICK)
    assert report.timing.reconciliation.layers == pytest.approx(3e-3)
    assert report.timing.doubts == ()
    gpu.loses = 10**6  # all of them, as far as this test can tell
    assert "the profiler saw nothing of the device" in str(netscope.profile(net(gpu), input="4", **QUICK))


def test_a_slowed_gpu_is_read_while_it_works(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks at rest finds a clock that nothing holds down."""

    def reading(self: Cuda) -> Reading:
        busy = gpu.now < max(gpu.free.values())
        return Reading(1.2e9 if busy else 1.98e9, throttled=("power cap",) if busy else (), others=2)

    monkeypatch.setattr(Cuda, "reading", reading)
    text = str(netscope.profile(net(gpu), input="4", **QUICK))
    assert "in a queue of steps clock dropped to 1,200 MHz" in text
    assert "(power cap)" in text
    assert "the device is shared: 2 other processes have it open" in text


def test_a_profiler_that_may_not_look_is_said_to_be_so(gpu: Gpu) -> None:
    gpu.blind = True
    report = netscope.profile(net(gpu), input="4", **QUICK)
    assert report.timing.median == pytest.approx(3e-3, rel=0.01)
    assert report.timing.reconciliation is None
    assert report["0"].timing is None
    assert any("CUPTI" in text for text in report.timing.remarks)


def test_memory_that_ends_ends_the_curve_and_is_given_back(gpu: Gpu) -> None:
    big = Layer(gpu, 1e-3, 1e-3, each=2**30)
    curve = netscope.profile(net(gpu, big), input="4", batch=[64, 128, 256], **QUICK)
    assert ([timing.batch for timing in curve], curve.too_large) == ([64, 128], 256)
    assert curve[64].peak_memory == 64 * 2**30
    assert gpu.allocated == 0
    with pytest.raises(TraceError, match=r"the memory of NVIDIA H200 \(cuda:0\) does not suffice"):
        netscope.profile(net(gpu, big), input="4", batch=256, train=True, **QUICK)


def test_the_module_is_as_it_was_also_after_a_failure(gpu: Gpu) -> None:
    module = net(gpu, Layer(gpu, 1e-3, each=2**40))
    before = module[0].weight.clone()
    for train in (False, True):
        with pytest.raises(TraceError):
            netscope.profile(module, input="4", train=train, **QUICK)
    assert torch.equal(module[0].weight, before)
    assert module[0].weight.grad is None
    assert (gpu.stream, gpu.current, gpu.sync_mode) == (0, 0, 0)


def test_the_second_gpu_is_the_one_that_is_measured(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netscope.machine.profiling.run.device_of", lambda module: "cuda:1")
    timing = netscope.profile(net(gpu), input="4", **{**QUICK, "device": "cuda:1"}).timing
    assert timing.device.target == "cuda:1"
    assert timing.replayed is not None
    assert gpu.current == 0


COMMAND = """
import sys
import pytest
from tests.machine.timing.gpu import Gpu, install, works
gpu = Gpu()
install(gpu, pytest.MonkeyPatch())
works(gpu, 1e-3)
from netscope.cli import main
from netscope.trace.here import here
sys.exit(main())
"""


@pytest.mark.whole
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], ["cuda:0: NVIDIA H200", "launches", "on the device", "Conv2d"]),
        (["--cold-cache", "--dtype", "tf32"], ["cold caches", "tf32"]),
        (["--batch", "1,2"], ["samples/s"]),
        (["--cuda-graph"], ["replayed as a graph"]),
    ],
)
def test_the_command(options: list[str], said: list[str]) -> None:
    arguments = ["profile", "lenet", "--device", "cuda", "--max-time", "0.1", "--warmup", "0", *options]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    for text in said:
        assert text in done.stdout
