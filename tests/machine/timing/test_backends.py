"""The machines at hand, as far as they can be had without a GPU."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from netscope.base.errors import UsageError
from netscope.machine.timing.backend import Backend
from netscope.machine.timing.backends import backend_of, kinds
from netscope.machine.timing.backends.common import nvml
from netscope.machine.timing.backends.cpu import Cpu
from netscope.machine.timing.backends.cuda import Cuda
from netscope.report.measured.samples import Reading
from tests.machine.timing.fake import FakeBackend

ROOT = Path(__file__).parents[3]


def members(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


@pytest.mark.parametrize("kind", [Cpu, Cuda, FakeBackend])
def test_every_machine_does_what_the_protocol_says(kind: type):
    wanted = members(Backend) | Backend.__annotations__.keys()
    instance = Cpu() if kind is Cpu else kind if kind is Cuda else kind()
    assert {name for name in wanted if not hasattr(instance, name)} <= {"clock"}
    assert wanted - members(kind) <= {"clock", "name", "asynchronous"}


def test_what_needs_no_torch_does_not_import_it():
    modules = "attribution backend backends chrome curve devices measure meter roofline"
    imports = ", ".join(f"netscope.machine.timing.{name}" for name in modules.split())
    check = "assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", f"import sys, {imports}; {check}"], check=True, cwd=ROOT)


def test_machines_are_found_by_torchs_names():
    assert kinds() == ["cpu", "cuda"]
    assert isinstance(backend_of("cpu"), Cpu)
    for wrong in ("gpu", "cuda:x", ""):
        with pytest.raises(UsageError, match="cannot be measured"):
            backend_of(wrong)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_said_to_be_missing():
    with pytest.raises(UsageError, match="torch finds no GPU here"):
        backend_of("cuda")


def test_the_processor_describes_itself():
    device = Cpu().device()
    assert device.target == "cpu"
    assert device.name
    assert device.memory is None or device.memory > 2**28
    assert dict(device.details)["torch"] == torch.__version__


def test_threads_are_put_back_also_after_an_error():
    before = torch.get_num_threads()
    with suppress(ValueError), Cpu().steady(before + 3):
        assert torch.get_num_threads() == before + 3
        raise ValueError
    assert torch.get_num_threads() == before
    with Cpu().steady(None):
        assert torch.get_num_threads() == before


def test_the_injected_clock_is_the_one_that_is_read():
    ticks = iter(range(10))
    backend = Cpu(clock=lambda: float(next(ticks)))
    assert backend.between(backend.mark(), backend.mark()) == 1


def test_waiting_counts_every_thread_and_only_grows():
    backend = Cpu()
    first = backend.waited_seconds()
    if first is None:
        pytest.skip("the system does not tell")
    thread = threading.Thread(target=lambda: sum(range(100_000)))
    thread.start()
    thread.join()
    second = backend.waited_seconds()
    assert second is not None
    assert second >= 0


def test_memory_errors_are_told_from_others():
    backend = Cpu()
    assert backend.out_of_memory(MemoryError())
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.int8)
    assert backend.out_of_memory(caught.value)
    assert not backend.out_of_memory(RuntimeError("shapes differ"))


def test_writing_over_the_caches_keeps_its_memory_until_it_is_given_back():
    backend = Cpu()
    backend.flush()
    block = backend._block
    assert block is not None
    assert block.nbytes == 2**28
    backend.flush()
    assert backend._block is block
    backend.release()
    assert backend._block is None


def test_calibration_steps_do_what_they_say():
    backend = Cpu()
    copied = backend.copy(4096)()
    assert copied.numel() * copied.element_size() == 4096
    assert copied.any()
    product = backend.matmul(16, "bf16")()
    assert (product.shape, product.dtype) == ((16, 16), torch.bfloat16)
    assert product.any()
    for side in (16, 512, 1024):  # a multiplication for each weight and place: as many as the product has
        maps = backend.convolve(side, "fp32")()
        assert maps.numel() * (side // 2) * 4 == side**3


def test_precision_is_put_back():
    gpu = object.__new__(Cuda)
    places = (torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn)
    before = [place.fp32_precision for place in places]
    for dtype, precision in (("tf32", "tf32"), ("fp32", "ieee"), ("bf16", "ieee")):
        with gpu.precision(dtype):
            assert {place.fp32_precision for place in places} == {precision}
    assert [place.fp32_precision for place in places] == before


class Nvml:
    """As much of pynvml as is asked for; a GPU that does not tell its power."""

    NVML_CLOCK_SM = 1
    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        pass

    reasons = 0x1  # idle

    def nvmlDeviceGetClockInfo(self, handle: object, kind: int) -> int:
        return 1980

    def nvmlDeviceGetMaxClockInfo(self, handle: object, kind: int) -> int:
        return 1980

    def nvmlDeviceGetPowerUsage(self, handle: object) -> int:
        raise self.NVMLError

    def nvmlDeviceGetTemperature(self, handle: object, kind: int) -> int:
        return 61

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: object) -> int:
        return self.reasons

    def nvmlDeviceGetComputeRunningProcesses(self, handle: object) -> list[object]:
        raise self.NVMLError

    def nvmlSystemGetDriverVersion(self) -> bytes:
        return b"580.1"


def test_sensors_are_read_as_far_as_they_tell():
    library = Nvml()
    sensors = nvml.Sensors(library, SimpleNamespace())
    assert sensors.reading() == Reading(1.98e9, 1.98e9, None, 61, ())
    library.reasons = 0x1 | 0x4 | 0x40
    assert sensors.reading().throttled == ("power cap", "too hot, by hardware")
    assert sensors.driver() == "580.1"


def test_a_machine_without_the_library_has_no_sensors(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvml.sensors("GPU-1") is None
