"""Predictions for CUDA beside what torch's own code allocates: `python -m tools.counting.report`.

It runs on a device that only counts, see `tools.counting.device`. Each network is in a process of its own,
and trains and infers there on a device that has nothing else; what was predicted for it, without any device,
is held against `torch.cuda.max_memory_allocated` and `_reserved`. Without a compiler or torch's build for
CUDA the table says why it is not there.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from tools.counting.device import environment

# How a network is run: what that is called, whether it is trained, autocast's dtype, optimizer, checkpoints.
Way = tuple[str, bool, "str | None", str, str]
USUAL: Final[tuple[Way, ...]] = (
    ("training", True, None, "adamw", ""),
    ("training, bf16", True, "bfloat16", "adamw", ""),
    ("inference", False, None, "", ""),
    ("inference, bf16", False, "bfloat16", "", ""),
)
MORE: Final[dict[str, tuple[Way, ...]]] = {
    "mlp": (
        ("SGD, momentum", True, None, "sgd:momentum=0.9", ""),
        ("AdamW, fused", True, None, "adamw:fused=true", ""),
        ("AdamW, for-loop", True, None, "adamw:foreach=false", ""),
        ("Adafactor", True, None, "adafactor", ""),
    ),
    "llama": (
        ("checkpoints", True, None, "adamw", "model.layers.*"),
        ("checkpoints, bf16, fused", True, "bfloat16", "adamw:fused=true", "model.layers.*"),
    ),
    "vit": (("checkpoints, SGD", True, None, "sgd:momentum=0.9", "blocks.*"),),
}
# A network may take so many seconds.
LIMIT: Final = 120.0


@dataclass(frozen=True, slots=True)
class Row:
    """A network in a way, in bytes."""

    network: str
    way: str
    predicted: int
    allocated: int
    modelled: int
    reserved: int

    @property
    def off(self) -> float:
        """By which part the prediction of what is allocated is too high."""
        return self.predicted / self.allocated - 1

    @property
    def reserved_off(self) -> float:
        """The same of what is reserved."""
        return self.modelled / self.reserved - 1


def rows() -> Iterator[Row | str]:
    """Each network's in turn; of one that did not run why.

    Raises:
        SystemExit: there is no such device here, and why.
    """
    from tools.counting.networks import NETWORKS

    with tempfile.TemporaryDirectory() as folder:
        try:
            made = environment(Path(folder))
        except OSError as error:  # there is no compiler
            raise SystemExit(str(error)) from None
        for name in NETWORKS:
            command = [sys.executable, "-m", "tools.counting.report", name]
            try:
                done = subprocess.run(
                    command, env=os.environ | made, capture_output=True, text=True, timeout=LIMIT, check=False
                )
            except subprocess.TimeoutExpired:
                yield f"{name}: not within {LIMIT:.0f} s"
                continue
            for line in done.stdout.splitlines():
                if line.startswith("{"):
                    yield Row(**json.loads(line))
            if done.returncode:
                why = [line for line in done.stderr.splitlines() if line.strip()]
                yield f"{name}: {why[-1] if why else f'ended with {done.returncode}'}"


def section() -> str:
    """The table of a report in Markdown, or why there is none."""
    try:
        found = list(rows())
    except SystemExit as error:
        return f"Not measured: {error}\n"
    measured = [one for one in found if isinstance(one, Row)]
    if not measured:
        return f"Not measured: {'; '.join(map(str, found))}\n"
    worst = max(measured, key=lambda row: abs(row.off))
    worst_reserved = max(measured, key=lambda row: abs(row.reserved_off))
    equal = sum(row.predicted == row.allocated for row in measured)
    equal_reserved = sum(row.modelled == row.reserved for row in measured)
    said = (
        f"Allocated equal to the byte in {equal} of {len(measured)}, at most {worst.off:+.2%} off "
        f"({worst.network}, {worst.way}); reserved equal in {equal_reserved}, at most "
        f"{worst_reserved.reserved_off:+.2%} off ({worst_reserved.network}, {worst_reserved.way}). Without "
        "convolutions and without cuDNN's attention, which that device has not."
    )
    lines = [
        said,
        "",
        "| network | way | allocated, predicted | torch's | off | reserved, predicted | torch's | off |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.network} | {row.way} | {row.predicted:,} | {row.allocated:,} | {row.off:+.2%} "
        f"| {row.modelled:,} | {row.reserved:,} | {row.reserved_off:+.2%} |"
        for row in measured
    ]
    failed = [one for one in found if isinstance(one, str)]
    lines += ["", *(f"- not measured: {one}" for one in failed)] if failed else []
    return "\n".join(lines) + "\n"


def measure(name: str) -> None:
    """All ways of a network, a JSON line each: to be run on the device that counts, in its own process."""
    import torch

    from netscope.machine.memory.cpu import Marks
    from netscope.trace.step.program import Recipe, Training, infer
    from tools.counting.networks import NETWORKS

    warnings.simplefilter("ignore")
    cuda: Any = torch.cuda
    torch.backends.cudnn.enabled = False
    torch.backends.cuda.enable_cudnn_sdp(False)
    home = torch.device("cuda")
    for way, train, amp, optimizer, checkpoint in (*USUAL, *MORE.get(name, ())):
        torch.manual_seed(0)
        module, args = NETWORKS[name]()
        module.train(train)
        recipe = Recipe(optimizer=optimizer or None, amp=amp, checkpoint=(checkpoint,) if checkpoint else ())
        predicted = _predicted(module, args, recipe if train else None, amp)
        module, args = module.to(home), tuple(one.to(home) for one in args)
        step: Any
        if train:
            step = Training(module, args, {}, recipe, home).step
        else:
            step = partial(infer, module, args, {}, amp, home)
        for _ in range(3):
            step(Marks())
        found = Row(
            name, way, predicted[0], cuda.max_memory_allocated(), predicted[1], cuda.max_memory_reserved()
        )
        print(json.dumps(asdict(found)), flush=True)
        del module, args, step
        gc.collect()
        torch._C._cuda_clearCublasWorkspaces()
        cuda.empty_cache()
        cuda.reset_peak_memory_stats()


def _predicted(module: Any, args: tuple[Any, ...], recipe: Any, amp: str | None) -> tuple[int, int]:
    from netscope.answers.memory.reserve import reserved_for
    from netscope.base.workload import Workload
    from netscope.trace.step.record import record_step

    step = record_step(Workload("", module, args), recipe, device="cuda", amp=amp)
    found = reserved_for(step)
    return found.allocated, found.reserved


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        print(section())
