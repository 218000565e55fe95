"""Each recipe of CONTRIBUTING.md, carried out in a copy of the checkout as it stands there.

How its blocks are read says `tools/recipes.py`. Files change that the recipe names, and no others.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.recipes import Recipe, recipes

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
        from tools.docs import columns
        assert "`returned`" in columns(machine=False)
        """,
    "An output format": """
        import netscope
        profile = netscope.load("tests/data/reports/2.json")
        curve = netscope.profile("lenet", device="cpu", batch=[1, 2], max_time=0.1, device_spec="none")
        answers = [
            netscope.summary("lenet"),
            netscope.diff("lenet", "lenet", batch_b=2),
            netscope.compare(["lenet", "mnist_cnn"]),
            netscope.explain("lenet"),
            netscope.lint("cifar_resnet"),
            netscope.check("lenet", params="1M"),
            profile,
            curve,
            netscope.roofline("lenet", device_spec="h200"),
            netscope.models("alexnet"),
            netscope.device_specs(),
        ]
        assert len({answer.verb for answer in answers}) == 11
        for answer in answers:
            heading, *lines = answer.to("tsv").splitlines()
            assert lines, answer.verb
            assert {line.count("\\t") for line in lines} == {heading.count("\\t")}, answer.verb
        """,
    "A source of models": """
        import netscope
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


def contents(folder: Path) -> dict[str, str]:
    """{path: hash} of all files but what running leaves behind."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"__pycache__", ".pytest_cache", ".hypothesis"} & set(path.parts)
    }


def test_there_is_a_recipe_for_each_thing_that_a_newcomer_adds():
    words = "formula column format models check network command timer"
    assert [recipe.name.rpartition(" ")[2] for recipe in recipes()] == words.split()


@pytest.mark.whole
@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.name)
def test_a_recipe_does_what_it_says_and_touches_what_it_names(recipe: Recipe, tmp_path: Path):
    for part in COPIED:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part)
    before = contents(tmp_path)
    recipe.carry_out(tmp_path)
    tests = sorted(path for path in recipe.paths if path.startswith("tests/"))
    typed = [words for words in recipe.commands if words[0] == "netscope"]
    assert tests
    assert recipe.commands
    # In one process: most of the time goes into importing torch.
    script = f"""
import textwrap
import pytest
import netscope
from netscope.cli import main
assert netscope.__file__.startswith({str(tmp_path)!r}), netscope.__file__
assert pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *{tests!r}]) == 0
for words in {typed!r}:
    assert main(words[1:]) == 0, words
exec(textwrap.dedent({SHOWN.get(recipe.name, "")!r}))
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
    written = {word for words in typed for word in words if word.startswith("lint.")}
    assert changed - written == recipe.paths
