"""`netscope lint` as people meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netscope.cli import main

NET = """
from torch import nn

def conv1(padding=0):
    return nn.Sequential(nn.Conv2d(3, 96, 11, 4, padding=padding), nn.ReLU())
"""


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "nets.py"
    path.write_text(NET)
    return f"{path}:conv1"


def test_findings_go_to_standard_output(model: str, capsys: pytest.CaptureFixture[str]):
    assert main(["lint", model, "--input", "3x224x224", "--select", "NS101"]) == 0
    assert "NS101  warning  0  11×11 windows with stride 4 do not tile 224×224" in capsys.readouterr().out


@pytest.mark.parametrize(("side", "code"), [(224, 1), (227, 0)])
def test_the_exit_code_on_request(model: str, side: int, code: int, capsys: pytest.CaptureFixture[str]):
    assert main(["lint", model, "--input", f"3x{side}x{side}", "--select", "NS101", "--exit-code"]) == code


def test_information_is_no_failure(model: str, capsys: pytest.CaptureFixture[str]):
    padded = ["-k", "padding=2", "-i", "3x224x224", "--select", "NS102"]
    assert main(["lint", model, *padded, "--exit-code", "-f", "json"]) == 0
    assert [f["code"] for f in json.loads(capsys.readouterr().out)["findings"]] == ["NS102"]


def test_a_check_that_is_not_there(capsys: pytest.CaptureFixture[str]):
    assert main(["lint", "lenet", "--select", "NS11"]) == 2
    assert "there is no check 'NS11'" in capsys.readouterr().err


def test_the_list_of_checks(capsys: pytest.CaptureFixture[str]):
    assert main(["lint", "--list"]) == 0
    text = capsys.readouterr().out
    assert "NS101  warning  untiled-windows" in text
    assert all(line.startswith("NS") for line in text.splitlines())


def test_what_a_check_is_about(capsys: pytest.CaptureFixture[str]):
    assert main(["lint", "--explain", "ns101"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("# NS101 untiled-windows\n\nWindows stop short")
    assert shown.err == ""


def test_what_is_no_check_cannot_be_explained(capsys: pytest.CaptureFixture[str]):
    assert main(["lint", "--explain", "untiled"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "there is no check 'untiled'" in shown.err
    assert "did you mean untiled-windows?" in shown.err
