"""The GPU report: what netscope measures on a GPU, held against triton's `do_bench` and against itself.

`python -m tools.gpu_report` writes `reports/h200.md`, and `reports/h200.json` with every raw sample. It takes
torch with triton, and torchvision for two of the networks, and no network connection. Without a GPU it says
so in `reports/h200.md`, unless measured figures stand there already.

Every network is measured in a process of its own, and whatever is measured is written at once: what fails,
crashes or takes too long costs nothing else. When the time is over, the same command measures the rest.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tools.gpu_cases import BATCHES, DTYPES, MEMORY, NETWORKS, Case, Judged, MemoryCase, measured, remembered
from tools.gpu_words import markdown, unmeasured

FOLDER: Final = Path(__file__).parents[1] / "reports"
NAME: Final = "h200"

# The same networks in other ways, of which the text is shown: name -> what `netscope.profile` is told.
EXTRAS: Final[dict[str, dict[str, Any]]] = {
    "training": {"model": "torchvision/resnet50", "batch": 64, "dtype": "bf16", "train": True},
    "curve": {"model": "torchvision/resnet50", "batch": (1, 8, 32, 128, 512), "dtype": "bf16"},
    "graph": {"model": "torchvision/resnet50", "cuda_graph": True, "dtype": "bf16"},
    "tf32": {"model": "torchvision/resnet50", "batch": 64, "dtype": "tf32", "channels_last": True},
}
PARTS: Final = (*NETWORKS, "memory", "extras")
# Steps whose memory is predicted and measured, by name.
STEPS: Final[dict[str, dict[str, Any]]] = {
    f"memory {network} {amp or 'fp32'} {'training' if train else 'inference'}": {
        "network": network,
        "amp": amp,
        "train": train,
    }
    for network in MEMORY
    for amp in (None, "bf16")
    for train in (True, False)
}

# A part is not begun with less time than this; nor is a case with less than the longest so far took.
_LEAST: Final = 40.0
# What was measured before is kept where these are as they were.
_SAME: Final = ("GPU", "torch", "driver", "netscope")
Kept = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when all was measured, or nothing could be; 1 when something is missing or is kept."""
    asked = _parser().parse_args(arguments)
    if asked.child:
        return _child(asked.parts[0], Path(asked.child), asked.seconds)
    import torch

    folder = Path(asked.output)
    folder.mkdir(parents=True, exist_ok=True)
    markdown_file, raw_file = folder / f"{NAME}.md", folder / f"{NAME}.json"
    if not torch.cuda.is_available():
        if raw_file.exists():
            sys.stderr.write(f"no GPU is at hand: {markdown_file} stays as it was measured\n")
            return 1
        markdown_file.write_text(unmeasured(), encoding="utf-8")
        sys.stderr.write(f"no GPU is at hand: {markdown_file} says so\n")
        return 0
    kept = {} if asked.anew else _read(raw_file if raw_file.exists() else FOLDER / f"{NAME}.json")
    machine = describe()
    if any(kept.get("machine", {}).get(name) != machine.get(name) for name in _SAME):
        kept = {}
    wanted = asked.parts or PARTS
    if not any(_missing(part, kept) for part in wanted):
        kept = {}
    deadline = time.monotonic() + asked.seconds
    kept["machine"] = machine
    for part in wanted:
        left = deadline - time.monotonic()
        if _missing(part, kept) and left > _LEAST:
            _run(part, kept, folder, left)
            _write(kept, markdown_file, raw_file)
    _write(kept, markdown_file, raw_file)
    missing = [name for part in wanted for name in _missing(part, kept)]
    if missing:
        sys.stderr.write(f"not measured: {', '.join(missing)}; the same command measures what is missing\n")
    return 1 if missing else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.gpu_report", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--output", default=str(FOLDER), metavar="FOLDER", help="where to write")
    parser.add_argument("--seconds", type=float, default=540.0, help="begin nothing that would take longer")
    parser.add_argument("--anew", action="store_true", help="measure again what was measured")
    parser.add_argument("--child", metavar="FILE", help=argparse.SUPPRESS)
    return parser


def names(part: str) -> list[str]:
    """What belongs to a part."""
    if part == "extras":
        return list(EXTRAS)
    if part == "memory":
        return list(STEPS)
    return [Case(part, batch, dtype).name for batch in BATCHES for dtype in DTYPES]


def _missing(part: str, kept: Kept) -> list[str]:
    """What was not measured, or failed."""
    found = kept.get("found", {})
    return [name for name in names(part) if name not in found or found[name].get("error")]


def _run(part: str, kept: Kept, folder: Path, seconds: float) -> None:
    """Measure a part in a process of its own; what it wrote before it ended counts."""
    file = folder / f".{NAME}-{part.replace('/', '-')}.json"
    file.write_text(json.dumps({"found": kept.get("found", {})}), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "tools.gpu_report",
        part,
        "--seconds",
        str(seconds),
        "--child",
        str(file),
    ]
    why = ""
    try:
        code = subprocess.run(command, timeout=seconds + _LEAST / 2, check=False).returncode
        why = f"the process ended with {code}" if code else ""
    except subprocess.TimeoutExpired:
        why = "the time was over"
    found = _read(file).get("found", {})
    for name in names(part) if why else ():
        found.setdefault(name, {"error": why})
    kept["found"] = found
    file.unlink(missing_ok=True)


