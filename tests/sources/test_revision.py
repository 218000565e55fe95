"""Networks of another git revision, and the repository that must not notice."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import netscope
from netscope.errors import NetscopeError, SourceError, TraceError, UsageError
from netscope.ready import is_ready
from netscope.sources import revision
from netscope.workload import TensorSpec
from tests.reports import relu, report

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")

ROOT = Path(__file__).parents[2]

NET = '''
from torch import nn
from sizes import WIDTH

print("imported")

def make(width=WIDTH):
    """A small net."""
    return nn.Sequential(nn.Linear(8, width), nn.Linear(width, 2))

def boom():
    raise ValueError("no good")

def broken():
    return nn.Sequential(nn.Linear(8, 3), nn.Linear(4, 2))

def leave():
    import os
    os._exit(7)
'''
PACKAGED = """
from torch import nn
from {package}.sizes import WIDTH

def make():
    return nn.Linear(8, WIDTH)
"""

IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Somebody"), ("EMAIL", "somebody@example.org"))
}


class Repo:
    """A repository with two commits, `old` and `main`, and a working tree that differs from both.

    Widths are 16, 32 and 64, everywhere.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.write("net.py", NET)
        self.write("sub/other.py", NET.replace("from sizes", "from .near"))
        for place, package in (("pkg", "pkg"), ("src/lib", "lib"), ("packages/mono", "mono")):
            self.write(f"{place}/__init__.py", "")
            self.write(f"{place}/net.py", PACKAGED.format(package=package))
        self.widths(16)
        self.write("gone.py", NET)
        self.commit("old")
        self.git("branch", "some@where")
        (root / "gone.py").unlink()
        self.widths(32)
        self.commit("new")
        self.widths(64)
        self.write("fresh.py", NET)

    def widths(self, width: int) -> None:
        for place in (".", "pkg", "src/lib", "packages/mono"):
            self.write(f"{place}/sizes.py", f"WIDTH = {width}\n")
        self.write("sub/near.py", f"WIDTH = {width}\n")
        report(str(width), "Net", [relu("relu", (1, width))]).to_json(self.root / "saved.json")

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, tag: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--no-gpg-sign", "-m", tag)
        self.git("tag", tag)

    def git(self, *arguments: str) -> str:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env={**clean, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def state(self) -> dict[str, object]:
        """Every file of the working tree and of .git, with its content and, for the index, its time."""
        files = {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }
        return {**files, "mtime": (self.root / ".git/index").stat().st_mtime_ns}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return Repo(tmp_path_factory.mktemp("revision") / "repo")


@pytest.fixture
def here(repo: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Repo]:
    """Stand in the repository; afterwards it is as it was, and no temporary folder is left."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.chdir(repo.root)
    before = repo.state()
    yield repo
    assert repo.state() == before
    assert list(temporary.iterdir()) == []


def width(name: str, **asked: object) -> int:
    """Neurons of the first layer."""
    report = netscope.summary(name, input="8", **asked)
    shape = next(layer.output_shape for layer in report if layer.type == "Linear")
    assert shape is not None
    return shape[-1]


def saved(at: str) -> str:
    """The name of the report that was saved with that revision: quickly read, without torch."""
    return netscope.summary(f"{at}@saved.json").name.rpartition("@")[2]


def cli(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "netscope", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def test_a_file_and_its_neighbours_are_those_of_the_revision(here: Repo) -> None:
    report = netscope.summary("old@net.py:make", input="8", batch=3)
    # 8*16 + 16 + 16*2 + 2
    assert report.params == 178
    assert report.root.output_shape == (3, 2)
    assert report.name == "old@net.py:make"
    assert report.source == f"python at {here.git('rev-parse', '--short', 'old')}"
    assert report.description == "A small net"
    assert report.facts is None


def test_every_way_to_name_a_revision(here: Repo) -> None:
    full = here.git("rev-parse", "main")
    for name in ("main", "HEAD", "@", "HEAD@{0}", full[:8]):
        assert saved(name) == "32", name
    for name in ("old", "HEAD~1", "old^{commit}", "some@where", ":/old"):
        assert saved(name) == "16", name
    short = here.git("rev-parse", "--short", full)
    assert netscope.summary(f"{full}@saved.json").name == f"{short}@32"


def test_a_stash_is_a_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Repo(tmp_path / "own")
    own.git("stash", "--quiet")
    monkeypatch.chdir(own.root)
    assert saved("stash@{0}") == "64"


def test_what_else_is_asked_goes_along(here: Repo) -> None:
    report = netscope.summary(
        "old@net.py:make", input=TensorSpec((8,), "bfloat16"), dtype="bf16", train=True, options={"width": 5}
    )
    assert report["0"].output_shape == (1, 5)
    assert report.root.outputs[0].dtype == "bfloat16"
    assert report.training
    with pytest.raises(UsageError, match="args= and kwargs= cannot"):
        netscope.summary("old@net.py:make", args=(TensorSpec((1, 8)),))
    with pytest.raises(UsageError, match="options= cannot hand an object"):
        netscope.summary("old@net.py:make", options={"width": object()})


def test_modules_are_those_of_the_revision(here: Repo) -> None:
    assert width("old@pkg.net:make") == 16


def test_an_installed_copy_is_no_revision(
    here: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "site-packages" / "lib"
    shutil.copytree(here.root / "src/lib", copy)
    monkeypatch.syspath_prepend(str(copy.parent))
    with pytest.raises(
        SourceError, match=r"lib\.net is installed at .*site-packages.*, outside the repository"
    ):
        netscope.summary("old@lib.net:make", input="8")
    with pytest.raises(SourceError, match="the same at every revision"):
        netscope.summary("old@torch.nn:ReLU", input="8")


def test_paths_are_relative_to_where_one_stands(here: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here.root / "sub")
    assert width("old@other.py:make") == 16
    assert netscope.summary("old@../saved.json").name == "old@16"
    assert netscope.summary(f"old@{here.root}/saved.json").name == "old@16"
    with pytest.raises(SourceError, match=r"old has no file 'net\.py'\. Did you mean \.\./net\.py"):
        netscope.summary("old@net.py:make")
    (here.root / "empty").mkdir()
    try:
        monkeypatch.chdir(here.root / "empty")  # no revision has that folder
        assert netscope.summary("old@../saved.json").name == "old@16"
    finally:
        (here.root / "empty").rmdir()


def test_no_way_leads_into_the_working_tree(here: Repo, tmp_path: Path) -> None:
    """PYTHONPATH, absolute and relative, and the import hook of an editable install."""
    hook = """
        import importlib.util, sys

        class Editable:
            def find_spec(name, path=None, target=None):
                if name == "mono":
                    file = {file!r}
                    return importlib.util.spec_from_file_location(
                        name, file, submodule_search_locations=[file.rpartition("/")[0]]
                    )

        sys.meta_path.append(Editable)
    """
    file = str(here.root / "packages/mono/__init__.py")
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(hook.format(file=file)))
    for name, more in (
        ("old@lib.net:make", str(here.root / "src")),
        ("old@lib.net:make", "src"),
        ("old@mono.net:make", str(tmp_path)),
    ):
        path = os.pathsep.join([str(ROOT), more])
        said = cli(
            "summary",
            name,
            "-i",
            "8",
            "-f",
            "csv",
            cwd=here.root,
            PYTHONPATH=path,
            PYTHONDONTWRITEBYTECODE="1",
        )
        assert "1x16" in said.stdout, said.stderr


def test_a_package_called_netscope_does_not_stand_in_for_the_running_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Repo(tmp_path / "own")
    own.write("netscope/__init__.py", "raise RuntimeError('the wrong netscope')\n")
    own.commit("wrong")
    monkeypatch.chdir(own.root)
    assert width("wrong@net.py:make") == 64
    with pytest.raises(UsageError, match="the running netscope's own"):
        netscope.summary("wrong@netscope.zoo:make")


def test_a_saved_report_of_a_revision(here: Repo) -> None:
    report = netscope.summary("old@saved.json")
    assert report.root.output_shape == (1, 16)
    assert (report.name, report.source) == ("old@16", f"zoo at {here.git('rev-parse', '--short', 'old')}")
    with pytest.raises(UsageError, match="has its input already"):
        netscope.summary("old@saved.json", input="1x28x28")


@pytest.mark.parametrize(
    ("name", "kind", "message", "hint"),
    [
        ("mian@net.py:make", SourceError, "there is no revision 'mian'. Did you mean main?", None),
        ("main..old@net.py:make", SourceError, "there is no revision 'main..old'", None),
        ("^old@net.py:make", SourceError, "there is no revision '^old'", None),
        ("--all@net.py:make", UsageError, "'--all' is an option, not a revision.", "write main@path"),
        ("@net.py:make", UsageError, "'@net.py:make' has no revision before the @.", "write main@path"),
        ("main@", UsageError, "'main@' has no model behind the @.", "write main@path"),
        (
            "old@fresh.py:make",
            SourceError,
            "old has no file 'fresh.py'.",
            "the working tree has one: leave out old@",
        ),
        ("main@gone.py:make", SourceError, "main has no file 'gone.py'.", None),
        ("old@alexnet", UsageError, "alexnet is no file or module, and the same at every revision.", "write"),
        ("old@torchvision/alexnet", UsageError, "torchvision/alexnet is no file", "write"),
        ("old@../out.py:make", UsageError, "'../out.py' lies outside the repository", None),
        ("old@net.py:make", UsageError, "old (HASH): net.py:make has no example input.", "give one"),
        (
            "old@nowhere.net:make",
            SourceError,
            "old (HASH): there is no module named 'nowhere'.",
            "write package",
        ),
        ("old@net.py:leave", SourceError, "net.py:leave ended its process with exit code 7", None),
    ],
)
def test_wrong_calls_are_told(
    here: Repo, name: str, kind: type[NetscopeError], message: str, hint: str | None
) -> None:
    with pytest.raises(NetscopeError) as caught:
        netscope.summary(name)
    short = here.git("rev-parse", "--short", "old")
    assert type(caught.value) is kind
    assert caught.value.message.startswith(message.replace("HASH", short))
    assert "\n" not in caught.value.message
    assert (caught.value.hint or "").startswith(hint or "")
    assert (caught.value.hint is None) == (hint is None)


def test_a_forward_that_fails_brings_the_rows_up_to_it(here: Repo) -> None:
    with pytest.raises(TraceError, match=r"^old \(\w+\): net\.py:broken: the forward failed in 1") as caught:
        netscope.summary("old@net.py:broken", input="8")
    assert caught.value.path == "1"
    assert caught.value.report is not None
    assert caught.value.report["0"].output_shape == (1, 3)


def test_outside_a_repository_and_without_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: Repo
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="this folder is in no git repository"):
        netscope.summary("main@net.py:make")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="git is not installed"):
        netscope.summary("main@net.py:make")


def test_a_repository_without_a_commit_or_without_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repo: Repo
) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path / "empty")], check=True)
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(SourceError, match="there is no revision 'HEAD'") as caught:
        netscope.summary("HEAD@net.py:make")
    assert caught.value.hint == "the repository has no commit yet"
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", f"file://{repo.root}", str(shallow)], check=True)
    monkeypatch.chdir(shallow)
    assert saved("origin/main") == "32"
    with pytest.raises(SourceError, match="there is no revision 'HEAD~1'") as caught:
        netscope.summary("HEAD~1@net.py:make")
    assert "git fetch --unshallow" in (caught.value.hint or "")


def test_submodules_links_and_pointers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repo: Repo) -> None:
    own = Repo(tmp_path / "own")
    (own.root / "way").symlink_to("sub")
    (own.root / "out").symlink_to(tmp_path)
    own.write("weights.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    own.write("needs.py", "import inner.net\n")
    # What `git archive` would leave out, and what a filter would change.
    own.write(".gitattributes", "net.py export-ignore\nsizes.py filter=spoil\n")
    own.git("config", "filter.spoil.smudge", "echo WIDTH = 1")
    own.git("add", "--all")
    own.git("update-index", "--add", "--cacheinfo", f"160000,{repo.git('rev-parse', 'old')},inner")
    own.git("commit", "--quiet", "--no-gpg-sign", "-m", "odd")
    monkeypatch.chdir(own.root)
    assert width("HEAD@net.py:make") == 64
    assert width("HEAD@way/other.py:make") == 64
    with pytest.raises(SourceError, match="lies in the submodule 'inner'"):
        netscope.summary("HEAD@inner/net.py:make")
    with pytest.raises(SourceError, match="No module named 'inner") as caught:
        netscope.summary("HEAD@needs.py:make")
    assert caught.value.hint == (
        "an exported revision lacks submodules (inner) and contents of LFS files (weights.bin)"
    )


def test_temporary_files_may_lie_in_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Repo(tmp_path / "own")
    monkeypatch.setattr(tempfile, "tempdir", str(own.root))
    monkeypatch.chdir(own.root)
    assert width("old@pkg.net:make") == 16


def test_a_file_with_the_sign_in_its_name_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "at@2x").mkdir()
    (tmp_path / "at@2x" / "net.py").write_text(NET)
    (tmp_path / "at@2x" / "sizes.py").write_text("WIDTH = 7\n")
    monkeypatch.chdir(tmp_path)
    assert not is_ready("at@2x/net.py:make")
    assert width("at@2x/net.py:make") == 7
    assert is_ready("at@2x/other.py:make")
    assert not any(map(is_ready, ("alexnet", "torchvision/alexnet", "net.py:make", "stash@{0}", "hf/a.json")))


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
