"""`netscope memory` as people meet it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from netscope.cli import main

NET = """
from torch import nn

def net(width=4):
    return nn.Sequential(nn.Linear(5, width), nn.ReLU(), nn.Linear(width, 2))
"""


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "nets.py"
    path.write_text(NET)
    return f"{path}:net"


def test_it_is_predicted_in_a_process_of_its_own(model: str) -> None:
    command = [sys.executable, "-m", "netscope", "memory", model, "--input", "5", "--train", "-f", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    whole = json.loads(done.stdout)
    # 5 x 4 + 4 and 4 x 2 + 2 numbers of four bytes, and of AdamW twice as many with four counts.
    assert whole["memory"]["parameters"] == 4 * 34
    assert whole["memory"]["optimizer_state"] == 2 * 4 * 34 + 4 * 4
    assert whole["totals"]["training_peak"] == whole["memory"]["training"]["peak"]


def test_options_of_training_mean_training(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    for option in (["--optimizer", "sgd"], ["--accumulate", "2"], ["--keep-gradients"], ["--loss", "mean"]):
        assert main(["memory", model, "--input", "5", *option]) == 0
        assert "training peak" in capsys.readouterr().out


def test_a_snapshot_is_written(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "step.pickle"
    assert (
        main(["memory", model, "--input", "5", "--train", "--device", "cuda", "--snapshot", str(path)]) == 0
    )
    assert "reserved" in capsys.readouterr().out
    assert pickle.loads(path.read_bytes())["device_traces"]
    same = ["-o", str(tmp_path / "x.json"), "--snapshot", str(tmp_path / "x.json")]
    assert main(["memory", model, "--input", "5", *same]) == 2


def test_columns_of_memory_are_to_be_had_in_a_summary(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", model, "--input", "5", "--train", "--columns", "saved,peak", "-f", "csv"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "schema_version,path,saved,own_saved,peak"
    # The first layer keeps its input.
    assert rows[2].split(",")[1:3] == ["0", "20"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--context", "many"], "cannot read the context 'many'"),
        (["--optimizer", "adamm"], "did you mean adam"),
        (["--checkpoint", "nothing"], "no module's path matches 'nothing'"),
        (["--context", "8"], "takes no text"),
    ],
)
def test_wrong_calls_are_told(
    model: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memory", model, "--input", "5", *arguments]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""
    assert len(shown.err.splitlines()) <= 2
