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
from typing import NamedTuple

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


class Asking(NamedTuple):
    """A command at work, the number of its child, and the folder that has their temporary files."""

    process: subprocess.Popen[str]
    child: int
    temporary: Path


@pytest.fixture(scope="module")
def sleeping(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """A repository whose network takes ten minutes."""
    own = Repo(tmp_path_factory.mktemp("slow") / "own")
    own.write(
        "slow.py",
        "import os, time\nopen(os.environ['MARK'], 'w').write(str(os.getpid()))\ntime.sleep(600)\n",
    )
    own.commit("slow")
    return own


@pytest.fixture
def asking(sleeping: Repo, tmp_path: Path) -> Asking:
    mark, temporary = tmp_path / "mark", tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "netscope", "summary", "slow@slow.py:make"],
        cwd=sleeping.root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary), "MARK": str(mark)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: mark.exists() and mark.read_text() != "")
    return Asking(process, int(mark.read_text()), temporary)


def is_gone(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    # Ended, and nobody has asked how: its parent is gone too.
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_ctrl_c_ends_both_processes(asking: Asking) -> None:
    os.killpg(asking.process.pid, signal.SIGINT)
    _, said = asking.process.communicate(timeout=60)
    assert asking.process.returncode == 130
    assert said == "netscope: interrupted.\n"
    assert list(asking.temporary.iterdir()) == []
    assert is_gone(asking.child)


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize(
    ("number", "both"),
    [(signal.SIGTERM, False), (signal.SIGTERM, True), (signal.SIGHUP, True), (signal.SIGKILL, False)],
)
def test_a_child_ends_with_its_parent_and_nothing_is_left(
    asking: Asking, number: signal.Signals, both: bool
) -> None:
    (os.killpg if both else os.kill)(asking.process.pid, number)
    asking.process.communicate(timeout=60)
    assert asking.process.returncode == -number
    wait_for(lambda: is_gone(asking.child))
    assert list(asking.temporary.iterdir()) == []


def test_a_child_that_is_never_asked_leaves_nothing(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    code = "import sys; from netscope.api.worker import main; main(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", code, str(place)],
        input=b"{'source'",
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert not place.exists()


def test_what_both_left_is_removed_another_day(
    here: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    names = ["netscope-revision-old", "netscope-revision-new", "other-old"]
    for name in names:
        (place / name / "tree").mkdir(parents=True)
    for name in (names[0], names[2]):
        os.utime(place / name, (0, 0))
    assert saved("old") == "16"
    assert sorted(path.name for path in place.iterdir()) == sorted(names[1:])


def test_a_model_that_reads_finds_nothing_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Repo(tmp_path / "own")
    own.write("reads.py", "import sys\nfrom torch import nn\nWORDS = sys.stdin.read()\nmake = nn.ReLU\n")
    own.commit("reads")
    monkeypatch.chdir(own.root)
    assert netscope.summary("reads@reads.py:make", input="8").params == 0


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
    assert "not checked, for want of a trace: " in said.stdout
    assert "NS201" in said.stdout
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
