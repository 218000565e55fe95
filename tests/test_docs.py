"""What the papers promise: what is generated is fresh, what is shown runs, links lead somewhere."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from tools import docs

ROOT = docs.ROOT
WRITTEN = [ROOT / "README.md", *sorted(docs.DOCS.glob("*.md")), *sorted((docs.DOCS / "guide").glob("*.md"))]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> list[str]:
    """The code blocks of a language; those with a title are files, and not run here."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


@pytest.mark.parametrize("path", docs.documents(), ids=name_of)
def test_no_generated_part_is_stale(path: Path):
    text = path.read_text(encoding="utf-8")
    assert docs.renewed(text) == text, "run `make docs`"


def test_no_generated_page_is_stale_missing_or_left_over():
    stale = [name_of(path) for path, text in docs.stale_pages().items()]
    assert stale == [], "run `make docs`"


def test_a_marker_that_nothing_writes_is_told():
    with pytest.raises(KeyError, match="nonesuch"):
        docs.renewed("<!-- generated: nonesuch -->\n<!-- end -->\n")


def test_every_part_is_used():
    used = {
        name
        for path in docs.documents()
        for name in re.findall(
            r"^<!-- generated: ([\w-]+) -->$", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert used == docs.PARTS.keys()


def test_every_command_has_a_reference_and_a_guide():
    from netscope.cli.app import app

    reference = (docs.DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    for command in app().registered_commands:
        assert f"## `netscope {command.name} " in reference
        guide = (docs.DOCS / "guide" / f"{command.name}.md").read_text(encoding="utf-8")
        assert guide.startswith(f"# {command.name}\n")
        assert f"$ netscope {command.name}" in guide


def test_the_reference_of_python_needs_docstrings():
    from tools.docs_python import _function

    def undocumented(a: int) -> None: ...

    def half(a: int, b: int) -> None:
        """Do it.

        Args:
            a: the one.
        """

    with pytest.raises(LookupError, match="no docstring"):
        _function(undocumented, "")
    with pytest.raises(LookupError, match="says nothing of b"):
        _function(half, "")


def test_every_page_is_in_the_navigation_or_a_checks():
    text = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    listed = set(re.findall(r'= "([\w/-]+\.md)"', text))
    pages = {str(path.relative_to(docs.DOCS)) for path in docs.DOCS.rglob("*.md")}
    assert {page for page in pages if not page.startswith("reference/checks/")} == listed


@pytest.mark.whole
@pytest.mark.parametrize("path", [p for p in WRITTEN if blocks(p, "python")], ids=name_of)
def test_python_examples_run(path: Path, capsys: pytest.CaptureFixture[str]):
    from netscope.formulas import temporary_formulas

    namespace: dict[str, object] = {"__name__": "example"}
    with temporary_formulas():
        for number, example in enumerate(blocks(path, "python"), 1):
            code = compile(example, f"{name_of(path)}, example {number}", "exec")
            exec(code, namespace)  # noqa: S102 - our own text


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_commands_that_are_shown_exist(path: Path):
    import typer

    from netscope.cli.app import app

    known = typer.main.get_command(app()).commands
    shown = "".join(blocks(path, "console") + blocks(path, ""))
    for call in re.findall(r"^(?:\$ )?netscope ([a-z].*)$", shown, re.MULTILINE):
        command, *arguments = shlex.split(call.partition(" | ")[0])
        known[command].make_context(command, arguments)


def test_links_of_the_readme_lead_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    assert len(targets) > 5
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_bytes()) <= 10_000


def test_the_project_file_of_the_guide_is_read(tmp_path: Path):
    from netscope.answers.check.project import read

    (example,) = blocks(docs.DOCS / "guide" / "check.md", "toml")
    (tmp_path / "pyproject.toml").write_text(example, encoding="utf-8")
    project = read(tmp_path / "pyproject.toml")
    assert project is not None
    assert [entry.name for entry in project.entries] == ["alexnet", "letters", "zfnet"]


def workflow() -> str:
    """The guide's workflow for GitHub."""
    (example,) = blocks(docs.DOCS / "guide" / "check.md", "yaml")
    return example


def test_the_workflow_is_well_formed_and_may_do_no_more_than_it_must():
    yaml = pytest.importorskip("yaml")
    read = yaml.safe_load(workflow())
    assert read["permissions"] == {"contents": "read", "pull-requests": "write"}
    (job,) = read["jobs"].values()
    assert {step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step} == {
        "actions/checkout",
        "actions/setup-python",
    }
    # What a stranger can name comes in by the environment, never as a part of a script.
    assert not any("${{" in step.get("run", "") for step in job["steps"])


@pytest.mark.parametrize("command", ["check", "diff"])
def test_the_workflow_calls_commands_that_exist(command: str):
    import typer

    from netscope.cli.app import app

    (call,) = re.findall(rf"run: netscope {command} (.*)", workflow())
    typer.main.get_command(app()).commands[command].make_context(command, shlex.split(call))


# What is promised, and the tests that hold it


def promises(text: str) -> list[tuple[str, str]]:
    """(promise, held by) of every row of the tables."""
    rows = re.findall(r"^\| (.+) \| (.+) \|$", text, re.MULTILINE)
    return [row for row in rows if row != ("promise", "held by")]


@cache
def functions(path: Path) -> frozenset[str]:
    """The functions of a file that are not within others."""
    found = ast.parse(path.read_text(encoding="utf-8")).body
    return frozenset(one.name for one in found if isinstance(one, ast.FunctionDef))


def unheld(text: str) -> list[str]:
    """Promises that name no test, and tests that are named and do not exist."""
    owners = frozenset().union(*(functions(path) for path in (ROOT / "tests" / "owners").glob("*.py")))
    missing = []
    for promise, tests in promises(text):
        named = re.findall(r"`([^`]+)`", tests)
        if not named or re.sub(r"`[^`]+`(<br>)?", "", tests):
            missing.append(promise)
        for name in named:
            path, _, test = name.partition("::")
            function, _, case = test.rstrip("]").partition("[")
            exists = function.startswith("test_") and (ROOT / path).is_file()
            if not exists or function not in functions(ROOT / path) or (case and case not in owners):
                missing.append(name)
    return missing


def test_every_promise_is_held_by_tests_that_exist():
    text = (docs.DOCS / "promises.md").read_text(encoding="utf-8")
    assert len(promises(text)) > 30
    assert unheld(text) == []


@pytest.mark.parametrize(
    "held_by",
    [
        "`tests/trace/test_owners.py::test_nothing_ever_changes`",
        "`tests/trace/test_ownres.py::test_nothing_changes`",
        "`tests/trace/test_owners.py::test_nothing_changes[nobody]`",
        "`tests/trace/test_owners.py::process_kept`",
        "goodwill",
    ],
)
def test_a_promise_that_no_test_holds_is_told(held_by: str):
    good = "`tests/trace/test_owners.py::test_nothing_changes[hooks]`"
    head = "| promise | held by |\n|---|---|\n"
    assert unheld(f"{head}| It is kept. | {good} |\n") == []
    assert len(unheld(f"{head}| It is kept. | {held_by} |\n")) == 1
