"""The text of the GPU report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tools.gpu_cases import BATCHES, DTYPES, NETWORKS, Case, Judged, MemoryCase

COMMAND: Final = "make report-gpu"

# A promise, by how much it may be missed, and by how much a case misses it.
PROMISES: Final[tuple[tuple[str, float, Callable[[Judged], float | None]], ...]] = (
    ("against `do_bench` in turns, cold caches on both sides,", 0.01, lambda one: one.cold),
    ("against `do_bench` in turns, caches as they are on both sides,", 0.01, lambda one: one.warm),
    ("a profile with cold caches, against `do_bench`,", 0.01, lambda one: one.profiled),
    ("layers + unattributed + idle, against end to end,", 0.02, lambda one: one.reconciled),
    ("a second run's median, against the first's,", 0.02, lambda one: one.repeated),
)
_MEANING: Final = """\
Three figures of the same steps. From rest: what a caller waits for who hands over one step and waits for its
end, on the host's clock; this is what `netscope profile` calls latency. Queued: one step between two marks of
the device, while the host hands over the next; the host's time is in it only where it is the slower. Kernels:
what the profiler found them to take. In use a step finds in the L2 cache what the one before has left;
`triton.testing.do_bench` times queued steps, and writes over that cache before each. So `do_bench` is held
against queued steps, both with the cache written over (`--cold-cache`) and both without, in turns on the same
network. Idle is what the kernels leave of the step from rest."""


def markdown(
    machine: Mapping[str, str],
    cases: Sequence[Case],
    extras: Mapping[str, Any] | None = None,
    memory: Mapping[str, MemoryCase | str] | None = None,
) -> str:
    """The report."""
    from netscope.base import units

    found = [case.judged for case in cases if case.judged is not None]
    lines = [
        f"# Profiles on {machine.get('GPU', 'a GPU')}",
        "",
        f"Written by `{COMMAND}`; raw samples of every round are in [h200.json](h200.json).",
        "",
        *(f"- {name}: {value}" for name, value in machine.items()),
        "",
        _MEANING,
        "",
        "| promise | off by at most | held in |",
        "|---|---:|---:|",
    ]
    for title, limit, read in PROMISES:
        offs = [abs(off) for one in found if (off := read(one)) is not None]
        worst = units.percent(max(offs)) if offs else "not measured"
        held = sum(off <= limit for off in offs)
        lines.append(f"| {title} within {units.percent(limit)} | {worst} | {held} of {len(cases)} |")
    titles = ("network", "batch", "dtype", "from rest", "queued", "kernels", "do_bench")
    offs_of = ("cold off", "warm off", "profile off", "layers off", "repeated", "launch-bound")
    lines += ["", f"| {' | '.join((*titles, *offs_of))} |", "|---|---:|---" + "|---:" * 9 + "|---|"]
    lines += [f"| `{case.network}` | {case.batch} | {case.dtype} | {_figures(case)} |" for case in cases]
    lines += _memory(memory) if memory else []
    for name, extra in (extras or {}).items():
        text = extra.get("text") or f"not measured: {extra.get('error', 'the time was over')}"
        lines += ["", f"## {name}", "", "```", text.rstrip(), "```"]
    return "\n".join(lines) + "\n"


_MEMORY: Final = """\
Bytes of a step as `netscope memory` predicts them, and as torch's allocator has them on the GPU. cuBLAS's
workspace is in both; that of cuDNN, which hangs on the algorithms that it chooses, in what is measured."""


def _memory(memory: Mapping[str, MemoryCase | str]) -> list[str]:
    """Predicted beside measured, and how many are as near as is promised."""
    from netscope.base import units

    found = [case for case in memory.values() if isinstance(case, MemoryCase)]
    held = sum(max(map(abs, case.offs)) <= case.limit for case in found)
    lines = ["", "## memory", "", _MEMORY, ""]
    lines += [f"Within 2% from a GiB on and 10% below: {held} of {len(memory)}.", ""]
    lines += [
        "| step | allocated, predicted | measured | off | reserved, predicted | measured | off | cuBLAS |"
    ]
    lines += ["|---|---:|---:|---:|---:|---:|---:|---:|"]
    for name, case in memory.items():
        title = name.removeprefix("memory ")
        if isinstance(case, str):
            lines.append(f"| {title} | not measured: {case.replace('|', '/')}" + " |" * 7)
            continue
        offs = [units.change(1.0, 1.0 + off) for off in case.offs]
        lines.append(
            f"| {title} | {case.predicted:,} | {case.allocated:,} | {offs[0]} "
            f"| {case.modelled:,} | {case.reserved:,} | {offs[1]} | {case.workspace:,} |"
        )
    return lines


def _figures(case: Case) -> str:
    from netscope.base import units

    one = case.judged
    if one is None:
        return f"not measured: {(case.error or '').replace('|', '/')}" + " |" * 9
    seconds = (one.latency, one.queued, one.kernels, one.reference)
    offs = (one.cold, one.warm, one.profiled, one.reconciled, one.repeated)
    bound = {True: "yes", False: "no", None: units.UNKNOWN}[one.launch_bound]
    return " | ".join(
        [
            *("not measured" if time is None else units.seconds(time, units.TOTAL) for time in seconds),
            *("" if off is None else units.change(1.0, 1.0 + off) for off in offs),
            bound,
        ]
    )


def unmeasured() -> str:
    """What the report says while no GPU was at hand."""
    promises = "\n".join(f"| {title} within {limit:.0%} | no |" for title, limit, _ in PROMISES)
    return f"""\
# Profiles on an H200

**Nothing here was measured: no GPU was at hand.** No figure of this project comes from a GPU so far.

What is ready, one command each on a machine with a GPU:

- `make test-gpu` runs the GPU suite (`tests/gpu`), which is skipped elsewhere.
- `{COMMAND}` measures {", ".join(f"`{name}`" for name in NETWORKS)}
  at batch {" and ".join(map(str, BATCHES))} in {" and ".join(DTYPES)}, holds each against
  `triton.testing.do_bench`, and writes this file and `h200.json` with all raw samples. It stops within nine
  minutes; what is missing then, the same command measures. Each network is measured in a process of its own.

Both take a Python with torch (2.11 or newer, with triton) and, for two of the networks, torchvision; the
suite takes pytest. Nothing else is needed, and nothing is downloaded. `GPU_PYTHON=/path/to/python` names
another Python than `python3`, `GPU_ARGS="alexnet --output FOLDER"` one part and where to write.

| what they are to show | shown |
|---|---|
{promises}

{_MEANING}

Without a GPU it is tested that the same code gives planted times back from a device that only pretends to
be one (`tests/profiling`, `tests/timing`), with streams, launches, idling, throttling, noise and kernels that
the profiler loses; that the class for GPUs calls torch as torch can be called; that `do_bench` itself, run on
such a device, finds what netscope finds; and that steps on the processor agree with `torch.utils.benchmark`
(`python -m bench timing`).
"""
