"""Where an answer goes and in what form: every command with -o goes by the same rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from netscope.base.errors import UsageError
from netscope.cli import main
from netscope.cli.app import app
from netscope.cli.common.options import complete_format
from netscope.cli.common.output import destination
from netscope.show import formats
from tests import fonts

# What each command that writes files must be given to answer quickly.
ARGUMENTS = {
    "summary": ["lenet"],
    "diff": ["lenet", "lenet"],
    "compare": ["lenet", "lenet"],
    "explain": ["lenet", "features.conv1"],
    "lint": ["lenet"],
    "profile": ["tests/data/reports/2.json"],
    "verify": ["lenet", "--peer", "flop_counter"],
    "roofline": ["lenet", "--device-spec", "h200"],
    "memory": ["lenet"],
    "check": ["lenet", "--max", "params=65M"],
    "models": ["lenet"],
}
# A page, and nothing else.
PAGES = {"view": ["lenet", "--no-open"]}


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("x.md", "markdown"),
        ("x.MARKDOWN", "markdown"),
        ("x.csv", "csv"),
        ("x.csv_raw", "csv_raw"),
        ("x.json", "json"),
        ("x.html", "html"),
        ("x.mmd", "mermaid"),
        ("x.svg", "svg"),
        ("x.PNG", "png"),
        ("x.txt", "table"),
        ("x", "table"),
        (".x", "table"),
    ],
)
def test_the_files_name_says_the_format(tmp_path: Path, name: str, form: str) -> None:
    path = tmp_path / name
    assert destination(None, path) == (form, path)
    assert destination("csv", path) == ("csv", path)


def test_without_a_file_or_a_format_it_is_a_table() -> None:
    assert destination(None, None) == ("table", None)


@pytest.mark.parametrize("name", ["x.xlsx", "resnet.v2", "x.md.bak"])
def test_a_name_that_says_nothing_is_refused_unless_a_format_is_given(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot tell the format"):
        destination(None, tmp_path / name)
    assert destination("json", tmp_path / name) == ("json", tmp_path / name)


COMMANDS = typer.main.get_command(app()).commands


def option(command: str, name: str) -> typer.core.TyperOption | None:
    return next((option for option in COMMANDS[command].params if name in option.opts), None)


def test_every_command_is_tried_here_and_has_an_output_and_a_format() -> None:
    assert COMMANDS.keys() == ARGUMENTS.keys() | PAGES.keys()
    assert all(option(name, "--output") for name in COMMANDS)
    assert all(option(name, "--format") for name in ARGUMENTS)


def test_formats_are_the_files_of_their_folder() -> None:
    """Nothing else names them: not -f, not -o, not help, not completion."""
    found = Path(formats.__file__).parent.iterdir()
    files = {path.stem for path in found if not path.name.startswith("_")}
    assert set(formats.names()) == files
    assert complete_format("") == formats.names()
    assert complete_format("ma") == ["markdown"]
    assert complete_format("me") == ["mermaid"]
    for name in ARGUMENTS:
        shown = option(name, "--format")
        assert shown is not None
        assert set(re.findall(r"\w+", shown.help.partition(";")[0])) - {"or"} == files
    for form in formats.formats().values():
        assert destination(form.name, None) == (form.name, None)
        assert {destination(None, Path(f"x{end}")).format for end in form.suffixes} == {form.name}


@pytest.mark.parametrize("form", formats.names())
def test_each_format_is_written(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if form == "mermaid":
        pytest.skip("an old report has no network to draw")
    if form == "png":
        pytest.skip("bytes are written below")
    assert main(["summary", "tests/data/reports/2.json", "-f", form]) == 0
    shown = capsys.readouterr().out
    path = tmp_path / f"x{formats.find(form).suffixes[0]}"
    assert main(["summary", "tests/data/reports/2.json", "-o", str(path)]) == 0
    assert path.read_text(encoding="utf-8") == shown


@fonts.needed
def test_bytes_are_written_as_they_are(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "x.png"
    call = ["summary", "tests/data/reports/2.json"]
    assert main([*call, "-o", str(path)]) == 0
    assert main([*call, "-f", "png"]) == 0
    shown = capfdbinary.readouterr().out
    assert shown.startswith(b"\x89PNG")
    assert path.read_bytes() == shown


def test_which_picture_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "alexnet", "-f", "svg", "--picture", "map:params"]) == 0
    assert "by params: 62,378,344" in capsys.readouterr().out
    assert main(["summary", "alexnet", "-f", "svg"]) == 0
    assert "Conv2d 11×11 /4" in capsys.readouterr().out
    assert main(["summary", "lenet", "-f", "svg", "--picture", "mop"]) == 2
    assert "there is no picture 'mop'" in capsys.readouterr().err


def test_a_terminal_gets_no_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    with pytest.raises(UsageError, match="a terminal shows no png") as caught:
        destination("png", None)
    assert caught.value.hint == "write it to a file: -o net.png"
    assert destination("svg", None) == ("svg", None)


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
        "          end it in .txt, .csv, .csv_raw, .html, .json, .md, .mmd, .png or .svg, or give --format\n"
    )
    assert main([*call, "--format", "csv"]) == 0
    assert path.read_text(encoding="utf-8").startswith("schema_version,")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("command", PAGES)
def test_a_command_of_pages_takes_names_of_pages_alone(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = [command, *PAGES[command], "-o"]
    for name in ("answer.json", "answer", "answer.txt"):
        assert main([*call, str(tmp_path / name)]) == 2
        assert "is no name of a page" in capsys.readouterr().err
    assert main([*call, str(tmp_path / "answer.foo")]) == 2
    assert list(tmp_path.iterdir()) == []
    assert main([*call, str(tmp_path / "answer.htm")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'answer.htm'}\n"
    assert (tmp_path / "answer.htm").read_text(encoding="utf-8").lower().startswith("<!doctype html>")
