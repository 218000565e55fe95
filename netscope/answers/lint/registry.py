"""The one table of checks: each is a decorated function that looks at a network and yields findings.

    @check("NS101", "untiled-windows", "warning")
    def untiled_windows(look: Look) -> Iterator[Remark]:
        \"\"\"Windows that stop short of the last rows or columns.\"\"\"

The docstring's first line documents the check, in `netscope lint --list` and in the README.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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
        paths of modules that are called in a forward in training mode; None where that was not tried.
    """

    report: Report
    trace: Trace | None = None
    modes: dict[str, bool] | None = None
    trained: frozenset[str] | None = None


class Remark(NamedTuple):
    """What a check has to say of one layer, in one sentence. `severity` where it is not the check's own."""

    path: str
    text: str
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `traced` ones need the trace, and pass over a saved report."""

    code: str
    name: str
    severity: Severity
    look: Callable[[Look], Iterator[Remark]]
    traced: bool = False

    @property
    def help(self) -> str:
        """What it finds, in one sentence."""
        return (self.look.__doc__ or "").strip().split("\n")[0]


_CHECKS: Final[dict[str, Check]] = {}


def check(
    code: str, name: str, severity: Severity, *, traced: bool = False
) -> Callable[[Callable[[Look], Iterator[Remark]]], Callable[[Look], Iterator[Remark]]]:
    """Register the decorated function under a code and a name."""

    def register(function: Callable[[Look], Iterator[Remark]]) -> Callable[[Look], Iterator[Remark]]:
        _CHECKS[code] = Check(code, name, severity, function, traced)
        return function

    return register


def registered() -> tuple[Check, ...]:
    """All checks, by code."""
    return tuple(_CHECKS[code] for code in sorted(_CHECKS))


def choose(select: Sequence[str] = (), ignore: Sequence[str] = ()) -> list[Check]:
    """The checks of these codes, beginnings of codes ("NS1") or names; all where none is selected.

    Raises:
        UsageError: nothing is called that; the hint names what comes near.
    """
    wanted = [c for c in registered() if not select or _is_any(c, select)]
    for text in (*select, *ignore):
        if not any(_is_any(c, (text,)) for c in registered()):
            from netscope.base.suggest import nearest

            known = [word for c in registered() for word in (c.code, c.name)]
            close = nearest(text, known) or known[::2]
            raise UsageError(f"there is no check {text!r}.", hint=f"did you mean {', '.join(close)}?")
    return [c for c in wanted if not _is_any(c, ignore)]


def _is_any(one: Check, texts: Iterable[str]) -> bool:
    return any(text and (one.code.startswith(text.upper()) or one.name == text.lower()) for text in texts)
