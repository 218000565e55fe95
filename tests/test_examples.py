"""The scripts of examples/ run as they are, with what the package itself depends on, and say something."""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path

import pytest

from netscope.formulas import temporary_formulas

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))
CORE = {"netscope", "torch", "torchvision", "pandas"} | sys.stdlib_module_names


@pytest.mark.whole
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs(path: Path, capsys: pytest.CaptureFixture[str]):
    with temporary_formulas():
        try:
            runpy.run_path(str(path), run_name="__main__")
            code: object = 0
        except SystemExit as leaving:
            code = leaving.code
    assert not code
    assert len(capsys.readouterr().out.splitlines()) >= 1


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_is_short_says_what_it_shows_and_needs_nothing_more(path: Path):
    text = path.read_text(encoding="utf-8")
    assert 10 <= len(text.splitlines()) <= 40
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    imported = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    imported += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in imported} <= CORE


def test_there_are_ten_at_least():
    assert len(EXAMPLES) >= 10
