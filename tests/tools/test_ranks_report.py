"""The report on ranks: what it calls equal is equal, and the one that is written has all it should."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

import netscope
from tests.machine.ranks import test_torchrun
from tests.ranks import networks
from tests.ranks.figures import FIGURES
from tests.ranks.processes import Call, Measured, Memory
from tests.ranks.test_memory import above_rest, predicted
from tests.ranks.test_summary import of_rank
from tools import ranks_report

# What the launcher says of two that ended by themselves; the third it ended itself.
LAUNCHER = """\
netscope: rank 1 of 3 died (killed) during the end-to-end pass
Failures:
[1]:
  time      : 2026-11-30_19:53:31
  host      : somewhere
  rank      : 0 (local_rank: 0)
  exitcode  : 3 (pid: 6047)
Root Cause (first observed failure):
[0]:
  time      : 2026-11-30_19:53:30
  host      : somewhere
  rank      : 1 (local_rank: 1)
  exitcode  : -9 (pid: 6049)
"""
SUMMARY = {"name": "32 × 8", "wall": 12.0, "cpu": 9.0, "peak": 2**30, "imports": 2**29}
NETWORK = {
    "name": "mlp",
    "mesh": "2",
    "ranks": 2,
    "macs": 2,
    "backward": 1,
    "traffic": 2,
    "calls": 4,
    "bytes": 1_536,
    "optimizer": 3,
    "forward": (1_152, 1_152),
    "step": (98, 100),
}
SUM = {
    "name": "mlp",
    "mesh": "2",
    "all": 14,
    "whole": 10,
    "batches": 1,
    "repeated": [("head", 3, 2)],
    "sum": 14,
}
LATE = {"processes": 2, "mesh": "", "rank": 1, "planted": [0.3, 0.0], "skew": [0.3004, 0.0]}
KILLED = {
    "processes": 2,
    "rank": 1,
    "seconds": 2.5,
    "codes": ["3", None],
    "launcher": 1,
    "said": ["netscope: x"],
}


@pytest.mark.whole
def test_a_process_is_watched_alone() -> None:
    """It has 64 MiB more than another, and nothing of what this one has."""
    little, much = ranks_report.watched("-c", ""), ranks_report.watched("-c", f"x = b'x' * {2**26}")
    assert 0.9 * 2**26 < much.peak - little.peak < 1.2 * 2**26
    assert little.peak < 2**26
    slow = ranks_report.watched("-c", "import time; time.sleep(0.3)")
    assert slow.wall - slow.cpu > 0.25
    with pytest.raises(subprocess.CalledProcessError):
        ranks_report.watched("-c", "raise SystemExit(1)")


def seen(**other: Any) -> Measured:
    """What arithmetic says of the first of two ranks, as if it had been seen."""
    figures = FIGURES["mlp"]((2,), 0)
    calls = tuple(
        Call(one.collective, one.axis, (0, 1), one.phase, one.buffer_bytes) for one in figures.traffic
    )
    forward, step = above_rest("mlp", (2,), predicted("mlp", (2,), 0))
    memory = Memory(0, forward, ()), Memory(0, step, ())
    return Measured(calls, 2, figures.macs, figures.backward_macs, {}, *memory)._replace(**other)


def test_equal_is_what_is_equal() -> None:
    found = seen()
    row = ranks_report.compared("mlp", (2,), 0, found)
    assert [row[key] for key in ("macs", "backward", "traffic")] == [True] * 3
    assert (row["calls"], row["bytes"], row["optimizer"]) == (2, 2 * 384, 0)
    assert ranks_report.worst(row) == row["forward"] == (row["forward"][0],) * 2
    assert ranks_report.as_predicted({**row, "ranks": 1})
    first, second = found.calls
    for other in (
        {"macs": found.macs + 1},
        {"backward_macs": 0},
        {"calls": (first,)},
        {"calls": (first, second._replace(phase=first.phase))},
        {"calls": (first, second._replace(buffer_bytes=385))},
        {"training": Memory(0, found.training.with_gloo * 11 // 10, ())},
    ):
        row = ranks_report.compared("mlp", (2,), 0, found._replace(**other))
        assert not ranks_report.as_predicted({**row, "ranks": 1})
    sent = (*found.calls, second._replace(phase="optimizer"))
    row = ranks_report.compared("mlp", (2,), 0, found._replace(calls=sent))
    assert (row["traffic"], row["optimizer"]) == (True, 1)


def test_sums_are_held_against_the_network_without_a_mesh() -> None:
    """6 rows through 16 x 32 twice, and 16 x 12 of the head, which both ranks do."""
    x = networks.NETWORKS["mlp"].input()
    row = ranks_report.total("mlp", of_rank("mlp", (2,)), netscope.summary(networks.MLP(), args=(x,)))
    assert row["whole"] == 6 * (2 * 16 * 32 + 16 * 12)
    assert row["repeated"] == [("head", 2, 6 * 16 * 12)]
    assert row["all"] == row["sum"] == row["whole"] + 6 * 16 * 12


def test_exit_codes_are_read_and_time_runs_from_the_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def profile(ranks: int, factory: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        assert (ranks, factory, arguments[1]) == (3, "failing", "rank=1")
        Path(arguments[3].removeprefix("note=")).write_text(str(time.time() - 5))
        return subprocess.CompletedProcess([], 1, "", LAUNCHER)

    monkeypatch.setattr(test_torchrun, "profile", profile)
    row = ranks_report.killed(3, 1, tmp_path)
    assert row["codes"] == ["3", "-9", None]
    assert row["said"] == [LAUNCHER.splitlines()[0]]
    assert 5 <= row["seconds"] < 15


def test_the_report_says_what_is_not_equal() -> None:
    other = SUM | {"sum": 13}
    text = ranks_report.text(
        [SUMMARY], [NETWORK], [SUM, other], [LATE], [KILLED], [("torch", "2")], "**Busy.**"
    )
    assert "\n\n**Busy.**\n\n## 69" in text
    assert "| 32 × 8 | 9.00 s | 12.0 s | 1.00 GiB | 512 MiB | 512 MiB |" in text
    assert "| `mlp` | 2 | 2 of 2 | 1 of 2 | 2 of 2 | 4 | 1,536 | 1,152 / 1,152 | 98 / 100 | −2.0% |" in text
    assert "sends (3 calls seen)" in text
    assert "| `mlp` | 2 | 14 | 10 | 1 | `head` 3 times, 2 | yes |" in text
    assert "| `mlp` | 2 | 14 | 10 | 1 | `head` 3 times, 2 | **no**: 13 |" in text
    assert "| 2 | none | rank 1 | 0.3000, 0.0000 | 0.3004, 0.0000 |" in text
    assert "| 2 | rank 1 | 2.50 s | 3, ? | 1 | `netscope: x` |" in text
    assert "| torch | 2 |" in text


def test_the_report_has_every_network_and_mesh() -> None:
    lines = ranks_report.REPORT.read_text(encoding="utf-8").splitlines()
    for name, network in networks.NETWORKS.items():
        for sizes in network.meshes:
            mesh = " × ".join(map(str, sizes))
            assert sum(line.startswith(f"| `{name}` | {mesh} | ") for line in lines) == 2
    for name in (*networks.PIPELINES, *networks.DIVIDED):
        assert sum(line.startswith(f"| `{name}` | ") for line in lines) == 1
    for name, _, _ in ranks_report.SUMMARIES:
        assert any(line.startswith(f"| {name} | ") for line in lines)
    assert sum("| rank " in line for line in lines) == len(ranks_report.LATE) + len(ranks_report.KILLED)
    assert any(line.startswith("| date | ") for line in lines)
