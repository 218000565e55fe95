"""Part: what the largest networks take, in memory and in CPU time."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.call import Measured
from bench.processes import progress, python, run
from bench.results import Figure, Grid, Part
from bench.samples import Samples
from netscope.base import units

ROUNDS: Final = 3

MEMORY: Final = 50 * 10**6
CPU: Final = 3.0

# The configuration of the 70-billion-parameter llama.
LLAMA: Final[dict[str, Any]] = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 8192,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "intermediate_size": 28672,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
}

_METHOD: Final = """\
One fresh process for each of {rounds} samples. torch, torchvision, netscope's own modules, and for llama
transformers with its llama classes, are imported first; then `netscope.summary` runs once between clocks.

Memory is the highest resident memory during the call over what was resident right before it. Importing peaks
higher than what it leaves behind, so the kernel's high-water mark is reset in between (5 into
`/proc/self/clear_refs`) and read as `VmHWM` after; {reset}. Garbage that the imports left is not
collected first. CPU time is user and system time of all threads of the process. The worst of the samples
counts.
"""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One network and its samples. `params` is how many it must have."""

    title: str
    params: int
    runs: tuple[Measured, ...]

    @property
    def memory(self) -> Samples:
        """Peak bytes over what was resident before the call."""
        return Samples.of(run.first.over_resident for run in self.runs)

    @property
    def cpu(self) -> Samples:
        """CPU seconds of the call."""
        return Samples.of(run.first.cpu for run in self.runs)

    @property
    def right(self) -> bool:
        """Whether it was the whole network."""
        return all(run.params == self.params for run in self.runs)


def measure(pairs: int | None = None) -> Part:
    """Weigh both networks, `pairs` times each."""
    rounds = pairs or ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        config.write_text(json.dumps(LLAMA), encoding="utf-8")
        weighed = [
            _weigh("`torchvision/regnet_y_128gf`", 644_812_894, rounds, "torchvision/regnet_y_128gf"),
            _weigh("llama of 70 G, 2,048 tokens", 70_553_706_496, rounds, f"hf/{config}", "2048:int64"),
        ]
    reset = all(run.peak_reset for network in weighed for run in network.runs)
    told = "this kernel allows that" if reset else "this kernel refused, so the peak may be the imports'"
    return Part(
        "Size",
        _METHOD.format(rounds=rounds, reset=told),
        tuple(figure for network in weighed for figure in _figures(network)),
        (_grid(weighed),),
    )


def _weigh(title: str, params: int, rounds: int, *arguments: str) -> Weighed:
    runs = []
    for number in range(rounds):
        progress(f"size: {title}, {number + 1} of {rounds}")
        child = run(python("-m", "bench.call", "netscope", *arguments))
        runs.append(Measured.read(child.stdout))
    weighed = Weighed(title, params, tuple(runs))
    if not weighed.right:
        raise RuntimeError(f"{title} has {runs[0].params:,} parameters, not {params:,}")
    return weighed


def _figures(network: Weighed) -> tuple[Figure, Figure]:
    return (
        Figure(
            f"{network.title}: memory over the imports",
            f"≤ {MEMORY / 1e6:.0f} MB",
            f"{network.memory.most / 1e6:.1f} MB",
            network.memory.most <= MEMORY,
        ),
        Figure(
            f"{network.title}: CPU beyond the imports",
            f"≤ {units.seconds(CPU)}",
            units.seconds(network.cpu.most),
            network.cpu.most <= CPU,
        ),
    )


def _grid(weighed: list[Weighed]) -> Grid:
    return Grid(
        "Each sample, and the second call in the same process:",
        ("network", "params", "memory", "over the imports' peak", "CPU", "wall", "CPU, second call"),
        tuple(
            (
                network.title,
                units.count(run.params),
                f"{run.first.over_resident / 1e6:.1f} MB",
                f"{run.first.over_peak / 1e6:.1f} MB",
                units.seconds(run.first.cpu),
                units.seconds(run.first.wall),
                units.seconds(run.second.cpu),
            )
            for network in weighed
            for run in network.runs
        ),
    )
