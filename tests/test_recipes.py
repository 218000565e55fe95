"""Each recipe of CONTRIBUTING.md, carried out in a copy of the checkout as it stands there.

A block with a title is a file; a `diff` block goes into one that is there; what a `console` block types must
work. Files change that the recipe names, and no others.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
COPIED = (
    "netscope",
    "tests",
    "tools",
    "docs",
    "pyproject.toml",
    "README.md",
    "CONTRIBUTING.md",
    "zensical.toml",
)

# What a recipe must show beside what it shows itself: Python that runs in the copy when all is in place.
SHOWN = {
    "A column": """
        import csv, io, json, netscope
        report = netscope.summary("lenet")
        assert "returned" in report.to("table", columns=["returned"]).splitlines()[2]
        assert "returned" in report.to_markdown(columns=["returned"])
        assert next(csv.DictReader(io.StringIO(report.to_csv())))["returned"] == "1"
        assert json.loads(report.to_json())["layers"][0]["returned"] == 1
        assert report.to_pandas()["returned"].tolist() == [1] * len(report)
        from netscope.show.columns import column_reference
        assert "`returned`" in column_reference()
        """,
    "An output format": """
        import netscope
        from netscope.cli.app import app
        profile = netscope.load("tests/data/reports/2.json")
        from tests.machine.profiling.test_document import curve
        outcome = netscope.check("lenet", params="1M")
        answers = [
            netscope.summary("lenet"), netscope.diff("lenet", "lenet", batch_b=2),
            netscope.compare(["lenet", "zfnet"]), netscope.explain("lenet"), netscope.lint("cifar_resnet"),
            outcome, profile, curve(), netscope.roofline("lenet", device_spec="h200"),
            netscope.models("alexnet"), netscope.device_specs(),
        ]
        assert len({answer.verb for answer in answers}) == 11
        for answer in answers:
            heading, *lines = answer.to("tsv").splitlines()
            assert lines, answer.verb
            assert {line.count("\\t") for line in lines} == {heading.count("\\t")}, answer.verb
        """,
    "A source of models": """
        import netscope
        from netscope.cli.app import app
        from tools.docs import models
        assert "mlp/WIDTHS" in netscope.models("lenet").also
        assert "mlp/WIDTHS" in models()
        """,
    "A lint check": """
        import netscope
        from netscope.answers.lint import documentation
        assert documentation("NS104").name == "even-kernel"
        """,
    "A network": """
        import netscope
        assert "perceptron" in netscope.models("percep").names
        """,
}


class Block(NamedTuple):
    """A fenced block: its language, the file that it is for ("" for none), and its text."""

    language: str
    title: str
    text: str


def recipes() -> dict[str, list[Block]]:
    """The blocks of each recipe, by its heading."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("\n## Recipes\n")[2]
    text = re.split(r"^## ", text, maxsplit=1, flags=re.MULTILINE)[0]
    _, *parts = re.split(r"^### (.+)\n", text, flags=re.MULTILINE)
    return {name: list(_blocks(part)) for name, part in zip(parts[::2], parts[1::2], strict=True)}


def _blocks(text: str) -> Iterator[Block]:
    fenced = r'^(?P<fence>`{3,})(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^(?P=fence)$'
    for found in re.finditer(fenced, text, re.DOTALL | re.MULTILINE):
        yield Block(found["language"], found["title"] or "", found["text"])


def applied(before: str, change: str) -> str:
    """A text with a change made to it: "+" lines are new, "-" lines go, the others say where."""
    lines = change.splitlines()
    old = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
    new = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
    assert before.count(old) == 1, f"{before.count(old)} places are\n{old}"
    return before.replace(old, new)


def contents(folder: Path) -> dict[str, str]:
    """{path: hash} of all files but what running leaves behind."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"__pycache__", ".pytest_cache", ".hypothesis"} & set(path.parts)
    }


def test_there_is_a_recipe_for_each_thing_that_a_newcomer_adds():
    words = "formula column format source check network command timer"
    assert [name.rpartition(" ")[2] for name in recipes()] == [
        word if word != "source" else "models" for word in words.split()
    ]


@pytest.mark.whole
@pytest.mark.parametrize("name", recipes())
def test_a_recipe_does_what_it_says_and_touches_what_it_names(name: str, tmp_path: Path):
    blocks = recipes()[name]
    for part in COPIED:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part)
    before = contents(tmp_path)
    named = {block.title for block in blocks if block.title}
    for block in blocks:
        path = tmp_path / block.title
        if block.language == "diff":
            path.write_text(applied(path.read_text(encoding="utf-8"), block.text), encoding="utf-8")
        elif block.title:
            assert not path.exists(), f"{block.title} is there already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    tests = sorted(title for title in named if title.startswith("tests/"))
    typed = [line[2:] for block in blocks if block.language == "console" for line in block.text.splitlines()]
    assert tests
    assert typed
    # In one process: most of the time goes into importing torch.
    script = f"""
import os, shlex, sys, textwrap
import pytest
import netscope
from netscope.cli import main
assert netscope.__file__.startswith({str(tmp_path)!r}), netscope.__file__
assert pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *{tests!r}]) == 0
for line in {[line for line in typed if line.startswith("netscope ")]!r}:
    assert main(shlex.split(line)[1:]) == 0, line
exec(textwrap.dedent({SHOWN.get(name, "")!r}))
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    made = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, f"{made.stdout[-3000:]}\n{made.stderr[-3000:]}"
    after = contents(tmp_path)
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    written = {word for line in typed for word in line.split() if word.startswith("lint.")}
    assert changed - written == named
