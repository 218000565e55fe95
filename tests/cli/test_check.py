"""`netscope check` as people and workflows meet it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from netscope.cli import main

ROOT = Path(__file__).parents[2]

NETS = """
from torch import nn

def net(width=4):
    print("building")
    return nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 2))
"""

# 8*4 + 4 + 4*2 + 2 = 46 parameters and 8*4 + 4*2 = 40 MACs; with a width of 5, 57 and 50.
PROJECT = """
[tool.netscope.models.small]
model = "nets.py:net"
input = "8"
max = { params = 46, macs = "40" }
shapes = { "" = [-1, 2] }

[tool.netscope.models.wide]
model = "nets.py:net"
input = "8"
batch = 2
options = { width = 5 }
max = { params = 57 }
expect = { macs = 100 }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of networks, and no pyproject.toml."""
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return tmp_path


NET = ["nets.py:net", "--input", "8"]


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (["--max", "params=46"], 0),
        (["--max", "params=45"], 1),
        (["--max", "macs<=40", "--max", "params<46"], 1),
        (["--max", "macs<=80", "-b", "2"], 0),
        (["--max", "params=57", "-k", "width=5"], 0),
    ],
)
def test_the_exit_code(folder: Path, limits: list[str], code: int, capsys: pytest.CaptureFixture[str]):
    assert main(["check", *NET, *limits]) == code
    out = capsys.readouterr().out
    assert ("✗" in out) is bool(code)
    assert "building" not in out


def test_changes_against_a_report_and_a_model(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["summary", *NET, "-o", "base.json"]) == 0
    wide = ["check", *NET, "-k", "width=5", "--against", "base.json"]
    assert main([*wide, "--fail-if", "params>+24%"]) == 0  # 46 -> 57 is 23.9%
    assert main([*wide, "--fail-if", "params>+23%"]) == 1
    assert main([*wide, "--fail-if", "changed"]) == 1
    assert main(["check", *NET, "--against", "nets.py:net", "--fail-if", "changed"]) == 0
    assert main(["check", "base.json", "--max", "params=46"]) == 0
    assert "+23.9%" in capsys.readouterr().out


def test_the_whole_project(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(folder / "deep" / "er")
    assert main(["check", "-f", "json"]) == 0
    networks = json.loads(capsys.readouterr().out)["networks"]
    assert {network["name"]: len(network["verdicts"]) for network in networks} == {"small": 3, "wide": 2}


def test_one_entry_of_the_project(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "pyproject.toml").write_text(PROJECT)
    assert main(["check", "wide"]) == 0
    assert main(["check", "wide", "-k", "width=6"]) == 1  # the command line stands before the entry
    assert main(["check", "wide", "--max", "output_bytes<1"]) == 1  # and adds to its limits
    capsys.readouterr()
    assert main(["summary", *NET, "-b", "2", "-k", "width=5", "-o", "base.json"]) == 0
    (folder / "sub").mkdir()
    os.chdir(folder / "sub")
    assert main(["check", "wide", "--against", "../base.json", "--fail-if", "changed"]) == 0


def test_an_entry_that_cannot_be_traced_does_not_hide_the_others(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    (folder / "pyproject.toml").write_text(PROJECT.replace("nets.py:net", "nets.py:nte", 1))
    assert main(["check", "--junit", "found.xml", "--github"]) == 3
    out, err = capsys.readouterr()
    assert "✓  params" in out
    assert "✗ nets.py has no 'nte'." in out
    assert "::error title=netscope%3A small::nets.py has no 'nte'." in err
    root = ElementTree.parse(folder / "found.xml").getroot()
    assert (root.attrib["tests"], root.attrib["errors"]) == ("3", "1")


def test_files_and_formats(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["check", *NET, "--max", "params=45", "-o", "comment.md", "--junit", "found.xml"]) == 1
    assert capsys.readouterr().out == ""
    text = (folder / "comment.md").read_text(encoding="utf-8")
    assert text.startswith("<!-- netscope:check nets.py:net -->\n### ✗ nets.py:net: the requirement failed\n")
    assert text.endswith("Made by `netscope check nets.py:net --max params=45 --input 8`\n")
    assert ElementTree.parse(folder / "found.xml").getroot().attrib["failures"] == "1"


@pytest.mark.parametrize(
    ("arguments", "marker"),
    [
        ([], "check"),
        (["small"], "check small"),
        (["nets.py:net", "--input", "8", "--max", "params=1"], "check nets.py:net"),
        (["nets.py:net", "--input", "8", "--max", "params=2"], "check nets.py:net"),  # the same when it grows
    ],
)
def test_each_check_has_a_comment_of_its_own(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], marker: str
):
    (folder / "pyproject.toml").write_text(PROJECT)
    main(["check", *arguments, "-f", "markdown"])
    assert capsys.readouterr().out.startswith(f"<!-- netscope:{marker} -->\n")


@pytest.mark.parametrize(
    ("actions", "options", "told"),
    [
        ("true", [], True),
        ("true", ["--no-github"], False),
        ("false", [], False),
        ("false", ["--github"], True),
    ],
)
def test_github_is_told_in_its_workflows(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    actions: str,
    options: list[str],
    told: bool,
):
    monkeypatch.setenv("GITHUB_ACTIONS", actions)
    assert main(["check", *NET, "--max", "params=45", *options, "-f", "csv"]) == 1
    out, err = capsys.readouterr()
    assert ("::error title=netscope%3A nets.py%3Anet::params 46, limit ≤ 45\n" in err) is told
    assert "::" not in out  # data stays data


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "no pyproject.toml here, or above, has a [tool.netscope.models]."),
        (["--max", "params=3"], "--max needs a model."),
        (["--batch", "0"], "--batch needs a model."),
        (["lenet"], "there is nothing to check."),
        (["lenet", "--max", "parms=3"], "there is no quantity 'parms'.\n          did you mean params"),
        (["lenet", "--max", "macs<=5%"], "'macs<=5%' limits a change."),
        (["lenet", "--fail-if", "macs>+5%"], "'macs>+5%' is about a change, and there is nothing to compare"),
        (["base.json", "--max", "params=3", "-b", "3"], "base.json is a saved report, which has its input"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_call(folder: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]):
    assert main(["check", *arguments]) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"netscope: {says}")
    assert (out, err.count("\n") <= 2) == ("", True)


def test_a_model_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["check", "alexnte", "--max", "params=3"]) == 3
    assert "Did you mean alexnet" in capsys.readouterr().err
    assert main(["check", "lenet", "--max", "params=1M", "--against", "absent.json"]) == 3
    assert main(["check", "lenet", "--max", "params=1M", "--junit", "absent/x.xml"]) == 3
    assert "there is no folder absent" in capsys.readouterr().err


def test_a_mistake_in_the_project_names_file_and_key(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "pyproject.toml").write_text(PROJECT.replace("macs = 100", "mcas = 100"))
    assert main(["check"]) == 2
    says = "netscope: pyproject.toml: tool.netscope.models.wide.expect.mcas: there is no quantity 'mcas'.\n"
    assert capsys.readouterr().err.startswith(says)


@pytest.mark.whole
def test_a_process_that_is_piped(folder: Path):
    (folder / "pyproject.toml").write_text(PROJECT.replace("params = 46", "params = 45"))
    clean = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    done = subprocess.run(
        [sys.executable, "-m", "netscope", "check"],
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "GITHUB_ACTIONS": "true"},
    )
    assert done.returncode == 1
    assert done.stdout.splitlines()[2:7] == [
        "             limit   found  headroom",
        "✗  params     ≤ 45      46     −2.2%",
        "✓  MACs       ≤ 40      40      0.0%",
        "✓  output  (-1, 2)  (1, 2)",
        "",
    ]
    assert done.stdout.endswith("\n1 of 5 requirements failed\n")
    assert "::error title=netscope%3A small::params 46, limit ≤ 45\n" in done.stderr
