"""`torchrun ... -m netscope profile`: real processes, joined by gloo; what is planted has to be found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import netscope
from tests.machine.ranks.networks import LATE, WIDTH

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[3]
NETWORKS = Path(__file__).with_name("networks.py").relative_to(ROOT)
SECONDS = 120
QUICKLY = ["--max-time", "0.3", "--warmup", "0", "--device-spec", "none"]


def torchrun(ranks: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What it writes and returns; the launcher's own lines are on standard error too."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(ranks), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def profile(ranks: int, factory: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`netscope profile` of one of the networks here."""
    name = f"{NETWORKS}:{factory}"
    how = ["--input", str(WIDTH), *QUICKLY]
    return torchrun(ranks, "-m", "netscope", "profile", name, *how, *arguments)


def measured(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The timing of the report on standard output."""
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)["timing"]
    return found


def said(run: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines that netscope wrote on standard error."""
    return [line for line in run.stderr.splitlines() if line.startswith("netscope:")]


def test_the_rank_that_comes_late_is_found_and_the_others_wait_for_as_long() -> None:
    """On a mesh of 2 by 2, rank 3 is late in its group along tp: rank 2 waits, and 0 and 1 do not."""
    run = profile(4, "late_along_tp", "--mesh", "dp=2,tp=2", "--format", "json")
    ranks = measured(run)["ranks"]
    (row,) = ranks["collectives"]
    assert (row["collective"], row["axis"], row["ranks"], row["phase"]) == ("all_reduce", "tp", 2, "forward")
    assert (row["calls"], row["buffer_bytes"]) == (1, 4 * WIDTH)
    assert 0.7 * LATE < row["skew"][2] < 2 * LATE
    assert [row["skew"][rank] < LATE / 2 for rank in (0, 1, 3)] == [True] * 3
    assert row["transfer"] < LATE / 2
    late = ranks["ranks"][3]
    assert 0.7 * LATE < late["delayed"] < 2 * LATE
    assert late["seconds"] > LATE
    assert [rank["rank"] for rank in ranks["ranks"]] == [0, 1, 2, 3]
    assert ranks["backend"] == "gloo"


@pytest.mark.slow
def test_collectives_of_a_sharded_training_step_are_counted_with_their_bytes() -> None:
    """FSDP2 gathers each block, and scatters its gradients; every parameter of 4 bytes is in one of them."""
    run = profile(2, "sharded", "--train", "--format", "json")
    rows = {
        (row["collective"], row["phase"]): (row["calls"], row["buffer_bytes"])
        for row in measured(run)["ranks"]["collectives"]
    }
    parameters = 4 * (WIDTH * 4 * WIDTH + 4 * WIDTH + 4 * WIDTH * WIDTH + WIDTH)
    assert rows["all_gather", "forward"] == (2, parameters)
    assert rows["reduce_scatter", "backward"] == (2, parameters)


@pytest.mark.slow
def test_people_see_the_ranks_and_their_collectives(tmp_path: Path) -> None:
    """Tensor parallel, saved, and shown once more."""
    saved = tmp_path / "tp.json"
    run = profile(2, "tensor_parallel", "--mesh", "tp=2", "-o", str(saved))
    assert run.returncode == 0, run.stderr
    assert run.stdout == ""
    report = netscope.load(saved)
    ranks = report.timing.ranks
    assert [rank.rank for rank in ranks.ranks] == [0, 1]
    (row,) = ranks.collectives
    assert (row.collective, row.ranks, row.buffer_bytes) == ("all_reduce", 2, 4 * WIDTH)
    assert row.bus_bandwidth == pytest.approx(4 * WIDTH / row.transfer)  # 2 (n - 1) / n is 1
    assert report["up"].timing is not None
    (predicted,) = [one for one in report.ranks.own.traffic if one.phase == "forward"]
    assert (predicted.collective, predicted.buffer_bytes) == (row.collective, row.buffer_bytes)
    text = str(report)
    assert "all_reduce" in text
    assert "slowest" in text


def test_a_killed_rank_ends_all_of_them_with_one_line_that_names_it() -> None:
    started = time.monotonic()
    run = profile(4, "failing", "-k", "rank=2")
    assert run.returncode != 0
    assert said(run) == ["netscope: rank 2 of 4 died (killed) during the end-to-end pass"]
    assert run.stdout == ""
    assert time.monotonic() - started < 60
    assert "exitcode  : 3" in run.stderr  # of the others, by the launcher
    assert 'File "' not in "".join(part for part in run.stderr.split("torch/distributed")[:1])


@pytest.mark.slow
def test_what_a_rank_raises_is_told_once_with_its_rank() -> None:
    run = profile(2, "failing", "-k", "how=raised")
    (line,) = said(run)
    assert line.startswith("netscope: rank 1 of 2 failed during the end-to-end pass: ")
    assert line.endswith("ValueError: planted")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rank", "how", "told"),
    [
        (0, "killed", "rank 0 of 2 died (killed) during the end-to-end pass"),
        (1, "left", "rank 1 of 2 died (exit code 7) during the end-to-end pass"),
        (1, "hung", "rank 1 of 2 hangs during the end-to-end pass: nothing has moved for 4 s (networks.py"),
        (0, "hung", "rank 0 of 2 hangs during the end-to-end pass: nothing has moved for 4 s (networks.py"),
    ],
)
def test_every_way_to_fail_ends_within_the_limit(rank: int, how: str, told: str) -> None:
    run = profile(2, "failing", "-k", f"rank={rank}", "-k", f"how={how}", "--rank-timeout", "4")
    assert [line.removeprefix("netscope: ").startswith(told) for line in said(run)] == [True], run.stderr
    assert run.returncode != 0


@pytest.mark.slow
def test_wrong_usage_is_told_once() -> None:
    assert len(said(profile(2, "late", "--no-such-option"))) == 1
    assert said(profile(2, "late", "--batch", "1,8"))[0].endswith("a curve is of one process.")
    (line,) = said(profile(2, "late_along_tp", "--mesh", "dp=2,tp=2"))
    assert line.endswith("a mesh dp=2,tp=2 has 4 ranks, and 2 were started.")


@pytest.mark.slow
def test_in_python_every_rank_calls_it_and_the_owner_s_module_stays_as_it_is() -> None:
    run = torchrun(2, "-m", "tests.machine.ranks.library")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["False"] == [["all_gather", "forward", 2]]
    assert ["reduce_scatter", "backward", 2] in found["True"]
    assert (found["kept"], found["group"], found["ranks"]) == (True, True, 2)


@pytest.mark.slow
def test_in_python_a_rank_that_dies_is_an_error_of_the_others() -> None:
    run = torchrun(2, "-m", "tests.machine.ranks.library", "killed")
    assert "rank 1 of 2 died (killed) during the end-to-end pass" in json.loads(run.stdout)["raised"]
