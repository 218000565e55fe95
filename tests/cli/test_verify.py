"""`netscope verify` as people meet it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from netscope.answers.verify.peers import peers
from netscope.cli import main
from tests.answers.verify.planted import planted

NET = """
from torch import nn

def net(width=4):
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))

def broken():
    return nn.Sequential(nn.Linear(5, 2))
"""


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "nets.py"
    path.write_text(NET)
    return f"{path}:net"


def test_reasons_go_to_standard_output(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", model, "--input", "3x6x6", "-k", "width=8", "--batch", "2"]) == 0
    shown = capsys.readouterr()
    # 8 maps of 4x4 of 2 samples, and 2 for each element of the norm.
    assert "+256  1 layer  counts the bias of 1 Conv2d as MACs" in shown.out
    assert "+512  1 layer  counts batch_norm: 2 for each of 256 elements" in shown.out
    assert shown.out.splitlines()[-1] == "✓ every difference has its reason"
    assert shown.err == ""


def test_one_without_a_reason_exits_1(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    with planted("convolutions twice"):
        assert main(["verify", model, "--input", "3x6x6"]) == 1
    assert "no reason: 0" in capsys.readouterr().out


def test_some_peers(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--peer", "torchinfo,fvcore", "--input", "3x6x6", "-f", "json"]
    assert main(["verify", model, *asked]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert [peer["name"] for peer in whole["peers"]] == ["fvcore", "torchinfo"]


def test_a_peer_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "no_such_net", "--peer", "torchinfoo"]) == 2
    assert "there is no peer 'torchinfoo'" in capsys.readouterr().err


def test_help_names_all_peers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert all(name in text for name in peers())


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["tests/data/reports/1.json"], 2, "a report has no network that others could count"),
        (["lenet", "--time-limit", "0"], 2, "--time-limit is a number of seconds, not 0"),
        (["alexnext"], 3, "no model is named 'alexnext'"),
        (["BROKEN", "--input", "4"], 3, "the forward failed in 0"),
    ],
)
def test_wrong_calls(
    arguments: list[str], code: int, said: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [model.replace(":net", ":broken") if word == "BROKEN" else word for word in arguments]
    assert main(["verify", *arguments]) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""


def test_a_file_in_the_format_of_its_name(model: str, tmp_path: Path) -> None:
    path = tmp_path / "verify.md"
    assert main(["verify", model, "--input", "3x6x6", "-o", str(path)]) == 0
    assert "counts the bias of 1 Conv2d as MACs" in path.read_text(encoding="utf-8")


def test_every_layer_on_request(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "alexnet", "--all", "--peer", "torchinfo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.endswith("torchinfo: bias") for line in lines) == 8


@pytest.mark.whole
def test_no_peer_is_imported_before_it_is_asked() -> None:
    code = (
        "import sys, netscope.cli.verify, netscope.api.verify, netscope.answers.verify\n"
        "print(sorted({'torch', 'torchinfo', 'fvcore', 'torchvision', 'pandas'} & set(sys.modules)))\n"
        "import netscope\n"
        "assert netscope.verify('lenet').explained\n"
        "print(sorted({'torchinfo', 'fvcore'} & set(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n[]\n"