def _child(part: str, file: Path, seconds: float) -> int:
    """Measure what is missing of a part, and write after each."""
    began, longest = time.monotonic(), 0.0
    kept = _read(file)
    for name in _missing(part, kept):
        start = time.monotonic()
        if start - began + max(longest, _LEAST / 2) > seconds:
            break
        sys.stderr.write(f"{name}\n")
        try:
            kept["found"][name] = _found(part, name)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is written down
            kept["found"][name] = {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
            sys.stderr.write(f"  {kept['found'][name]['error']}\n")
        longest = max(longest, time.monotonic() - start)
        file.write_text(json.dumps(kept), encoding="utf-8")
    return 0


def _found(part: str, name: str) -> dict[str, Any]:
    if part == "extras":
        return _extra(name)
    return asdict(remembered(**STEPS[name])) if part == "memory" else asdict(_case(name))


def _case(name: str) -> Case:
    network, batch, dtype = name.split()
    return measured(network, int(batch), dtype)


def _extra(name: str) -> dict[str, Any]:
    """A profile in another way: its text and its raw samples."""
    from netscope import profile

    made: Any = profile(device="cuda", max_time=2.0, **EXTRAS[name])
    return {"text": str(made), "raw": json.loads(made.to_json())}


def _read(file: Path) -> Kept:
    """What was measured before; nothing where there is none, or it cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        read: Any = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(read, dict):
            return read
    return {}


def _write(kept: Kept, markdown_file: Path, raw_file: Path) -> None:
    from netscope.report.store import write_text

    found = kept.get("found", {})
    cases = [
        _as_case(network, batch, dtype, found)
        for network in NETWORKS
        for batch in BATCHES
        for dtype in DTYPES
    ]
    write_text(raw_file, json.dumps(_told_by_clocks(kept)) + "\n")
    write_text(
        markdown_file,
        markdown(
            kept["machine"],
            cases,
            {name: found.get(name, {}) for name in EXTRAS},
            {name: _as_memory(found.get(name, {"error": "the time was over"})) for name in STEPS},
        ),
    )


def _told_by_clocks(value: Any) -> Any:
    """The same with floats as far as clocks tell them, a tenth of a nanosecond: files half as long."""
    if isinstance(value, float):
        return round(value, 10) if abs(value) < 1 else value
    if isinstance(value, dict):
        return {key: _told_by_clocks(item) for key, item in value.items()}
    return [_told_by_clocks(item) for item in value] if isinstance(value, (list, tuple)) else value


def _as_case(network: str, batch: int, dtype: str, found: dict[str, Any]) -> Case:
    case = Case(network, batch, dtype)
    raw = found.get(case.name, {"error": "the time was over"})
    judged = Judged(**raw["judged"]) if raw.get("judged") else None
    return Case(network, batch, dtype, judged, error=raw.get("error"))


def _as_memory(raw: dict[str, Any]) -> MemoryCase | str:
    return MemoryCase(**raw) if "predicted" in raw else str(raw.get("error") or "nothing was found")


def describe() -> dict[str, str]:
    """The machine, its state and the versions, by name; what cannot be told is left out."""
    import torch

    from netscope.base.environment import environment
    from netscope.machine.timing.backends import backend_of

    backend = backend_of("cuda")
    device = backend.device()
    found = {"GPU": device.name, **dict(device.details)}
    for library in ("triton", "torchvision"):
        with contextlib.suppress(Exception):
            found[library] = str(__import__(library).__version__)
    reading = backend.reading()
    if reading is not None:
        found |= {
            "others on the GPU": str(reading.others),
            "throttled at rest": ", ".join(reading.throttled) or "no",
        }
    found["cudnn.benchmark"] = str(torch.backends.cudnn.benchmark)
    return {**found, **_told_by_the_driver(), **environment()}


# What `nvidia-smi` is asked, once: NVML's Python package is not everywhere.
_ASKED: Final[dict[str, str]] = {
    "driver_version": "driver",
    "clocks.sm": "clock now",
    "clocks.max.sm": "highest clock",
    "clocks.applications.graphics": "clock that was chosen",
    "power.limit": "power limit",
    "temperature.gpu": "temperature at the beginning",
    "persistence_mode": "persistence",
    "mig.mode.current": "MIG",
    "ecc.mode.current": "ECC",
}


def _told_by_the_driver(run: Callable[..., Any] = subprocess.run) -> dict[str, str]:
    command = ["nvidia-smi", "--id=0", f"--query-gpu={','.join(_ASKED)}", "--format=csv,noheader"]
    try:
        told = run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    values = [value.strip() for value in told.partition("\n")[0].split(",")]
    return dict(zip(_ASKED.values(), values, strict=False))


if __name__ == "__main__":
    sys.exit(main())
