"""Where an answer goes and in what form: every command with -o goes by the same rule."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from netscope.base.errors import UsageError
from netscope.cli import main
from netscope.cli.app import app
from netscope.cli.common.options import Format
from netscope.cli.common.output import destination

# What each command that writes files must be given to answer quickly.
ARGUMENTS = {
    "summary": ["lenet"],
    "diff": ["lenet", "lenet"],
    "compare": ["lenet", "lenet"],
    "explain": ["lenet", "features.conv1"],
    "lint": ["lenet"],
    "profile": ["tests/data/reports/2.json"],
    "roofline": ["lenet", "--device-spec", "h200"],
    "check": ["lenet", "--max", "params=65M"],
}


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("x.md", Format.markdown),
        ("x.MARKDOWN", Format.markdown),
        ("x.csv", Format.csv),
        ("x.json", Format.json),
        ("x.txt", Format.table),
        ("x", Format.table),
        (".x", Format.table),
    ],
)
def test_the_files_name_says_the_format(tmp_path: Path, name: str, form: Format) -> None:
    path = tmp_path / name
    assert destination(None, path) == (form, path)
    assert destination(Format.csv, path) == (Format.csv, path)


def test_without_a_file_or_a_format_it_is_a_table() -> None:
    assert destination(None, None) == (Format.table, None)


@pytest.mark.parametrize("name", ["x.html", "x.xlsx", "resnet.v2", "x.md.bak"])
def test_a_name_that_says_nothing_is_refused_unless_a_format_is_given(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot tell the format"):
        destination(None, tmp_path / name)
    assert destination(Format.json, tmp_path / name) == (Format.json, tmp_path / name)


def test_every_command_with_an_output_is_tried_here() -> None:
    commands = typer.main.get_command(app).commands
    writing = {
        name
        for name, command in commands.items()
        if any("--output" in option.opts for option in command.params)
    }
    assert writing == ARGUMENTS.keys()


@pytest.mark.parametrize("command", ARGUMENTS)
def test_each_command_refuses_a_name_before_time_is_spent_and_writes_any_with_a_format(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "answer.foo"
    call = [command, *ARGUMENTS[command], "-o", str(path)]
    assert main(call) == 2
    assert not path.exists()
    assert capsys.readouterr().err == (
        f"netscope: cannot tell the format of {str(path)!r} by its name.\n"
        "          end it in .txt, .md, .csv or .json, or give --format\n"
    )
    assert main([*call, "--format", "csv"]) == 0
    assert path.read_text(encoding="utf-8").startswith(("schema_version,", "path,"))
    assert capsys.readouterr().out == ""
