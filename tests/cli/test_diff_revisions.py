"""`netscope diff REVISION@file file`: what a reviewer types, on a small repository with known edits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(shutil.which("git") is None, reason="there is no git"),
]

BEFORE = """
from collections import OrderedDict
from torch import nn

def make():
    return nn.Sequential(OrderedDict(
        stem=nn.Conv2d(3, 16, 3, padding=1),
        act=nn.ReLU(),
        body=nn.Conv2d(16, 16, 3, padding=1),
        pool=nn.AdaptiveAvgPool2d(1),
        flat=nn.Flatten(),
        fc=nn.Linear(16, 10),
    ))
"""
# `stem` has a norm behind it, `body` is wider, `fc` is called `head`.
AFTER = (
    BEFORE.replace("        act=", "        norm=nn.BatchNorm2d(16),\n        act=")
    .replace("nn.Conv2d(16, 16,", "nn.Conv2d(16, 24,")
    .replace("fc=nn.Linear(16,", "head=nn.Linear(24,")
)


def git(folder: Path, *arguments: str) -> str:
    names = {f"GIT_{who}_{what}": "a@b.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**clean, **names, "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits on `main`, the first tagged `old`, and an uncommitted file."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    for text, tag in ((BEFORE, "old"), (AFTER, "new")):
        (tmp_path / "net.py").write_text(text, encoding="utf-8")
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "--quiet", "--no-gpg-sign", "-m", tag)
        git(tmp_path, "tag", tag)
    (tmp_path / "notes.txt").write_text("not committed", encoding="utf-8")
    return tmp_path


def state(folder: Path) -> tuple[str, str, dict[str, bytes]]:
    files = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    status = git(folder, "--no-optional-locks", "status", "--porcelain")
    return git(folder, "rev-parse", "HEAD"), status, files


@pytest.mark.parametrize("after", ["net.py:make", "new@net.py:make"])
def test_two_revisions_differ_as_they_were_edited(repository: Path, after: str) -> None:
    found = state(repository)
    done = subprocess.run(
        [sys.executable, "-m", "netscope", "diff", "old@net.py:make", after, "-i", "3x16x16", "-f", "json"],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert state(repository) == found
    pairs = {(p["before"], p["after"]): p for p in json.loads(done.stdout)["pairs"]}
    told = {
        pair: {c["what"]: (c["before"], c["after"]) for c in p["changes"]}
        for pair, p in pairs.items()
        if p["status"] != "=" and pair != ("", "")
    }
    assert {pair for pair, p in pairs.items() if p["status"] == "="} == {("stem", "stem"), ("act", "act")}
    assert pairs[None, "norm"]["status"] == "+"
    assert told["body", "body"]["out_channels"] == (16, 24)
    assert told["fc", "head"]["name"] == ("fc", "head")
    assert told["fc", "head"]["in_features"] == (16, 24)
    # What follows from the wider layer, and nothing else.
    assert told.keys() == {
        (None, "norm"), ("body", "body"), ("pool", "pool"), ("flat", "flat"), ("fc", "head"),
    }  # fmt: skip
    assert told["pool", "pool"].keys() <= {"output", "own_vector", "own_output_bytes"}
