"""Names of what is a report already: it was saved, or another process makes it. No network is built here.

One line of `READY` for each form, as `netscope.sources.SOURCES` has one for each that builds a network.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from netscope.api.asked import Asked
from netscope.base import errors
from netscope.base.errors import NetscopeError, SourceError, TraceError, UsageError
from netscope.base.workload import Workload
from netscope.report.report import Report


@dataclass(frozen=True, slots=True)
class Ready:
    """One form of name that stands for a report.

    form, description:
        how its names are written and what they are for, for help texts.
    accepts:
        whether a name is of that form.
    read:
        the report, or the error that `netscope.summary` raises.
    """

    form: str
    description: str
    accepts: Callable[[str], bool]
    read: Callable[[str, Asked], Report]


def ready(name: str) -> Ready | None:
    """How to come by the report of that name; None for a network that is to be traced here."""
    return next((form for form in READY if form.accepts(name)), None)


def is_ready(name: str) -> bool:
    """Whether the name stands for a report, so that nothing has to be built or imported for it."""
    return ready(name) is not None


def has_input(model: Any) -> bool:
    """Whether something that stands for a network has its input already, so that none may be given."""
    if isinstance(model, (str, os.PathLike)):
        return _is_saved(os.fspath(model))
    return isinstance(model, (Report, Workload))


# Saved reports


def _is_saved(name: str) -> bool:
    return name.endswith(".json") and not name.startswith("hf/")


def _saved(name: str, asked: Asked) -> Report:
    if asked != Asked() and asked != Asked(options={}):
        raise UsageError(
            f"{name} is a saved report, which has its input already.",
            hint="leave out --input, --batch, --dtype, --train and -k",
        )
    from netscope.report.store import load

    return load(name)


# Other revisions


class _InAnotherProcess(Exception):
    """The traceback of another process, for `--debug`."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def _is_of_revision(name: str) -> bool:
    if "@" not in name:
        return False
    from netscope.sources import revision

    return revision.accepts(name)


def _of_revision(name: str, asked: Asked) -> Report:
    from netscope.report.store import from_dict
    from netscope.sources import revision

    if asked.args or asked.kwargs:
        raise UsageError("args= and kwargs= cannot be handed to another revision.", hint="give input=")
    answer = revision.ask(name, asked._asdict())
    report: Report | None = None
    if answer.data.get("report") is not None:
        report = from_dict(answer.data["report"])
        report = replace(
            report, name=f"{answer.revision}@{report.name}", source=f"{report.source} at {answer.short}"
        )
    if "error" in answer.data:
        raise _error(answer, report) from _InAnotherProcess(answer.data["error"]["traceback"])
    assert report is not None
    return report


def _error(answer: Any, report: Report | None) -> NetscopeError:
    """What the other process raised, with the revision named."""
    told = answer.data["error"]
    message, hint = f"{answer.label}: {told['message']}", told["hint"] or answer.lacks or None
    kind = getattr(errors, told["type"], SourceError)
    if kind is TraceError:
        return TraceError(message, hint=hint, report=report, path=told["path"])
    found: NetscopeError = kind(message, hint=hint)
    return found


# The first that accepts a name serves it.
READY: Final = (
    Ready(
        "REVISION@SOURCE",
        "a file or module of the repository as it was at another revision: `main@net.py:make`",
        _is_of_revision,
        _of_revision,
    ),
    Ready("report.json", "a report saved with `-o report.json`", _is_saved, _saved),
)
