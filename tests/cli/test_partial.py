"""Partial answers at the door: what commands say of them, and that none takes a good file's place."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from pathlib import Path

import pytest

from netscope.cli import main

NETS = """
from torch import nn

class Good(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.first = nn.Linear(8, 8)
        self.second = nn.Linear(width, 2)
        self.third = nn.ReLU()

    def forward(self, x):
        return self.third(self.second(self.first(x)))

class Bad(Good):
    def __init__(self):
        super().__init__(width=9)

def missing():
    raise ValueError("no good")
"""
# What a good run wrote last week.
GOOD = "last week's"


@pytest.fixture(autouse=True)
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    Path("nets.py").write_text(NETS)


def run(*arguments: str) -> int:
    return main([*arguments, "-i", "8"])


@pytest.fixture
def broken() -> str:
    """The saved report of the network that fails."""
    assert run("summary", "nets.py:Bad", "-o", "bad.json") == 3
    return "bad.json"


# Files


@pytest.mark.parametrize("command", ["summary", "lint", "explain"])
@pytest.mark.parametrize("name", ["r.json", "r.md", "r.csv", "r.html", "r.txt", "r"])
def test_a_failed_run_replaces_no_file(command: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(name).write_text(GOOD)
    assert run(command, "nets.py:Bad", "-o", name) == 3
    assert Path(name).read_text() == GOOD
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{name} is as it was" in err
    assert "another name" in err
    assert "the forward failed in second" in err


@pytest.mark.parametrize("command", ["summary", "lint", "explain"])
def test_a_new_file_says_that_it_is_partial(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command, "nets.py:Bad", "-o", "new.json") == 3
    assert "new.json is partial" in capsys.readouterr().err
    assert "reduction dim" in json.loads(Path("new.json").read_text())["error"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("diff", "nets.py:Good", "nets.py:Bad"),
        ("diff", "nets.py:Bad", "nets.py:Good"),
        ("compare", "nets.py:Good", "nets.py:Bad"),
        ("compare", "nets.py:Bad", "nets.py:Good"),
        ("compare", "nets.py:Good", "nets.py:missing"),
        ("summary", "nets.py:missing"),
        ("profile", "nets.py:Bad", "--device", "cpu", "--device-spec", "none", "--max-time", "0.1"),
        ("roofline", "nets.py:Bad", "--device-spec", "h200"),
    ],
    ids=lambda arguments: " ".join(arguments[:3]),
)
def test_no_command_replaces_a_file_when_a_network_fails(arguments: tuple[str, ...]) -> None:
    Path("r.json").write_text(GOOD)
    assert run(*arguments, "-o", "r.json") == 3
    assert Path("r.json").read_text() == GOOD


def test_a_link_to_a_good_file_is_left_too() -> None:
    Path("good.json").write_text(GOOD)
    Path("r.json").symlink_to("good.json")
    assert run("summary", "nets.py:Bad", "-o", "r.json") == 3
    assert Path("good.json").read_text() == GOOD
    assert Path("r.json").is_symlink()


def test_a_good_run_replaces_what_a_failed_one_left(broken: str) -> None:
    assert run("summary", "nets.py:Good", "-o", broken) == 0
    assert json.loads(Path(broken).read_text())["error"] is None


def test_a_saved_partial_report_replaces_no_good_one(broken: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("r.json").write_text(GOOD)
    assert main(["summary", broken, "-o", "r.json"]) == 3
    assert Path("r.json").read_text() == GOOD
    assert "r.json is as it was" in capsys.readouterr().err
    assert main(["summary", broken, "-o", "new.md"]) == 0
    assert "raised RuntimeError" in Path("new.md").read_text()


def test_a_comparison_of_failed_networks_may_be_written_anew() -> None:
    assert run("compare", "nets.py:Good", "nets.py:Bad", "-o", "new.json") == 3
    first, second = json.loads(Path("new.json").read_text())["variants"]
    assert first["error"] is None
    assert "the forward failed in second" in second["error"]


def test_a_check_that_fails_replaces_the_verdicts_of_last_week(broken: str) -> None:
    """Its answer is whole, and that it held last week is what nobody should read."""
    Path("r.json").write_text(GOOD)
    assert main(["check", broken, "--max", "macs=1M", "-o", "r.json", "--junit", "r.xml"]) == 1
    assert json.loads(Path("r.json").read_text())["passed"] is False
    assert 'errors="1"' in Path("r.xml").read_text()


def test_a_device_is_written_to_in_any_case() -> None:
    fifo = Path("pipe")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run("summary", "nets.py:Bad", "-o", "pipe", "-f", "csv") == 3
        assert b"second" in os.read(reader, 1 << 16)
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(fifo.stat().st_mode)


# What is said


def text_of(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(list(arguments)) == code
    return " ".join(capsys.readouterr().out.split())


WHY = "is partial: second raised RuntimeError: "


def test_every_command_says_that_a_saved_report_is_partial(
    broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("summary", "nets.py:Good", "-o", "good.json") == 0
    assert WHY in text_of(capsys, "check", broken, "--max", "macs=1K", code=1)
    assert WHY in text_of(capsys, "check", "good.json", "--against", broken, "--fail-if", "macs>0", code=1)
    assert WHY in text_of(capsys, "diff", broken, broken)
    assert WHY in text_of(capsys, "diff", "good.json", broken)
    assert WHY in text_of(capsys, "compare", "good.json", broken)
    assert WHY in text_of(capsys, "lint", broken)
    assert WHY in text_of(capsys, "explain", broken)
    for form in ("table", "markdown", "html"):
        assert "second raised RuntimeError" in text_of(capsys, "summary", broken, "-f", form)
    diff = json.loads(text_of(capsys, "diff", "good.json", broken, "-f", "json"))
    compared = json.loads(text_of(capsys, "compare", "good.json", broken, "-f", "json"))["variants"]
    for good, bad in ((diff["before"], diff["after"]), [variant["network"] for variant in compared]):
        assert (good["error"], good["unseen"]) == (None, {})
        assert "RuntimeError" in bad["error"]
        assert bad["unseen"]
    for command in ("lint", "explain"):
        assert "reduction dim" in json.loads(text_of(capsys, command, broken, "-f", "json"))["error"]
    data = json.loads(text_of(capsys, "check", broken, "--max", "macs=1M", "-f", "json", code=1))
    (checked,) = data["networks"]
    assert (checked["passed"], checked["whole"]) == (False, False)


def test_two_broken_reports_are_not_the_same(broken: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no difference in what is known" in text_of(capsys, "diff", broken, broken, "--exit-code", code=1)
    assert run("summary", "nets.py:Good", "-o", "good.json") == 0
    text_of(capsys, "diff", "good.json", broken, "--exit-code", code=1)
    assert "no difference: " in text_of(capsys, "diff", "good.json", "good.json", "--exit-code")


def test_limits_say_why_they_fail(broken: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = text_of(capsys, "check", broken, "--max", "macs=1K", "--max", "params=100", "--github", code=1)
    assert "not known: the forward failed in second" in said
    assert "1 of 2 requirements failed" in said
    assert "too much already" in text_of(capsys, "check", broken, "--max", "macs=63", code=1)


def test_a_project_with_a_broken_report_fails(broken: str) -> None:
    for limited, code in (("macs", 1), ("params", 0)):
        entry = f'[tool.netscope.models.net]\nmodel = "{broken}"\nmax = {{ {limited} = "1M" }}\n'
        Path("pyproject.toml").write_text(entry)
        assert main(["check"]) == code


def test_csv_has_empty_cells_and_says_why(broken: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["summary", broken, "-f", "csv"]) == 0
    rows = {row["path"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert (rows["first"]["macs"], rows["first"]["own_macs"], rows["first"]["unknown"]) == ("64", "64", "{}")
    for path in ("", "second", "third"):
        for key in ("macs", "own_macs", "flops", "vector", "output_bytes", "own_output_bytes", "share"):
            assert rows[path][key] == "", (path, key)
        assert "work after the failure" in rows[path]["unknown"]
    assert rows["second"]["params"] == "20"
    assert (rows[""]["counted_macs"], rows["second"]["counted_macs"]) == ("64", "0")


def test_an_explained_row_that_was_not_reached_has_no_zero(
    broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = text_of(capsys, "explain", broken, "third")
    assert "not reached" in said
    assert "MACs ? the forward failed before all of it was done" in said
    assert "not called" not in said
    lines = csv.DictReader(io.StringIO("\n".join(run_csv(capsys, broken))))
    assert {line["key"]: line["value"] for line in lines if line["path"] == "third"}["macs"] == ""


def run_csv(capsys: pytest.CaptureFixture[str], report: str) -> list[str]:
    capsys.readouterr()
    assert main(["explain", report, "-f", "csv"]) == 0
    return capsys.readouterr().out.splitlines()
