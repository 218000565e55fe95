"""`netscope profile` and `netscope roofline` as people meet them."""

from __future__ import annotations

import json
import re
import sys
import threading
from pathlib import Path

import pytest
import torch

from netscope.cli import main
from netscope.cli.common.progress import progress
from tests.cli.test_doors import nets, run

__all__ = ["nets"]

QUICK = ("--device", "cpu", "--threads", "1", "--warmup", "0", "--max-time", "0.05", "--device-spec", "none")


@pytest.mark.whole
def test_a_profile_says_the_answer_first_and_nothing_on_stderr(tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    result = run("profile", "lenet", *QUICK, "--trace", str(trace))
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("lenet · zoo")
    assert re.match(r"latency +[\d.]+ [mu]?s ", lines[2])
    assert any(re.match(r"end to end .* = layers .* \+ unattributed 0 s \+ idle ", line) for line in lines)
    assert any(line.startswith("features.conv2 ") for line in lines)
    assert {event["ph"] for event in json.loads(trace.read_text())["traceEvents"]} <= {"X", "M", "s", "f"}


def test_a_profile_is_saved_shown_again_compared_and_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = str(tmp_path / "profile.json")
    assert main(["profile", "lenet", *QUICK, "-o", saved]) == 0
    assert main(["profile", saved, "--all"]) == 0
    shown = capsys.readouterr().out
    assert "├─ conv1" in shown
    assert main(["summary", saved, "--columns", "time,kernels"]) == 0
    assert "kernels" in capsys.readouterr().out
    assert main(["diff", saved, saved]) == 0
    assert re.search(r"latency .*, no change.* noise", capsys.readouterr().out)
    assert main(["check", saved, "--max", "latency<=10s", "--max", "throughput>=0.1"]) == 0
    assert main(["check", saved, "--max", "latency<=1us"]) == 1


def test_several_batches_are_a_curve(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "lenet", *QUICK, "--batch", "4,1", "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[1] for line in lines] == ["batch", "1", "4"]


def test_training_and_formats(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["profile", "lenet", *QUICK, "--train", "--optimizer", "sgd", "-b", "2", "-f", "markdown"]) == 0
    )
    text = capsys.readouterr().out
    assert "- backward: **" in text
    assert "| optimizer |" in text


@pytest.mark.whole
def test_what_a_step_prints_is_no_data(nets: Path) -> None:
    (nets / "loud.py").write_text(
        "from torch import nn\n"
        "class Loud(nn.Module):\n"
        "    def forward(self, x):\n"
        "        print('running')\n"
        "        return x + 1\n"
    )
    result = run("profile", "loud.py:Loud", "--input", "4", *QUICK, "-f", "json", cwd=nets)
    assert result.returncode == 0
    assert json.loads(result.stdout)["timing"]["batch"] == 1
    assert "running" in result.stderr


@pytest.mark.whole
def test_a_forward_that_raises_is_exit_code_3(nets: Path) -> None:
    result = run("profile", "nets.py:Net", "--input", "8", *QUICK, cwd=nets)
    assert result.returncode == 3
    assert "the forward failed in second" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--device", "tpu"], "'tpu' cannot be measured"),
        (["--batch", "x"], "cannot read the batch 'x'"),
        (["--batch", "0"], "cannot read the batch '0'"),
        (["--cuda-graph", "--device", "cpu"], "nothing is replayed as a graph on cpu"),
        (["--dtype", "int8"], "steps in int8 are neither measured nor bounded"),
        (["--dtype", "fp8"], "steps in fp8 are neither measured nor bounded"),
        (["--device-spec", "h2000"], "Did you mean h200"),
        (["--batch", "1,2", "--trace", "t.json"], "a curve has no trace"),
        (["-o", "t.json", "--trace", "t.json"], "cannot be both the report and its trace"),
        (["--min-time", "3", "--max-time", "2"], "the least time (3 s) is more than the most (2 s)"),
        (["--batch", "1,2", "--top", "3"], "a curve has no layers"),
        (["--optimizer", "sgd"], "an optimizer is of training steps"),
        (["--train", "--optimizer", "lion"], "no optimizer is named 'lion'"),
        ([*QUICK, "--top", "0"], "the number of rows must be 1 or more"),
    ],
)
def test_wrong_calls_are_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profile", "lenet", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) <= 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_says_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "lenet", "--device", "cuda"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "netscope: torch finds no GPU here.",
        "          use --device cpu",
    ]


def test_a_roofline_is_of_a_machine_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["roofline", "alexnet", "--device-spec", "h200", "--dtype", "bf16", "--all"]) == 0
    text = capsys.readouterr().out
    assert "on NVIDIA H200 SXM in bf16" in text
    assert "no prediction" in text
    assert re.search(r"fc6 .* memory", text)
    assert main(["roofline", "alexnet"]) == 2
    assert "which machine? Give --device-spec." in capsys.readouterr().err
    assert main(["roofline", "--list"]) == 0
    listed = capsys.readouterr().out
    assert "NVIDIA H200 data sheet (2024)" in listed
    assert "rtx-4090" in listed


def test_a_saved_roofline_has_its_heaviest_rows_by_either_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = str(tmp_path / "roof.json")
    assert main(["roofline", "alexnet", "--device-spec", "h200", "-o", saved]) == 0
    assert main(["roofline", saved, "--top", "2"]) == 0
    shown = capsys.readouterr().out
    assert "classifier.fc6" in shown
    assert main(["profile", saved, "--top", "2"]) == 0
    assert capsys.readouterr().out == shown


def test_progress_is_for_a_terminal_and_takes_no_thread(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress() as watch:
        assert watch is None
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    threads = threading.active_count()
    with progress() as watch:
        assert watch is not None
        watch("steps", 0.5)
        assert threading.active_count() == threads
    captured = capsys.readouterr()
    assert "steps" in captured.err
    assert captured.out == ""
