"""The class for GPUs itself, on one that is not there (`tests.machine.timing.gpu`)."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from netscope.base.errors import UsageError
from netscope.machine.timing.backends import backend_of
from netscope.machine.timing.backends.common import nvml, tf32
from netscope.machine.timing.backends.cuda import Cuda
from netscope.report.measured.samples import Reading
from tests.machine.timing.gpu import Event, Generator, Gpu, Graph, Stream, gpu

__all__ = ["gpu"]


@pytest.mark.parametrize(
    ("real", "fake"),
    [
        (torch.cuda.Event, Event),
        (torch.cuda.Stream, Stream),
        (torch.cuda.CUDAGraph, Graph),
        (torch.Generator, Generator),
    ],
)
def test_the_fakes_have_no_method_that_torch_has_not(real: type, fake: type) -> None:
    for name, method in vars(fake).items():
        if name.startswith("_"):
            continue
        try:
            signature = inspect.signature(getattr(real, name))
        except ValueError:  # written in C
            continue
        assert list(inspect.signature(method).parameters) == list(signature.parameters)


def test_torch_has_what_is_told_of_a_capture_that_broke_off() -> None:
    assert callable(getattr(torch._C, "_cuda_endAllocateToPool", None)) or not torch.version.cuda


def test_it_is_described(gpu: Gpu) -> None:
    device = backend_of("cuda:1").device()
    assert (device.target, device.name, device.memory) == ("cuda:1", "NVIDIA H200", gpu.total)
    assert dict(device.details)["torch"] == torch.__version__
    assert dict(device.details)["sensors"].startswith("none")
    assert Cuda(0).dtypes() == {"fp32", "tf32", "bf16", "fp16"}


def test_without_a_number_it_is_torchs_current_one(gpu: Gpu) -> None:
    gpu.current = 1
    assert backend_of("cuda").device().target == "cuda:1"
    assert backend_of("cuda:0").device().target == "cuda:0"
    with pytest.raises(UsageError, match="there is no cuda:2") as caught:
        backend_of("cuda:2")
    assert caught.value.hint == "use cuda:0 to cuda:1"


def test_a_gpu_that_cannot_be_used_is_an_error_for_people(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(device: object = None) -> Any:
        raise RuntimeError("The NVIDIA driver on your system is too old (found version 12000).\nPlease")

    monkeypatch.setattr(torch.cuda, "get_device_properties", fails)
    with pytest.raises(UsageError, match="torch cannot use the GPU: The NVIDIA driver") as caught:
        Cuda()
    assert "Please" not in str(caught.value)


def test_it_is_torchs_current_gpu_while_it_is_measured(gpu: Gpu) -> None:
    with suppress(ValueError), Cuda(1).steady(None):
        assert gpu.current == 1
        raise ValueError
    assert gpu.current == 0


def test_marks_are_made_before_they_are_timed(gpu: Gpu) -> None:
    backend = Cuda(0)
    backend.expect(2)
    start = backend.mark()
    gpu.launch("kernel", 1e-3)
    end = backend.mark()
    backend.synchronize()
    assert backend.between(start, end) == pytest.approx(1e-3, rel=0.01)
    assert backend._made == []
    backend.mark()  # one more than was told


def test_a_graph_replays_what_it_captured(gpu: Gpu) -> None:
    backend = Cuda(1)
    with backend.steady(None):
        replay = backend.captured(lambda: gpu.launch("kernel", 3e-3, host=1e-2))
        assert replay is not None
        start = gpu.now
        replay()
        backend.synchronize()
    assert gpu.now - start == pytest.approx(3e-3, rel=0.01)
    assert (gpu.stream, gpu.current, gpu.sync_mode) == (0, 0, 0)


def test_what_waits_is_found_out_before_a_capture(gpu: Gpu) -> None:
    calls = []

    def run() -> None:
        calls.append(gpu.graph)
        gpu.wait()

    with Cuda(0).steady(None):
        assert Cuda(0).captured(run) is None
    assert calls == [None] * 3  # never in a capture
    assert (gpu.stream, gpu.sync_mode) == (0, 0)


def test_a_capture_that_breaks_off_leaves_nothing_behind(gpu: Gpu) -> None:
    def run() -> None:
        if gpu.graph is not None:
            gpu.broken = True
            raise ValueError("not while a graph is captured")

    with Cuda(0).steady(None):
        assert Cuda(0).captured(run) is None
    assert gpu.stream == 0
    assert not gpu.generators[0].capturing


def test_memory_that_ends_in_a_capture_is_no_refusal(gpu: Gpu) -> None:
    def run() -> None:
        if gpu.graph is not None:
            gpu.broken = True  # so that leaving the capture raises another error
            gpu.allocate(2 * gpu.total)

    backend = Cuda(0)
    with backend.steady(None), pytest.raises(RuntimeError) as caught:
        backend.captured(run)
    assert backend.out_of_memory(caught.value)


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("CUDA error: out of memory\nCompile with `TORCH_USE_CUDA_DSA`"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
        (ValueError("out of memory"), False),
        (MemoryError(), True),
    ],
)
def test_errors_of_memory_are_told_from_others(gpu: Gpu, error: Exception, full: bool) -> None:
    backend = Cuda(0)
    assert backend.out_of_memory(error) is full
    outer = KeyError("somewhere")
    outer.__cause__ = error
    assert backend.out_of_memory(outer) is full


def test_peak_memory_is_what_a_step_adds(gpu: Gpu) -> None:
    gpu.allocate(1000)

    def run() -> None:
        gpu.allocate(70)
        gpu.allocated -= 70

    assert Cuda(0).peak_memory(run) == 70


WAYS: dict[str, Callable[[], None]] = {
    "as imported": lambda: None,
    "products, the old way": lambda: setattr(torch.backends.cuda.matmul, "allow_tf32", True),
    "convolutions, the old way": lambda: setattr(torch.backends.cudnn, "allow_tf32", False),
    "medium": lambda: torch.set_float32_matmul_precision("medium"),
    "products, the new way": lambda: setattr(torch.backends.cuda.matmul, "fp32_precision", "tf32"),
    "convolutions, the new way": lambda: setattr(torch.backends.cudnn.conv, "fp32_precision", "ieee"),
}


def settings() -> dict[str, str]:
    places = (torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.mkldnn.matmul)
    found = {str(i): place.fp32_precision for i, place in enumerate(places)}
    questions: dict[str, Callable[[], object]] = {
        "products": lambda: torch.backends.cuda.matmul.allow_tf32,
        "convolutions": lambda: torch.backends.cudnn.allow_tf32,
        "precision": torch.get_float32_matmul_precision,
    }
    for name, question in questions.items():
        try:
            found[name] = str(question())
        except RuntimeError:
            found[name] = "refused"
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rounded", [True, False])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_rounding_is_set_and_put_back_however_it_was_set(way: str, rounded: bool) -> None:
    with tf32.allowed(False):  # puts back what this test sets
        pass
    before = settings()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with tf32.allowed(rounded):
            pass
    outer = settings()
    assert outer == before
    with _as_it_was():
        WAYS[way]()
        before = settings()
        with tf32.allowed(rounded):
            wanted = "tf32" if rounded else "ieee"
            assert torch.backends.cuda.matmul.fp32_precision == wanted
            assert torch.backends.cudnn.conv.fp32_precision == wanted
            if before["convolutions"] != "refused":
                with torch.backends.cudnn.flags(enabled=True):  # as networks do
                    pass
        assert settings() == before


def _as_it_was() -> Any:
    return tf32.allowed(False)


class Nvml:
    """As much of pynvml as is asked for; one GPU with a part of it."""

    NVML_CLOCK_SM, NVML_TEMPERATURE_GPU = 1, 0

    class NVMLError(Exception):
        pass

    def __init__(self, known: dict[str, str], processes: int = 1) -> None:
        self.known, self.processes = known, processes

    def nvmlInit(self) -> None:
        pass

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        if uuid not in self.known:
            raise self.NVMLError
        return self.known[uuid]

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, handle: str) -> str:
        return "whole"

    def nvmlDeviceGetClockInfo(self, handle: str, kind: int) -> int:
        if handle == "part":
            raise self.NVMLError
        return 1980

    def nvmlDeviceGetMaxClockInfo(self, handle: str, kind: int) -> int:
        return self.nvmlDeviceGetClockInfo(handle, kind)

    def nvmlDeviceGetTemperature(self, handle: str, kind: int) -> int:
        return self.nvmlDeviceGetClockInfo(handle, kind)

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:
        raise self.NVMLError

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle: str) -> int:
        return 0x4

    def nvmlDeviceGetComputeRunningProcesses(self, handle: str) -> list[object]:
        return [SimpleNamespace(pid=n) for n in range(self.processes)]


@pytest.mark.parametrize("uuid", ["GPU-u", "MIG-u"])
def test_sensors_are_found_by_the_uuid_of_a_gpu_or_a_part(uuid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Nvml({uuid: "part" if "MIG" in uuid else "whole"}))
    for told in ("u", uuid):
        sensors = nvml.sensors(told)
        assert sensors is not None
        reading = sensors.reading()
        assert reading.clock == 1.98e9
        assert reading.power is None
        assert reading.throttled == ("power cap",)
    assert nvml.sensors("another") is None


@pytest.mark.parametrize(("processes", "others"), [(0, 0), (1, 0), (3, 2)])
def test_others_are_counted_without_this_process(processes: int, others: int) -> None:
    assert nvml.Sensors(Nvml({}, processes), "whole").reading() == Reading(
        1.98e9, 1.98e9, None, 1980, ("power cap",), others
    )
