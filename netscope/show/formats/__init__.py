"""The formats of an answer: a file each, found in this folder by its name. Nothing else knows them.

A format is a module with

    SUFFIXES    the ends of file names that ask for it (".md"), the usual one first
    HELP        what it is for, in a few words
    lower       (page, screen) -> its text, ending in a newline, or bytes
    BINARY      whether they are bytes; left out where they are not

`-f`, the suffixes of `-o`, help, completion and the docs derive from here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Final, NamedTuple

from netscope.show.page import Page
from netscope.show.screen import Screen

# What an answer is shown as when nobody says otherwise.
DEFAULT: Final = "table"


class Format(NamedTuple):
    """One way of writing pages."""

    name: str
    suffixes: tuple[str, ...]
    help: str
    lower: Callable[[Page, Screen], str | bytes]
    binary: bool = False


def names() -> list[str]:
    """The formats' names, the default first. Nothing is imported for it."""
    found = sorted(module.name for module in iter_modules(__path__))
    return [DEFAULT, *(name for name in found if name != DEFAULT)]


@cache
def formats() -> dict[str, Format]:
    """All of them by name, the default first."""
    return {name: _format(name) for name in names()}


def find(name: str) -> Format:
    """The format of that name.

    Raises:
        UsageError: there is none; the hint names the nearest ones.
    """
    if name not in names():
        from netscope.base.suggest import look_up

        look_up(name, dict.fromkeys(names()), "format", "formats")
    return _format(name)


def by_suffix(suffix: str) -> str | None:
    """The format that the end of a file's name asks for; None where none does."""
    return next((form.name for form in formats().values() if suffix.lower() in form.suffixes), None)


def _format(name: str) -> Format:
    module = import_module(f"{__name__}.{name}")
    return Format(name, tuple(module.SUFFIXES), module.HELP, module.lower, getattr(module, "BINARY", False))
