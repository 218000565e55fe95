"""What pyproject.toml may say, and how a slip in it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from netscope.answers.check import Returns, parse_change, parse_limit
from netscope.answers.check.project import Target, nearest, read
from netscope.base.errors import UsageError

WHOLE = """
[tool.netscope.models.detector]
model = "nets.py:Detector"
input = ["3x640x640", "ids=128:int64"]
batch = 2
dtype = "bfloat16"
train = true
options = { classes = 80, wide = true }
max = { params = "40M", macs = "<90G", "head.0:params" = 1_000 }
expect = { weight_layers = 61 }
shapes = { head = ["N", "...", 80], "" = [[-1, 4], [-1, 80]] }
against = "main.json"
fail-if = ["macs>+5%", "head:changed"]

[tool.netscope.models.lenet]
max.params = "62K"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_is_read(tmp_path: Path):
    project = read(write(tmp_path, WHOLE))
    assert project is not None
    assert project.folder == tmp_path
    assert project["detector"] == Target(
        "detector",
        "nets.py:Detector",
        ("3x640x640", "ids=128:int64"),
        2,
        "bfloat16",
        True,
        {"classes": 80, "wide": True},
        "main.json",
        (
            parse_limit("params<=40M"),
            parse_limit("macs<90G"),
            parse_limit("head.0:params<=1K"),
            parse_limit("weight_layers==61"),
            Returns("head", ("N", ..., 80)),
            Returns("", ((-1, 4), (-1, 80))),
            parse_change("macs>+5%"),
            parse_change("head:changed"),
        ),
    )
    assert project["lenet"] == Target("lenet", "lenet", requirements=(parse_limit("params<=62K"),))
    assert "lenet" in project
    assert "alexnet" not in project


@pytest.mark.parametrize("value", ["1e9", "1_000_000_000", "'1e9'", "'<=1G'"])
def test_a_limit_is_a_whole_number_however_it_is_written(tmp_path: Path, value: str):
    write(tmp_path, f"[tool.netscope.models.net]\nmax.macs = {value}\n")
    project = read(tmp_path / "pyproject.toml")
    assert project is not None
    assert project["net"].requirements == (parse_limit("macs<=1G"),)


def test_the_nearest_file_with_a_section_counts(tmp_path: Path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    write(tmp_path, WHOLE)
    write(inner, '[project]\nname = "b"\n')
    project = nearest(inner)
    assert project is not None
    assert project.path == tmp_path / "pyproject.toml"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("max.parms = 3", ".max.parms: there is no quantity 'parms'.\ndid you mean params"),
        ("max.params = 1.5", ".max.params: this must be a whole number, or a text"),
        ("max.params = inf", ".max.params: this must be a whole number"),
        ("max.params = true", ".max.params: this must be a whole number"),
        ("max.macs = '3GiB'", ".max.macs: 'GiB' is no unit of macs."),
        ("max = 3", ".max: this must be a table, not 3."),
        ("fail-if = 'macs=3'", ".fail-if: cannot read the limit 'macs=3'."),
        ("maxx = 3", ": there is no key 'maxx'.\ndid you mean max"),
        ("batch = '3'", ".batch: this must be a whole number, not '3'."),
        ("batch = true", ".batch: this must be a whole number, not True."),
        ("input = [3, 8, 8]", ".input: this must be a text, not 3."),
        ("shapes.x = 3", ".shapes.x: this must be a list, not 3."),
        ("shapes.x = [1.5]", ".shapes.x: a size is a whole number or a text"),
        ("shapes.x = ['...', '...']", ".shapes.x: a shape can have one"),
        ("shapes.'a b' = 3", ".shapes.'a b': this must be a list"),
        ("batch = 3", ": nothing is required of it.\ngive max, expect, shapes, fail-if"),
    ],
)
def test_a_slip_in_an_entry_is_told_with_file_and_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, says: str
):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, f"[tool.netscope.models.a]\n{line}\n")
    with pytest.raises(UsageError) as caught:
        nearest(Path.cwd())
    assert str(caught.value).startswith(f"pyproject.toml: tool.netscope.models.a{says}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[tool.netscope]\nmodel = 3", "tool.netscope: there is no key 'model'.\ndid you mean models?"),
        ("[tool]\nnetscope = 3", "tool.netscope: this must be a table, not 3."),
        ("tool = 3", "tool: this must be a table, not 3."),
        ("[tool", "this is not TOML: "),
    ],
)
def test_a_slip_elsewhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        nearest(Path.cwd())
    assert str(caught.value).startswith(f"pyproject.toml: {says}")
