"""A repository with two commits for the tests of revisions, and what reads it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import netscope
from tests.reports import relu, report

ROOT = Path(__file__).parents[3]

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
