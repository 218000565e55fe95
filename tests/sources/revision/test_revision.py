"""Networks of another git revision: what is named, and what comes of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import netscope
from netscope.api.reading import reader
from netscope.base.errors import NetscopeError, SourceError, UsageError
from netscope.base.workload import TensorSpec
from tests.sources.revision.repository import NET, Repo, saved, width

pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(shutil.which("git") is None, reason="there is no git"),
]


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


def test_a_file_with_the_sign_in_its_name_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "at@2x").mkdir()
    (tmp_path / "at@2x" / "net.py").write_text(NET)
    (tmp_path / "at@2x" / "sizes.py").write_text("WIDTH = 7\n")
    monkeypatch.chdir(tmp_path)
    assert not reader("at@2x/net.py:make").ready
    assert width("at@2x/net.py:make") == 7
    assert reader("at@2x/other.py:make").ready
    for name in ("alexnet", "torchvision/alexnet", "net.py:make", "hf/a.json"):
        assert not reader(name).ready
    with pytest.raises(SourceError):
        reader("stash@{0}")
