"""What the house promises: floors, exports, lazy imports, a clean repository."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import netscope
from tools.imports import Import, circles, edges, imports, rooms

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "netscope"
TESTS = ROOT / "tests"

# From the roof to the ground, a folder each. A module may import those of its own floor and of the floors
# below; the files at the top of the package stand above all of them.
FLOORS = (
    "cli",
    "testing",
    "api",
    "show",
    "answers",
    "machine",
    "report",
    "formulas",
    "trace",
    "sources",
    "zoo",
    "base",
)
FILES = {"__init__", "__main__", "pytest_plugin"}

HEAVY = ("torch", "torchvision", "pandas", "numpy", "rich", "timm", "transformers", "sympy", "torch._dynamo")


@cache
def found() -> list[Import]:
    """Every import within the package."""
    return imports(PACKAGE)


def heights() -> dict[str, int]:
    """The floor of every module, 0 at the ground."""
    floors = {name: height for height, name in enumerate(reversed(FLOORS))}
    return floors | dict.fromkeys(FILES, len(FLOORS))


def test_every_module_has_a_floor():
    files, folders = rooms(PACKAGE)
    assert files == FILES
    assert folders == set(FLOORS)
    assert len(folders) == 12
    assert len(files | folders) <= 16


def test_imports_only_go_down():
    """Not inside a function either."""
    height = heights()
    wrong = [
        f"{i.where}: {i.importer} imports {i.imported}"
        for i in found()
        if height[i.rooms[1]] > height[i.rooms[0]]
    ]
    assert wrong == []


def test_one_call_reaches_up_for_text():
    """An answer finds its page by the seam in base; nothing else below `show` names it, not in a string."""
    below = FLOORS[FLOORS.index("show") + 1 :]
    named = [
        str(path.relative_to(PACKAGE))
        for floor in below
        for path in sorted((PACKAGE / floor).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if _names_show(node)
    ]
    assert named == ["base/answer.py"]


def _names_show(node: ast.AST) -> bool:
    match node:
        case ast.Import(names=names):
            found = [alias.name for alias in names]
        case ast.ImportFrom(module=str() as module, names=names):
            found = [f"{module}.{alias.name}" for alias in names]
        case ast.Constant(value=str() as text):
            found = [text]
        case _:
            return False
    return any(re.fullmatch(r"netscope\.show(\.[\w.]*)?", name) for name in found)


def test_no_rooms_import_each_other_in_a_circle():
    """With imports inside functions counted."""
    assert circles(edges(i.rooms for i in found())) == []


def test_tests_mirror_the_package():
    """Every folder of tests that holds tests of the package is one of the package."""
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")} - {Path()}
    others = ("bench", "browser", "drawn", "gpu", "ranks", "tools")
    ours = {folder for folder in folders if folder.parts[0] not in others}
    assert [str(folder) for folder in sorted(ours) if not any((PACKAGE / folder).glob("*.py"))] == []


def test_only_the_doors_print_or_exit():
    doors = {"cli", "testing", *FILES}
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.relative_to(PACKAGE).with_suffix("").parts[0] in doors:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="print" | "exit" | "quit")):
                    wrong.append(f"{path.name}:{node.lineno}")
                case ast.Attribute(value=ast.Name(id="sys"), attr="argv" | "exit" | "stdout" | "stderr"):
                    wrong.append(f"{path.name}:{node.lineno}")
    assert wrong == []


def test_public_names_exist_and_are_listed_once():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    checked = {
        alias.name
        for node in tree.body
        if isinstance(node, ast.If)
        for statement in node.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert set(netscope.__all__) == checked | {"__version__"} == netscope._HOMES.keys() | {"__version__"}
    assert netscope.__all__ == sorted(netscope.__all__)
    for name in netscope.__all__:
        assert getattr(netscope, name) is not None
    assert set(netscope.__all__) <= set(dir(netscope))
    with pytest.raises(AttributeError, match="no attribute 'sumary'"):
        netscope.sumary


def imported_by(*arguments: str) -> set[str]:
    """Names of all modules that are loaded at the end of a fresh interpreter's run."""
    code = (
        "import atexit, runpy, sys\n"
        "atexit.register(lambda: print('\\n'.join(sys.modules), file=sys.stderr))\n"
        "sys.argv = ['netscope', *sys.argv[1:]]\n"
        "import netscope\n"
        "if sys.argv[1:]: runpy.run_module('netscope', run_name='__main__')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(result.stderr.split())


@pytest.mark.whole
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--help"],
        ["summary", "--help"],
        ["check", "--help"],
        ["--version"],
        ["models", "lenet"],
        ["summary", "tests/data/reports/1.json"],
        ["profile", "--help"],
        ["profile", "tests/data/reports/2.json"],
        ["roofline", "--list"],
        ["lint", "--list"],
        ["lint", "--explain", "NS101"],
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(arguments: list[str]):
    assert imported_by(*arguments).isdisjoint(HEAVY)


@pytest.mark.whole
def test_a_summary_from_the_zoo_imports_torch_and_nothing_else_that_is_slow():
    loaded = imported_by("summary", "alexnet", "--input", "3x227x227")
    assert "torch" in loaded
    assert loaded.isdisjoint({"torchvision", "sympy", "torch._dynamo", "pandas", "timm", "transformers"})
    assert "netscope.answers.lint" not in loaded, "no check runs that nobody asked for"


def test_types_are_checked_without_what_only_other_extras_have():
    """mypy runs where the extra `dev` is and no other: what it may not find there it passes over."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    other = {re.split(r"[<>=\[]", name)[0] for extra in ("browser", "docs", "nvml") for name in extras[extra]}
    passed_over = {
        name.removesuffix(".*")
        for override in project["tool"]["mypy"]["overrides"]
        if override.get("ignore_missing_imports")
        for name in override["module"]
    }
    sources = packages_distributions()
    missing = set()
    for name in imported_anywhere() - set(sys.stdlib_module_names) - {"netscope", "tools", "bench", "tests"}:
        if set(sources.get(name, ())) <= other:
            missing.add(name)
    assert {"playwright"} <= missing, "or this test sees nothing"
    assert missing <= passed_over


def imported_anywhere() -> set[str]:
    """The first names of what is imported where types are checked, inside functions too."""
    names = set()
    for folder in ("netscope", "tools", "bench"):
        for path in (ROOT / folder).rglob("*.py"):
            if (ROOT / "tools/coverage/packages") in path.parents:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.add(node.module.partition(".")[0])
    return names


@pytest.mark.whole
def test_no_report_is_stale():
    from tools.reports import FOLDER, REPORTS, text_of

    for name, command in REPORTS.items():
        text = text_of(name)
        assert command in text.splitlines()[0]
        assert (FOLDER / f"{name}.md").read_text(encoding="utf-8") == text, "run `make reports`"


def test_no_file_names_a_place_on_somebodys_machine():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    personal = re.compile(r"(?<![\w.])/(?:home|Users|root|work|tmp/v)/\w|[A-Z]:\\Users")
    wrong = []
    for name in listed.stdout.split("\n"):
        path = ROOT / name
        if name and path.is_file() and path.suffix in (".py", ".md", ".toml", ".txt", ".json", ".yml", ""):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            wrong += [f"{name}:{n}" for n, line in enumerate(lines, 1) if personal.search(line)]
    assert wrong == []
