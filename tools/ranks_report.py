"""What netscope says of one rank of many, beside many real processes: `python -m tools.ranks_report`.

Summaries are processes of their own, watched from outside. The networks are those of `tests.ranks` and
`tests.machine.ranks`, and so are the processes that they are held against, joined by gloo.
`reports/ranks.md` has what was measured.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from math import prod
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench import machine
from bench.__main__ import BUSY, IDLE
from bench.markdown import table
from netscope.base import units

ROOT: Final = Path(__file__).resolve().parents[1]
REPORT: Final = ROOT / "reports" / "ranks.md"
ROUNDS: Final = 3
WORLDS: Final = (2, 4)
# By how much a peak of memory may be off.
MEMORY: Final = 0.02

_LLAMA: Final = "examples/parallel/llama.py"
_TOKENS: Final = "2048:int64"
_LARGEST: Final = "dp=32,tp=8"
# What stands in the table, the factory, its mesh.
SUMMARIES: Final = (
    ("none, forward alone", "Llama", ""),
    ("1 × 8", "parallelize", "dp=1,tp=8"),
    ("8 × 8", "parallelize", "dp=8,tp=8"),
    ("32 × 8", "parallelize", _LARGEST),
)

Row = dict[str, Any]


def main() -> int:
    """Measure all of it, and write the report; 1 when something was not as predicted."""
    with tempfile.TemporaryDirectory() as name:
        folder, before = Path(name), machine.load()
        parts = (
            [_told(summarised(*case, folder)) for case in SUMMARIES],
            [_told(row) for row in held(folder)],
            [_told(row) for row in totals()],
            [_told(late(*case)) for case in LATE],
            [_told(killed(*case, folder)) for case in KILLED],
        )
    told = [row for row in machine.describe() if row[0] not in ("torchvision", "torchinfo", "transformers")]
    told.append(("load", f"{before:.2f} at the start, {machine.load():.2f} at the end"))
    remark = BUSY.format(load=before) if before > IDLE else ""
    REPORT.write_text(text(*parts, told, remark), encoding="utf-8")
    return int(not all(map(as_predicted, parts[1])) or any(row["all"] != row["sum"] for row in parts[2]))


def _told(row: Row) -> Row:
    print(json.dumps(row), flush=True)
    return row


# A summary, and the imports alone


class Used(NamedTuple):
    """What a process took: seconds of the clock and of processors, and the most bytes that were resident."""

    wall: float
    cpu: float
    peak: int


# Small, since a child's peak begins with what its parent had when it was started.
_WATCHER: Final = """
import json, os, subprocess, sys, time
began = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, used = os.wait4(child.pid, 0)
unit = 1 if sys.platform == "darwin" else 1024
print(json.dumps([time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss * unit]))
sys.exit(os.waitstatus_to_exitcode(status))
"""
_IMPORTED: Final = """
import json, sys
from netscope.cli import main
path, *arguments = sys.argv[1:]
assert main(arguments) == 0
json.dump(list(sys.modules), open(path, "w"))
"""
_IMPORTS: Final = """
import importlib, json, sys
for name in json.load(open(sys.argv[1])):
    try:
        importlib.import_module(name)
    except ImportError:
        pass
