"""The command that was typed, spelt anew, so that a report can say what remakes it."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from typing import Final

import typer

# Where the two names differ.
_FLAGS: Final = {"options": "-k", "limits": "--max"}


def flag(name: str) -> str:
    """The option that says what is an argument of that name in Python; `_b` is of a diff's second network."""
    plain = name.removesuffix("_b")
    known = _FLAGS.get(plain, f"--{plain.replace('_', '-')}")
    return known if plain == name else f"{known}-b"


def spelt(context: typer.Context, without: Collection[str] = ()) -> str:
    """The command with those options that are not at their defaults, arguments first.

    Args:
        without: names of parameters that are left out, as of where the output goes.
    """
    arguments: list[str] = []
    options: list[str] = []
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if value in (None, (), []) or value == parameter.default or parameter.name in without:
            continue
        if parameter.param_type_name == "argument":
            arguments += [value] if isinstance(value, str) else value
            continue
        flag = max(parameter.secondary_opts if value is False else parameter.opts, key=len)
        for one in value if isinstance(value, (list, tuple)) else [value]:
            options += [flag] if isinstance(one, bool) else [flag, str(getattr(one, "value", one))]
    return shlex.join([*context.command_path.split(), *arguments, *options])
