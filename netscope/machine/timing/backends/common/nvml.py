"""NVIDIA's sensors, through NVML where `nvidia-ml-py` is installed. They are read; nothing is ever set."""

from __future__ import annotations

from typing import Any, Final

from netscope.report.measured.samples import Reading

# NVML's bits -> words. Being idle, and clocks that somebody chose, are no throttling.
_REASONS: Final[dict[int, str]] = {
    0x04: "power cap",
    0x08: "hardware slowdown",
    0x20: "too hot",
    0x40: "too hot, by hardware",
    0x80: "power brake",
}
# The same question by its name of today, and by that of old versions.
_ASK_REASONS: Final = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
# A whole GPU, and a part of one.
_PREFIXES: Final = ("GPU-", "MIG-")
_MEGA: Final = 1e6
_MILLI: Final = 1e-3


class Sensors:
    """Those of one GPU.

    A part of a GPU (MIG) has no clock and no power of its own: `whole` is asked for these.
    """

    def __init__(self, library: Any, handle: Any, whole: Any = None) -> None:
        self._library = library
        self._handle = handle
        self._whole = handle if whole is None else whole
        names = [name for name in _ASK_REASONS if hasattr(library, name)]
        self._reasons = getattr(library, names[0]) if names else None

    def reading(self) -> Reading:
        """Clocks, power, temperature, reasons for throttling and who else is there, as far as it is told."""
        nvml, ask = self._library, self._ask
        clock = ask(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM)
        top = ask(nvml.nvmlDeviceGetMaxClockInfo, nvml.NVML_CLOCK_SM)
        power = ask(nvml.nvmlDeviceGetPowerUsage)
        reasons = (ask(self._reasons) if self._reasons else None) or 0
        return Reading(
            None if clock is None else clock * _MEGA,
            None if top is None else top * _MEGA,
            None if power is None else power * _MILLI,
            ask(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
            tuple([word for bit, word in _REASONS.items() if reasons & bit]),
            self._others(),
        )

    def driver(self) -> str | None:
        """The driver's version."""
        try:
            version = self._library.nvmlSystemGetDriverVersion()
        except self._library.NVMLError:
            return None
        return version.decode() if isinstance(version, bytes) else str(version)

    def _others(self) -> int | None:
        """Processes that compute there, less this one, which may go by another number (in a container)."""
        try:
            found = self._library.nvmlDeviceGetComputeRunningProcesses(self._handle)
        except self._library.NVMLError:
            return None
        return max(len(found) - 1, 0)

    def _ask(self, question: Any, *about: Any) -> Any:
        try:
            return question(self._whole, *about)
        except self._library.NVMLError:  # not told by this GPU, or not to this user
            return None


def sensors(uuid: str) -> Sensors | None:
    """The sensors of the GPU that torch knows by that UUID; None without the library, or where none is found.

    By the UUID and not by a number: NVML counts all GPUs, torch the visible ones, and in another order.
    """
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    for prefix in _PREFIXES:
        name = uuid if uuid.startswith(_PREFIXES) else prefix + uuid
        try:
            handle = pynvml.nvmlDeviceGetHandleByUUID(name)
            if not name.startswith("MIG-"):
                return Sensors(pynvml, handle)
            return Sensors(pynvml, handle, pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle))
        except pynvml.NVMLError:
            continue
    return None
