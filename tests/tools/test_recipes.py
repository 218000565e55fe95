"""The recipes of CONTRIBUTING.md fit the code that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.recipes import CONTRIBUTING, Recipe, recipes

ROOT = CONTRIBUTING.parent


@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.name)
def test_each_step_fits_and_a_test_comes_with_it(recipe: Recipe, tmp_path: Path):
    for path in recipe.paths:
        if (ROOT / path).exists():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text((ROOT / path).read_text(encoding="utf-8"), encoding="utf-8")
    recipe.carry_out(tmp_path)
    for path in recipe.paths:
        if path.endswith(".py"):
            compile((tmp_path / path).read_text(encoding="utf-8"), path, "exec")
    assert any(path.startswith("tests/") for path in recipe.paths)
    assert recipe.commands


def test_what_does_not_fit_is_told(tmp_path: Path):
    (one,) = recipes(
        '\n## Recipes\n### X\n```diff title="a.py"\n+new\n old\n```\n```python title="b.py"\n1\n```\n'
    )
    (tmp_path / "a.py").write_text("old\nold\n")
    with pytest.raises(ValueError, match=r"a\.py has this 2 times"):
        one.carry_out(tmp_path)
    (tmp_path / "a.py").write_text("old\n")
    one.carry_out(tmp_path)
    assert (tmp_path / "a.py").read_text() == "new\nold\n"
    with pytest.raises(ValueError, match=r"b\.py is there already"):
        one.carry_out(tmp_path)
