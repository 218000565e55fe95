"""NVIDIA's sensors, through NVML where `nvidia-ml-py` is installed. They are read; nothing is ever set."""

from __future__ import annotations

from typing import Any, Final

from netscope.timing.samples import Reading

# NVML's bits -> words. Being idle, and clocks that somebody chose, are no throttling.
_REASONS: Final[dict[int, str]] = {
    0x04: "power cap",
    0x08: "hardware slowdown",
    0x20: "too hot",
    0x40: "too hot, by hardware",
    0x80: "power brake",
}
_MEGA: Final = 1e6
_MILLI: Final = 1e-3


class Sensors:
    """Those of one GPU, found by what identifies it on its bus."""

    def __init__(self, library: Any, handle: Any) -> None:
        self._library = library
        self._handle = handle

    def reading(self) -> Reading:
        """Clocks, power, temperature and reasons for throttling, each as far as it is told."""
        nvml, ask = self._library, self._ask
        clock = ask(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM)
        top = ask(nvml.nvmlDeviceGetMaxClockInfo, nvml.NVML_CLOCK_SM)
        power = ask(nvml.nvmlDeviceGetPowerUsage)
        reasons = ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons) or 0
        return Reading(
            None if clock is None else clock * _MEGA,
            None if top is None else top * _MEGA,
            None if power is None else power * _MILLI,
            ask(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
            tuple([word for bit, word in _REASONS.items() if reasons & bit]),
        )

    def driver(self) -> str | None:
        """The driver's version."""
        try:
            version = self._library.nvmlSystemGetDriverVersion()
        except self._library.NVMLError:
            return None
        return version.decode() if isinstance(version, bytes) else str(version)

    def _ask(self, question: Any, *about: Any) -> Any:
        try:
            return question(self._handle, *about)
        except self._library.NVMLError:  # not told by this GPU, or not to this user
            return None


def sensors(uuid: str) -> Sensors | None:
    """The sensors of the GPU with that UUID ("GPU-..."); None without the library, or where it finds none."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        return Sensors(pynvml, pynvml.nvmlDeviceGetHandleByUUID(uuid))
    except pynvml.NVMLError:
        return None
