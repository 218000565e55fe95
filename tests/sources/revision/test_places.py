"""Where revisions lie: odd repositories, and ways by which the working tree could get in."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import textwrap
from pathlib import Path

import pytest

import netscope
from netscope.base.errors import SourceError, UsageError
from tests.sources.revision.repository import ROOT, Repo, cli, saved, width

pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(shutil.which("git") is None, reason="there is no git"),
]


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


@pytest.mark.parametrize(
    ("left_out", "says"), [("blob:none", "holds no content of"), ("tree:0", "cannot list")]
)
def test_nothing_is_fetched_into_a_partial_clone(
    left_out: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, part = Repo(tmp_path / "whole"), tmp_path / "part"
    whole.git("config", "uploadpack.allowFilter", "true")
    whole.git("config", "uploadpack.allowAnySHA1InWant", "true")
    whole.git("clone", "--quiet", "--no-checkout", f"--filter={left_out}", f"file://{whole.root}", str(part))
    monkeypatch.chdir(part)
    with pytest.raises(SourceError, match=says) as caught:
        netscope.summary("old@saved.json")
    assert (caught.value.hint or "").startswith("this clone is partial: `git archive ")
    # What the hint says helps.
    subprocess.run(
        ["git", "archive", "-o", os.devnull, "--format=tar", "old"], check=True, capture_output=True
    )
    assert saved("old") == "16"


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