"""


def watched(*arguments: str) -> Used:
    """A process of this Python, from its start to its end."""
    command = [sys.executable, "-S", "-c", _WATCHER, sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return Used(*json.loads(done.stdout))


def summarised(name: str, factory: str, mesh: str, folder: Path) -> Row:
    """Medians of a summary by the command line, and the peak of a process with the imports alone."""
    typed = ["summary", f"{_LLAMA}:{factory}", "--input", _TOKENS, *(["--mesh", mesh] if mesh else [])]
    modules = str(folder / "modules.json")
    subprocess.run(
        [sys.executable, "-c", _IMPORTED, modules, *typed], cwd=ROOT, check=True, capture_output=True
    )
    rounds = [
        (watched("-m", "netscope", *typed), watched("-c", _IMPORTS, modules).peak) for _ in range(ROUNDS)
    ]
    used, imports = zip(*rounds, strict=True)
    wall, cpu, peak = (statistics.median(column) for column in zip(*used, strict=True))
    return {"name": name, "wall": wall, "cpu": cpu, "peak": peak, "imports": statistics.median(imports)}


# Against real processes


def held(folder: Path) -> Iterable[Row]:
    """Every network that real processes run, on each of its meshes."""
    from tests.ranks.processes import measured

    for world in WORLDS:
        for (name, sizes), ranks in measured(world, folder / f"ranks-{world}").items():
            yield {"name": name, "mesh": _sizes(sizes), **_together(name, sizes, ranks)}


def _together(name: str, sizes: tuple[int, ...], ranks: Sequence[Any]) -> Row:
    rows = [compared(name, sizes, rank, found) for rank, found in enumerate(ranks)]
    row: Row = {"ranks": len(rows)}
    row |= {key: sum(one[key] for one in rows) for key in rows[0] if key not in ("forward", "step")}
    for key in ("forward", "step"):  # of the rank that is furthest off
        row[key] = max((one[key] for one in rows if one[key]), key=off, default=None)
    return row


def compared(name: str, sizes: tuple[int, ...], rank: int, found: Any) -> Row:
    """What is said of a rank beside what its process was seen to do.

    found:
        a `tests.ranks.processes.Measured`.
    """
    from tests.ranks.networks import DIVIDED, NETWORKS
    from tests.ranks.processes import traffic_of
    from tests.ranks.test_memory import above_rest, predicted
    from tests.ranks.test_pipeline import SCHEDULES, of
    from tests.ranks.test_summary import before_optimizer

    forward = step = None
    if name in NETWORKS:
        report = predicted(name, sizes, rank)
        forward, step = (
            (said, seen.with_gloo)
            for said, seen in zip(
                above_rest(name, sizes, report), (found.inference, found.training), strict=True
            )
        )
    else:
        axes = DIVIDED[name][1] if name in DIVIDED else ("pp",)
        mesh = ",".join(f"{axis}={size}" for axis, size in zip(axes, sizes, strict=True))
        report = of(SCHEDULES.get(name, (name,))[0], mesh, rank=rank)
    assert report.ranks is not None
    own, seen_traffic = report.ranks.own, before_optimizer(traffic_of(found.calls))
    # When a divided stage is gathered its schedule alone says, and in a pipeline phases are not marked.
    less: Row = {"wire_bytes": 0} | ({"phase": ""} if name in DIVIDED else {})
    said, seen = (
        before_optimizer(tuple(one._replace(**less) for one in traffic))
        for traffic in (own.traffic, seen_traffic)
    )
    return {
        "macs": own.macs == found.macs,
        "backward": own.backward_macs == found.backward_macs,
        "traffic": said == seen,
        "calls": sum(one.calls for one in seen),
        "bytes": sum(one.buffer_bytes for one in seen),
        "optimizer": sum(call.phase == "optimizer" for call in found.calls),
        "forward": forward,
        "step": step,
    }


def off(pair: tuple[int, int]) -> float:
    """By how much of the measured figure the predicted one is off."""
    predicted, measured = pair
    return abs(predicted - measured) / measured


def worst(row: Row) -> tuple[int, int] | None:
    """Memory that is furthest off; None where none was measured."""
    return max((row[key] for key in ("forward", "step") if row[key]), key=off, default=None)


def as_predicted(row: Row) -> bool:
    """Whether all ranks were."""
    counts = (row[key] == row["ranks"] for key in ("macs", "backward", "traffic"))
    far = worst(row)
    return all(counts) and (far is None or off(far) <= MEMORY)


# Summed over ranks


def totals() -> Iterable[Row]:
    """The products of all ranks, and of a summary of the undivided network without a mesh."""
    import netscope
    from tests.ranks import networks
    from tests.ranks.test_summary import of_rank

    plain = {
        "mlp": networks.MLP,
        "sequence_parallel": networks.AttentionBlock,
        "expert_parallel": networks.MixtureOfExperts,
    }
    for name, network in networks.NETWORKS.items():
        whole = netscope.summary(plain.get(name, networks.Llama)(), args=(network.input(),))
        for sizes in network.meshes:
            yield total(name, of_rank(name, sizes), whole)
    many = netscope.summary(f"{_LLAMA}:parallelize", input=_TOKENS, mesh=_LARGEST, rank="all")
    yield total("llama.py:parallelize", many, netscope.summary(f"{_LLAMA}:Llama", input=_TOKENS))


def total(name: str, report: Any, whole: Any) -> Row:
    """Of a report of all ranks, and one of the network on one batch."""
    ranks = report.ranks
    batches = prod(axis.size for axis in ranks.mesh if axis.role == "data")
    again = sum((one.times - 1) * one.macs for one in ranks.repeated)
    return {
        "name": name,
        "mesh": _sizes(axis.size for axis in ranks.mesh),
        "all": ranks.macs,
        "whole": whole.macs,
        "batches": batches,
        "repeated": [(one.path, one.times, one.macs) for one in ranks.repeated],
        "sum": batches * (whole.macs + again),
    }


def _sizes(sizes: Iterable[int]) -> str:
    return " × ".join(map(str, sizes))


# By torchrun


# Processes, factory, its mesh, the rank that comes late, who has to wait for it.
LATE: Final = ((2, "late", "", 1, (0,)), (4, "late_along_tp", "dp=2,tp=2", 3, (2,)))
# Processes, the rank that is killed.
KILLED: Final = ((2, 1), (4, 2))


def late(processes: int, factory: str, mesh: str, rank: int, waiting: tuple[int, ...]) -> Row:
    """Seconds that each rank is made to wait, and those that its profile has as skew."""
    from tests.machine.ranks import networks
    from tests.machine.ranks.test_torchrun import measured, profile

    given = ["-k", f"rank={rank}", *(["--mesh", mesh] if mesh else [])]
    (found,) = measured(profile(processes, factory, *given, "--format", "json"))["ranks"]["collectives"]
    planted = [networks.LATE if one in waiting else 0.0 for one in range(processes)]
    return {"processes": processes, "mesh": mesh, "rank": rank, "planted": planted, "skew": found["skew"]}


def killed(processes: int, rank: int, folder: Path) -> Row:
    """How long the others and the launcher live on, how they end and what is said."""
    from tests.machine.ranks.test_torchrun import profile, said

    note = folder / "killed"
    run = profile(processes, "failing", "-k", f"rank={rank}", "-k", f"note={note}")
    ended = time.time()
    codes = dict(re.findall(r"rank\s*: (\d+) .*\n\s*exitcode\s*: (-?\d+)", run.stderr))
    return {
        "processes": processes,
        "rank": rank,
        "seconds": ended - float(note.read_text(encoding="utf-8")),
        "codes": [codes.get(str(one)) for one in range(processes)],
        "launcher": run.returncode,
        "said": said(run),
    }


# The report


_OF_SUMMARIES: Final = f"""\
`netscope summary {_LLAMA}:parallelize --mesh {_LARGEST} --input {_TOKENS}`, and on smaller
meshes: whole processes, watched from outside, with a forward and a backward. Without a mesh it is `:Llama`,
undivided. The imports: a process that imports every module which the summary has had at its end, and no more.
Medians of {ROUNDS}."""
_OF_PROCESSES: Final = """\
As many processes as ranks, joined by gloo. Equal are ranks that were seen to do what netscope says: MACs;
calls and bytes by kind, axis and phase. Calls and bytes here are those seen, of all ranks. Memory is what is
alive at most above what was there before, in bytes, predicted / recorded by the allocator, of the rank that
is furthest off; parameters that FSDP2 has left whole were there before a forward. What the optimizer itself
sends ({optimizer} seen) netscope does not tell. Of pipelines memory is not measured; those with divided
stages, or several of a rank, are held without phases."""
_OF_SUMS: Final = """\
MACs of a forward. Undivided is a summary of the plain network without a mesh, of one batch. All ranks have to
come to the batches times what is undivided and what is repeated, the latter once less than it is done."""
_OF_DELAYS: Final = """\
`torchrun --nproc-per-node N -m netscope profile`, where one rank sleeps before an all_reduce. Seconds of a
step for which each rank is made to wait, and those that were reported as skew, by rank."""


def text(
    summaries: Sequence[Row],
    networks: Sequence[Row],
    sums: Sequence[Row],
    delays: Sequence[Row],
    ends: Sequence[Row],
    told: Sequence[tuple[str, str]],
    remark: str = "",
) -> str:
    """The report.

    told:
        of the machine.
    remark:
        what a reader must know before any figure, "" for nothing.
    """
    optimizer = units.plural(sum(row["optimizer"] for row in networks), "call")
    blocks = [
        "# One rank of many",
        "Written by `make ranks-report`, which measures everything below anew.",
        *([remark] if remark else []),
        "## 69 billion parameters on 256 ranks",
        _OF_SUMMARIES,
        table(
            ("mesh (dp × tp)", "processor", "clock", "peak", "of the imports", "over them"),
            [_summary_cells(row) for row in summaries],
        ),
        "## Against real processes",
        _OF_PROCESSES.format(optimizer=optimizer),
        table(
            (
                *("network", "mesh", "forward MACs equal", "backward equal", "collectives equal"),
                *("calls", "bytes", "a forward", "a training step", "furthest off"),
            ),
            [_network_cells(row) for row in networks],
        ),
        "## Summed over ranks",
        _OF_SUMS,
        table(
            ("network", "mesh", "all ranks", "undivided", "batches", "repeated", "sum holds"),
            [_sum_cells(row) for row in sums],
        ),
        "## Measured by torchrun",
        _OF_DELAYS,
        table(("processes", "mesh", "late", "made to wait", "skew"), [_late_cells(row) for row in delays]),
        "One rank is killed amid the measurement. Until the last process has ended, the launcher too:",
        table(
            ("processes", "killed", "ended after", "exit codes, by rank", "launcher's", "said"),
            [_killed_cells(row) for row in ends],
        ),
        "## Machine",
        table(("", ""), told),
    ]
    return "\n\n".join(blocks) + "\n"


def _summary_cells(row: Row) -> tuple[str, ...]:
    sizes = (row["peak"], row["imports"], row["peak"] - row["imports"])
    return row["name"], *(units.seconds(row[key]) for key in ("cpu", "wall")), *map(units.binary, sizes)


def _network_cells(row: Row) -> tuple[str, ...]:
    equal = (f"{row[key]} of {row['ranks']}" for key in ("macs", "backward", "traffic"))
    memory = (
        " / ".join(map(units.count, row[key])) if row[key] else "not measured" for key in ("forward", "step")
    )
    far = worst(row)
    furthest = "" if far is None else units.change(far[1], far[0])
    seen = (units.count(row[key]) for key in ("calls", "bytes"))
    return f"`{row['name']}`", row["mesh"], *equal, *seen, *memory, furthest


def _sum_cells(row: Row) -> tuple[str, ...]:
    again = ", ".join(f"`{path}` {times} times, {units.count(n)}" for path, times, n in row["repeated"])
    holds = "yes" if row["all"] == row["sum"] else f"**no**: {units.count(row['sum'])}"
    macs = (units.count(row[key]) for key in ("all", "whole"))
    return f"`{row['name']}`", row["mesh"], *macs, str(row["batches"]), again or "nothing", holds


def _late_cells(row: Row) -> tuple[str, ...]:
    planted, skew = (", ".join(f"{s:.4f}" for s in row[key]) for key in ("planted", "skew"))
    return str(row["processes"]), row["mesh"] or "none", f"rank {row['rank']}", planted, skew


def _killed_cells(row: Row) -> tuple[str, ...]:
    codes = ", ".join(code or units.UNKNOWN for code in row["codes"])
    lines = "; ".join(f"`{line}`" for line in row["said"])
    ended = units.seconds(row["seconds"])
    return str(row["processes"]), f"rank {row['rank']}", ended, codes, str(row["launcher"]), lines


if __name__ == "__main__":
    sys.exit(main())
