"""`netscope compare` as people meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import netscope
from netscope.cli import main


def test_several_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "alexnet", "zfnet", "lenet", "--sort", "params"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[2].startswith("zfnet 1×3×224×224 float32 62,357,608 −0.03% 1.168 G +2.9%")
    assert [line.split()[0] for line in lines[1:4]] == ["alexnet", "zfnet", "lenet"]
    assert lines[-1] == "changes are against alexnet"


def test_what_is_said_is_said_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "lenet", "mnist_cnn", "--batch", "4", "-f", "json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert [one["network"]["inputs"][0]["shape"][0] for one in whole["variants"]] == [4, 4]


def test_one_that_fails_leaves_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "lenet", "nothing_like_it", "mnist_cnn"]) == 3
    output = capsys.readouterr()
    assert "nothing_like_it ✗ failed" in " ".join(output.out.split())
    assert "mnist_cnn" in output.out
    assert output.err.startswith("netscope: no model is named 'nothing_like_it'.")


def test_all_that_fail(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "lenet", "mnist_cnn", "--dtype", "f33"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("netscope: no dtype is named 'f33'.")


def test_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (["lenet"], "a comparison is of two models or more"),
        (["lenet", "nope", "--sort", "parms"], "there is no quantity 'parms'"),
        (["lenet", "nope", "--columns", "parms"], "there is no quantity 'parms'"),
    ):
        assert main(["compare", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_saved_reports_keep_their_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = str(tmp_path / "lenet.json")
    netscope.summary("lenet", batch=2).to_json(saved)
    assert main(["compare", saved, "lenet", "--batch", "3", "-f", "csv", "-o", str(tmp_path / "a.csv")]) == 0
    rows = (tmp_path / "a.csv").read_text().splitlines()
    assert [row.split(",")[2] for row in rows[1:]] == ["2x1x28x28", "3x1x28x28"]
