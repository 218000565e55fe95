"""`netscope diff` as people meet it."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import netscope
from netscope.cli import main

ROOT = Path(__file__).parents[2]

NET = """
from torch import nn

def net(width=8, norm=False):
    layers = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU()]
    if norm:
        layers.insert(1, nn.BatchNorm2d(width))
    return nn.Sequential(*layers, nn.Conv2d(width, 4, 1))
"""


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "nets.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    return "nets.py:net"


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[str]:
    """The lines of standard output, blanks run together."""
    assert main(["diff", *arguments]) == code
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["diff", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") <= 2
    return output.err


def test_alexnet_and_zfnet(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, "alexnet", "zfnet", "-f", "json")
    totals = json.loads("\n".join(lines))["totals"]
    assert (totals["params"]["before"], totals["params"]["after"]) == (62_378_344, 62_357_608)
    assert (totals["macs"]["before"], totals["macs"]["after"]) == (1_135_256_096, 1_168_032_896)
    lines = told(capsys, "alexnet", "zfnet")
    assert "params 62,378,344 → 62,357,608 −20,736 −0.03%" in lines
    assert any("conv1, relu1 kernel 11→7, stride 4→2, padding 0→1 55×55 → 110×110" in line for line in lines)


def test_one_network_at_two_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["torchvision/alexnet", "--input", "3x224x224", "--input-b", "3x227x227"]
    lines = told(capsys, *arguments)
    assert lines[-2:] == [
        "= from features.2 on everything is identical: floor((55 - 3)/2) + 1 = floor((56 - 3)/2) + 1 = 27",
        "2 layers changed, 19 the same (--all shows them)",
    ]


@pytest.mark.parametrize(
    ("arguments", "header"),
    [
        (["--input-b", "3x16x16"], "1×3×8×8 → 1×3×16×16 float32"),
        (["-i-b", "3x16x16"], "1×3×8×8 → 1×3×16×16 float32"),
        (["--batch-b", "4"], "1×3×8×8 → 4×3×8×8 float32"),
        (["--batch", "2", "--batch-b", "4"], "2×3×8×8 → 4×3×8×8 float32"),
        (["--dtype-b", "bf16"], "1×3×8×8 float32 → bfloat16"),
        (["--train-b"], "1×3×8×8 float32 · eval → train"),
        (["--train", "--eval-b"], "1×3×8×8 float32 · train → eval"),
        (["--train", "--batch-b", "4"], "1×3×8×8 → 4×3×8×8 float32 · train"),
    ],
)
def test_what_is_different_about_the_other(
    net: str, capsys: pytest.CaptureFixture[str], arguments: list[str], header: str
) -> None:
    lines = told(capsys, net, "-k", "norm=True", "-i", "3x8x8", *arguments)
    assert lines[0].endswith(f" · {header}")


@pytest.mark.parametrize("option", ["-k-b", "--option-b"])
def test_other_options_of_the_factory(net: str, capsys: pytest.CaptureFixture[str], option: str) -> None:
    lines = told(capsys, net, "-i", "3x8x8", "-k", "width=4", option, "width=16")
    assert lines[0].split(" · ")[0] == "nets.py:net width=4 → nets.py:net width=16"
    assert any("channels out 4→16" in line for line in lines)
    lines = told(capsys, net, "-i", "3x8x8", option, "norm=true")
    assert any(line.startswith("+ 1 BatchNorm2d") for line in lines)


def test_the_others_options_are_as_the_first_ones_where_nothing_is_said(
    net: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = told(capsys, net, net, "-i", "3x8x8", "-k", "width=4")
    assert lines[-1] == "no difference: 3 layers, 132 params"


def test_a_wrong_call(net: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    saved = str(tmp_path / "a.json")
    netscope.summary("lenet").to_json(saved)
    assert refused(capsys, "lenet") == (
        "netscope: a diff is of two networks, or of one in two ways.\n"
        "          name a second one, or give one of --input-b, --batch-b, --dtype-b, --train-b, -k-b, "
        "--mesh-b\n"
    )
    assert "leave out --input-b" in refused(capsys, "lenet", saved, "--input-b", "1x32x32")
    assert "leave out --batch, -k" in refused(capsys, saved, saved, "--batch", "2", "-k", "a=1")
    assert "both networks are saved reports" in refused(capsys, saved, "--batch-b", "2")
    assert "there is no quantity 'parms'" in refused(capsys, "lenet", "lenet", "--columns", "parms")
    assert "cannot read the option 'width'" in refused(capsys, "lenet", "-k-b", "width")


def test_a_saved_report_beside_a_model_takes_no_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = str(tmp_path / "a.json")
    netscope.summary("lenet", batch=2).to_json(saved)
    assert told(capsys, saved, "lenet", "--batch", "2")[-1].startswith("no difference")
    assert told(capsys, "lenet", saved, "--batch", "4")[0] == "lenet · 4×1×28×28 → 2×1×28×28 float32"


def test_the_exit_code_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "lenet", "lenet", "--exit-code")
    told(capsys, "lenet", "mnist_cnn", "--exit-code", code=1)


@pytest.mark.parametrize(
    "arguments",
    [
        "lenet --batch 2 -k-b num_classes=7 --all --columns macs,params",
        "alexnet zfnet --depth 0",
        "alexnet --train --eval-b",
        "alexnet --train-b --path features.*",
    ],
)
def test_the_command_in_a_comment_makes_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: str
) -> None:
    path = tmp_path / "diff.md"
    assert main(["diff", *arguments.split(), "-o", str(path)]) == 0
    comment = path.read_text()
    command = comment.splitlines()[-1].removeprefix("Made by `").removesuffix("`")
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out == comment


def test_rows_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO("\n".join(told(capsys, "alexnet", "zfnet", "-f", "csv")))))
    assert len(rows) == 26
    lines = told(capsys, "alexnet", "zfnet", "--path", "*.conv?", "--columns", "flops")
    assert [line.split()[1] for line in lines if line[:1] in ("~", "=")] == [
        f"features.conv{n}" for n in range(1, 6)
    ]
    assert "~ features 8 of 15 layers changed" in " ".join(told(capsys, "alexnet", "zfnet", "--depth", "1"))


def test_two_saved_reports_need_no_torch(tmp_path: Path) -> None:
    for name in ("alexnet", "zfnet"):
        netscope.summary(name).to_json(tmp_path / f"{name}.json")
    code = (
        "import sys\n"
        "from netscope.cli import main\n"
        "code = main(['diff', 'alexnet.json', 'zfnet.json'])\n"
        "heavy = {'torch', 'numpy', 'pandas', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "62,357,608" in done.stdout


def test_a_network_that_fails_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "lenet", "--input-b", "3x28x28"]) == 3
    output = capsys.readouterr()
    assert "the forward failed in features.conv1" in output.err
