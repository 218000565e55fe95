"""The process in which a network of another revision is summarised: its failures, its end, its door."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import netscope
from netscope.base.errors import TraceError
from netscope.sources import revision
from tests.sources.revision.repository import ROOT, Repo, cli, saved

pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(shutil.which("git") is None, reason="there is no git"),
]


def test_a_forward_that_fails_brings_the_rows_up_to_it(here: Repo) -> None:
    with pytest.raises(TraceError, match=r"^old \(\w+\): net\.py:broken: the forward failed in 1") as caught:
        netscope.summary("old@net.py:broken", input="8")
    assert caught.value.path == "1"
    assert caught.value.report is not None
    assert caught.value.report["0"].output_shape == (1, 3)


def test_calls_side_by_side(here: Repo) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(saved, ["old", "main", "old", "main"])) == ["16", "32", "16", "32"]


def test_an_interruption_leaves_nothing(here: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        assert list(Path(tempfile.gettempdir()).iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(revision, "_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        netscope.summary("old@net.py:make")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_ctrl_c_ends_both_processes(tmp_path: Path) -> None:
    own = Repo(tmp_path / "own")
    mark = tmp_path / "mark"
    slow = f"import os, time\nopen({str(mark)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    own.write("slow.py", slow)
    own.commit("slow")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "netscope", "summary", "slow@slow.py:make"],
        cwd=own.root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: mark.exists() and mark.read_text() != "")
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == "netscope: interrupted.\n"
    assert list(temporary.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_the_command_line(here: Repo) -> None:
    said = cli("summary", "old@net.py:make", "-i", "8", "-k", "width=4", cwd=here.root, COLUMNS="100")
    short = here.git("rev-parse", "--short", "old")
    assert said.returncode == 0
    assert said.stdout.startswith(
        f"old@net.py:make · python at {short} (A small net) · input 1×8 float32 · eval\n"
    )
    assert "1×4" in said.stdout
    assert said.stderr == "imported\n"
    said = cli("explain", "old@saved.json", "relu", cwd=here.root)
    assert said.stdout.startswith("old@16 · zoo at ")
    said = cli("lint", "old@saved.json", cwd=here.root)
    assert "not checked, for want of a trace: NS201" in said.stdout
    said = cli("summary", "old@net.py:boom", cwd=here.root)
    assert (said.returncode, said.stdout) == (3, "")
    assert (
        said.stderr
        == f"imported\nnetscope: old ({short}): net.py:boom could not be built: ValueError: no good\n"
    )
    said = cli("summary", "old@net.py:boom", "--debug", cwd=here.root)
    assert 'raise ValueError("no good")' in said.stderr


def test_the_process_that_asks_needs_no_torch(here: Repo) -> None:
    code = (
        "import sys, netscope\n"
        "assert netscope.summary('old@net.py:make', input='8').params == 178\n"
        "heavy = {'torch', 'numpy', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=here.root, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
