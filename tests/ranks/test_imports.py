"""Modules that ask for the rank when they are imported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import netscope

RANK = """
import os
RANK = int(os.environ.get("RANK", "0"))
"""
NETWORK = """
from torch import nn
from {place} import RANK

def widths():
    return nn.Linear(4, 1 + RANK, bias=False)
"""
OPERATOR = """
import torch
from torch import nn

torch.library.define("netscope_tests::{name}", "(Tensor x) -> Tensor")

def square():
    return nn.Linear(4, 4, bias=False)
"""


def written(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def params(name: str) -> list[int]:
    """Of each of two ranks."""
    found = []
    for rank in range(2):
        report = netscope.summary(name, input="4", mesh="dp=2", rank=rank)
        assert report.ranks is not None
        found.append(report.ranks.own.params)
    return found


def imported() -> dict[str, object]:
    return {name: one for name, one in sys.modules.items() if name.startswith("rank_")}


@pytest.mark.parametrize("neighbour", ["rank_of.py", "rank_package/part.py"])
def test_each_rank_imports_anew(neighbour: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    place = neighbour.removesuffix(".py").replace("/", ".")
    written(tmp_path, {neighbour: RANK, "rank_package/train.py": NETWORK.format(place=place)})
    assert params("rank_package.train:widths") == [4, 8]
    assert imported() == {}
    report = netscope.summary("rank_package.train:widths", input="4", mesh="dp=2")
    assert report.ranks is not None
    assert [(kind.ranks, kind.params) for kind in report.ranks.kinds] == [((0,), 4), ((1,), 8)]


def test_what_was_imported_before_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    written(tmp_path, {"rank_of.py": RANK, "rank_train.py": NETWORK.format(place="rank_of")})
    import rank_train

    before = imported()
    try:
        assert params("rank_train:widths") == [4, 8]
        with pytest.raises(netscope.SourceError, match="no 'missing'"):
            params("rank_train:missing")
        assert imported() == before
        assert sys.modules["rank_train"] is rank_train
        assert set(before) == {"rank_of", "rank_train"}
    finally:
        for name in before:
            del sys.modules[name]


def test_an_operator_is_registered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, {"rank_operator.py": OPERATOR.format(name="once")})
    assert params("rank_operator:square") == [16, 16]
