"""The one table of checks: what a check is given, what it has to say, and how it is found by code or name."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Final, Literal, NamedTuple

from netscope.base.errors import UsageError
from netscope.report.report import Report
from netscope.trace.facts import Trace

Severity = Literal["error", "warning", "info"]

# Worst first.
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Look:
    """What a check may look at.

    trace:
        the facts behind the report; None for one that was saved.
    modes:
        {path: training} as the owner left the modules; None where nobody did (a model built by name).
    trained:
        the report of the same network in training mode, as far as that got; None where it cannot be had. It
        is traced when this is first called.
    ungiven:
        arguments of the network's forward that this call left at their defaults.
    """

    report: Report
    trace: Trace | None = None
    modes: dict[str, bool] | None = None
    trained: Callable[[], Report | None] = lambda: None
    ungiven: tuple[str, ...] = ()


class Remark(NamedTuple):
    """What a check has to say of one layer, in one sentence. `severity` where it is not the check's own."""

    path: str
    text: str
    severity: Severity | None = None


Looking = Callable[[Look], Iterator[Remark]]


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `docstring` is its file's.

    traced:
        it needs the trace, and passes over a saved report.
    windows:
        it needs `Report.misfits`, and passes over a report that an older netscope saved.
    """

    code: str
    severity: Severity
    look: Looking
    traced: bool = False
    docstring: str = ""
    windows: bool = False

    def can_look(self, look: Look) -> bool:
        """Whether there is what it needs."""
        return not (self.traced and look.trace is None) and not (self.windows and look.report.misfits is None)

    @property
    def module(self) -> str:
        """The file that it is, as it is imported."""
        return self.look.__module__

    @property
    def name(self) -> str:
        """Its file's name: "untiled-windows" of `untiled_windows.py`."""
        return self.module.rpartition(".")[2].replace("_", "-")

    @property
    def help(self) -> str:
        """What it finds, in one sentence: the docstring's first line."""
        return self.docstring.partition("\n")[0]


_CHECKS: Final[dict[str, Check]] = {}


def check(
    code: str, severity: Severity, *, traced: bool = False, windows: bool = False
) -> Callable[[Looking], Looking]:
    """Register the decorated function, under a code and the name of the file that it is in.

    Raises:
        ValueError: another file has that code.
    """

    def register(function: Looking) -> Looking:
        docstring = (function.__globals__["__doc__"] or "").strip()
        one = Check(code, severity, function, traced, docstring, windows)
        other = _CHECKS.setdefault(code, one)
        if other.module != one.module:
            raise ValueError(f"{code} is the code of {other.module} and of {one.module}: give one another.")
        return function

    return register


@cache
def _find_all() -> None:
    """Import every file of the folder, which fills the table."""
    folder = import_module(f"{__package__}.checks")
    for found in pkgutil.iter_modules(folder.__path__, f"{folder.__name__}."):
        import_module(found.name)


def registered() -> tuple[Check, ...]:
    """All checks, by code."""
    _find_all()
    return tuple(_CHECKS[code] for code in sorted(_CHECKS))


def choose(select: Sequence[str] = (), ignore: Sequence[str] = ()) -> list[Check]:
    """The checks of these codes, beginnings of codes ("NS1") or names; all where none is selected.

    Raises:
        UsageError: nothing is called that; the hint names what comes near.
    """
    for text in (*select, *ignore):
        if not any(_is_called(one, text) for one in registered()):
            raise _unknown(text)
    return [
        one
        for one in registered()
        if (not select or any(_is_called(one, text) for text in select))
        and not any(_is_called(one, text) for text in ignore)
    ]


def find(text: str) -> Check:
    """The one check of this code or name.

    Raises:
        UsageError: nothing is called that; the hint names what comes near.
    """
    for one in registered():
        if text.upper() == one.code or text.lower() == one.name:
            return one
    raise _unknown(text)


def _is_called(one: Check, text: str) -> bool:
    return bool(text) and (one.code.startswith(text.upper()) or one.name == text.lower())


def _unknown(text: str) -> UsageError:
    from netscope.base.suggest import nearest

    known = [word for one in registered() for word in (one.code, one.name)]
    close = nearest(text, known) or known[::2]
    return UsageError(f"there is no check {text!r}.", hint=f"did you mean {', '.join(close)}?")
