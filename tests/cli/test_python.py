"""All that the command line does is a function of `netscope`: which one, and where each option goes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import pytest
import typer

import netscope
from netscope.base.request import FACTS
from netscope.cli.app import app
from netscope.show import selection
from netscope.show.diff import selection as diff

COMMANDS: Final[dict[str, Callable[..., Any]]] = {
    "summary": netscope.summary,
    "view": netscope.view,
    "diff": netscope.diff,
    "compare": netscope.compare,
    "explain": netscope.explain,
    "lint": netscope.lint,
    "profile": netscope.profile,
    "verify": netscope.verify,
    "roofline": netscope.roofline,
    "memory": netscope.memory,
    "check": netscope.check_project,
    "models": netscope.models,
}
# Options that ask another question, and the function that answers it.
QUESTIONS: Final = {
    ("roofline", "list_devices"): "netscope.device_specs",
    ("lint", "list_checks"): "netscope.answers.lint.registered",
    ("lint", "explain"): "netscope.answers.lint.documentation",
    ("summary", "explain_columns"): "netscope.show.columns.COLUMNS",
}
# Where the function's argument has another name.
NAMES: Final = {
    "option": "options",
    "option_b": "options_b",
    "max": "limits",
    "peer": "peers",
    "keep_gradients": "set_to_none",
    ("diff", "model"): "before",
    ("diff", "other"): "after",
}
# What is about the output: where it goes, in what form, and what the process says of it.
OUTPUT: Final = {
    "format": "to_markdown, to_csv, to_json, to_html and print of the answer",
    "output": "their path",
    "picture": "to_svg and to_png of the answer",
    "debug": "a traceback is what Python shows anyway",
    ("diff", "exit_code"): "`if change:`",
    ("view", "no_open"): "`browser=False`",
    ("lint", "exit_code"): "`findings.failed`",
    ("check", "junit"): "`outcome.to_junit(path)`",
    ("check", "github"): "`outcome.to_github()`",
    ("profile", "trace"): "`report.to_chrome_trace(path)`",
    ("memory", "snapshot"): "`report.to_memory_snapshot(path)`",
}


# What chooses rows and columns, where the page itself hands that on.
_VIEWS: Final[dict[str, Callable[..., Any]]] = {"summary": selection.build, "diff": diff.build}


def options(command: str) -> list[str]:
    """The parameters of a command, as its function calls them."""
    known = typer.main.get_command(app()).commands[command].params  # type: ignore[attr-defined]
    return [parameter.name for parameter in known if parameter.name != "help"]


def arguments(function: Callable[..., Any]) -> set[str]:
    """What a function takes by name; what `summary` takes too, where it hands that on."""
    found = set()
    for parameter in inspect.signature(function).parameters.values():
        found |= set(FACTS) if parameter.kind is parameter.VAR_KEYWORD else {parameter.name}
    return found


def view(command: str) -> set[str]:
    """What the page of a command's answer takes: `answer.to_markdown(depth=2)`."""
    page = import_module(f"netscope.show.{command}").page
    taken = inspect.signature(_VIEWS.get(command, page)).parameters
    return set(taken)


def test_every_command_has_its_function() -> None:
    assert {command.name for command in app().registered_commands} == COMMANDS.keys()
    for command, function in COMMANDS.items():
        assert getattr(netscope, function.__name__) is function
        assert function.__name__ in netscope.__all__
        assert inspect.getdoc(function), command


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_an_argument_of_the_function_or_of_its_answers_view(command: str) -> None:
    taken = arguments(COMMANDS[command])
    lost = []
    for option in options(command):
        name = NAMES.get((command, option), NAMES.get(option, option))
        if name in taken or option in OUTPUT or (command, option) in OUTPUT | QUESTIONS:
            continue
        if option not in view(command):
            lost.append(option)
    assert lost == []


def test_no_reason_is_left_over() -> None:
    every = {(command, option) for command in COMMANDS for option in options(command)}
    for key in [*QUESTIONS, *OUTPUT, *NAMES]:
        assert key in every or any(option == key for _, option in every), key


@pytest.mark.parametrize("place", QUESTIONS.values())
def test_what_answers_another_question_is_there(place: str) -> None:
    import pkgutil

    assert pkgutil.resolve_name(place) is not None
