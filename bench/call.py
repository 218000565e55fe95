"""One contestant in a process of its own: imports first, then two calls between clocks.

`python -m bench.call CONTESTANT MODEL [INPUT]` prints what it measured as one line of JSON. Everything
that a contestant consists of is imported before the clock starts, and what it imports all the same is
told. Nothing else is prepared: garbage is collected when Python sees fit, threads are torch's own choice.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

# Imported before the clock starts: what both sides need, then each side's own.
SHARED: Final = ("torch", "torchvision", "torchvision.models")
OWN: Final = {
    "netscope": (
        "netscope",
        "netscope.api.summary",
        "netscope.base.environment",
        "netscope.base.units",
        "netscope.sources",
        "netscope.sources.torchvision",
        "netscope.sources.huggingface",
        "netscope.sources.huggingface.opening",
        "netscope.base.meta.building",
        "netscope.trace.attempt",
        "netscope.trace.ladder",
        "netscope.trace.rungs",
        "netscope.trace.memory",
        "netscope.trace.shapes",
        "netscope.formulas",
        "netscope.report.analysis.analyze",
    ),
    "torchinfo": ("torchinfo",),
    "torchinfo-meta": ("torchinfo",),
    "bare": (),
}
# Where hf/... is to be built, and what importing that class brings along.
HUGGINGFACE: Final = ("transformers", "transformers.models.llama.modeling_llama")

# What torchinfo is given: the size that netscope's own example of these networks has.
IMAGE: Final = (1, 3, 224, 224)


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `wall` and `cpu` (user and system, all threads) are in seconds, memory is in bytes.

    over_resident:
        peak resident memory during the call, over what was resident right before it.
    over_peak:
        the same over the highest peak until then, imports included.
    collecting:
        the part of `wall` that went into collecting garbage.
    """

    wall: float
    cpu: float
    collecting: float
    over_resident: int
    over_peak: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What a child tells.

    imports:
        wall seconds that importing the contestant's own modules took, with torch and torchvision there.
    inputs:
        shapes that netscope chose; empty for torchinfo, which is given them.
    imported_meanwhile:
        modules that were imported while a clock ran.
    peak_reset:
        whether the kernel let the peak be reset before each call.
    """

    contestant: str
    model: str
    params: int
    inputs: tuple[tuple[int, ...], ...]
    imports: float
    first: Call
    second: Call
    imported_meanwhile: tuple[str, ...] = ()
    peak_reset: bool = True

    @classmethod
    def read(cls, text: str) -> Measured:
        """The inverse of what the child prints; models may print above it."""
        facts = json.loads(text.strip().splitlines()[-1])
        facts["first"], facts["second"] = Call(**facts["first"]), Call(**facts["second"])
        facts["inputs"] = tuple(map(tuple, facts["inputs"]))
        facts["imported_meanwhile"] = tuple(facts["imported_meanwhile"])
        return cls(**facts)


def main(contestant: str, model: str, input: str | None = None) -> None:
    """Measure and print."""
    for name in (*SHARED, *(HUGGINGFACE if model.startswith("hf/") else ())):
        import_module(name)
    started = time.perf_counter()
    for name in OWN[contestant]:
        import_module(name)
    imports = time.perf_counter() - started
    summarise = _CONTESTANTS[contestant](model, input)
    before = set(sys.modules)
    reset = _reset_peak()
    first, (params, inputs) = _clocked(summarise)
    second, _ = _clocked(summarise)
    new = tuple(sorted(set(sys.modules) - before))
    measured = Measured(contestant, model, params, inputs, imports, first, second, new, reset)
    print(json.dumps(asdict(measured)))


# Parameters and input shapes. The result itself is freed between the two calls, outside the clocks.
Summary = tuple[int, tuple[tuple[int, ...], ...]]


def _clocked(summarise: Callable[[], Any]) -> tuple[Call, Summary]:
    earlier_peak = _peak()
    _reset_peak()
    resident = _resident()
    with _collector() as pauses:
        cpu = time.process_time()
        wall = time.perf_counter()
        result = summarise()
        wall = time.perf_counter() - wall
        cpu = time.process_time() - cpu
    peak = _peak()
    memory = max(0, peak - resident), max(0, peak - earlier_peak)
    return Call(wall, cpu, sum(pauses), *memory), _facts(result)


@contextmanager
def _collector() -> Iterator[list[float]]:
    """Seconds of every collection of garbage meanwhile. It is left to work as it does."""
    pauses: list[float] = []
    started = 0.0

    def clock(phase: str, info: dict[str, int]) -> None:
        nonlocal started
        if phase == "start":
            started = time.perf_counter()
        else:
            pauses.append(time.perf_counter() - started)

    gc.callbacks.append(clock)
    try:
        yield pauses
    finally:
        gc.callbacks.remove(clock)


def _facts(result: Any) -> Summary:
    """Parameters and input shapes of netscope's report; of what the others return, parameters alone."""
    if hasattr(result, "total_params"):
        return result.total_params, ()
    if hasattr(result, "parameters"):
        return sum(parameter.numel() for parameter in result.parameters()), ()
    return result.params, tuple(tensor.shape for tensor in result.inputs)


def _netscope(model: str, input: str | None) -> Callable[[], Any]:
    import netscope

    return lambda: netscope.summary(model, input=input)


def _torchinfo(model: str, input: str | None) -> Callable[[], Any]:
    from torchinfo import summary
    from torchvision.models import get_model

    name = model.removeprefix("torchvision/")
    return lambda: summary(get_model(name, weights=None), IMAGE, verbose=0, device="cpu")


def _torchinfo_meta(model: str, input: str | None) -> Callable[[], Any]:
    """torchinfo at its best: neither weights nor activations exist, the model is built on meta too."""
    import torch
    from torchinfo import summary
    from torchvision.models import get_model

    name = model.removeprefix("torchvision/")

    def summarise() -> Any:
        with torch.device("meta"):
            network = get_model(name, weights=None)
            image = torch.empty(IMAGE)
        return summary(network, input_data=image, verbose=0, device="meta")

    return summarise


def _bare(model: str, input: str | None) -> Callable[[], Any]:
    """What torch alone takes to build the model on meta and to run it once; nothing is written down."""
    import torch
    from torchvision.models import get_model

    name = model.removeprefix("torchvision/")

    def run() -> Any:
        with torch.device("meta"), torch.no_grad():
            network = get_model(name, weights=None).eval()
            network(torch.empty(IMAGE))
        return network

    return run


_CONTESTANTS: Final[dict[str, Callable[[str, str | None], Callable[[], Any]]]] = {
    "netscope": _netscope,
    "torchinfo": _torchinfo,
    "torchinfo-meta": _torchinfo_meta,
    "bare": _bare,
}


def _reset_peak() -> bool:
    """Let the kernel forget the peak so far (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
        return True
    return False


def _peak() -> int:
    """Peak resident memory in bytes: the kernel's high-water mark, since the last reset.

    Not `getrusage` where the kernel says it itself: that figure outlives the reset, and a child starts with
    its parent's.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _resident() -> int:
    """Resident memory now, in bytes; where the system does not tell, the peak stands for it."""
    with suppress(OSError):
        pages = Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]
        return int(pages) * resource.getpagesize()
    return _peak()


if __name__ == "__main__":
    main(*sys.argv[1:])
