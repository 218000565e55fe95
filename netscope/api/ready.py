"""Names of what is a report already: it was saved, or another process makes it. No network is built here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from netscope.base import errors, paths
from netscope.base.arguments import spelled
from netscope.base.errors import NetscopeError, SourceError, TraceError, UsageError
from netscope.base.request import Request
from netscope.sources import Form

if TYPE_CHECKING:
    from netscope.report.report import Report

# What answers in the process of another revision. That floor below names nothing of this one.
WORKER: Final = "netscope.api.worker"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Ready(Form):
    """One form of name that stands for a report.

    read:
        the report, or the error that `netscope.summary` raises.
    saved:
        whether it was made already, so that nothing can be asked of it.
    """

    read: Callable[[str, Request], Report]
    saved: bool = False


# Saved reports


def _is_saved(name: str) -> bool:
    return name.endswith(paths.REPORTS) and not name.startswith("hf/")


def _saved(name: str, request: Request) -> Report:
    if request.told:
        raise UsageError(
            f"{name} is a saved report, which has its input already.",
            hint=f"leave out {spelled(*request.told)}",
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


def _of_revision(name: str, request: Request) -> Report:
    from netscope.report.store import from_dict
    from netscope.sources import revision

    if request.args or request.kwargs:
        raise UsageError("args= and kwargs= cannot be handed to another revision.", hint="give input=")
    answer = revision.ask(name, request.asdict(), WORKER)
    report: Report | None = None
    if answer.data.get("report") is not None:
        report = from_dict(answer.data["report"])
        report = report.but(
            name=f"{answer.revision}@{report.name}", source=f"{report.source} at {answer.short}"
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


# The first that accepts a name serves it, before any source of networks is asked.
READY: Final = (
    Ready(
        form="REVISION@SOURCE",
        description="a file or module of the repository as it was at another revision: `main@net.py:make`",
        accepts=_is_of_revision,
        read=_of_revision,
        example="REVISION@SOURCE (main@net.py:make)",
    ),
    Ready(
        form="report.json",
        description="a report saved with `-o report.json`, or as a page with `-o report.html`",
        accepts=_is_saved,
        read=_saved,
        saved=True,
        example="a saved report.json",
    ),
)
