"""What can go wrong, as people meet it.

    NetscopeError            exit code 3
    ├── UsageError           2   a wrong call: an unknown option value, an unreadable shape
    ├── CheckError           1   a budget, an assertion or a comparison failed
    ├── SourceError          3   the model could not be found or built
    │   └── MissingExtraError    an optional package is needed for this source or format
    ├── TraceError           3   the model's forward raised; `.report` holds the rows up to there
    └── StoreError           3   a saved report could not be read or written

The message is for a person: one line that says what was wrong; `hint`, when there is one, is a second
line that says what to type instead. Only the doors turn an error into text and an exit code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from netscope.report.report import Report


# Characters of somebody else's message.
_LONGEST: Final = 400


def interrupts(error: BaseException) -> bool:
    """Whether somebody wants to stop. Whatever else a model's code raises, SystemExit too, is its failure."""
    return type(error) is KeyboardInterrupt


def said(error: BaseException) -> str:
    """Somebody else's error in a line: its class, and the first line of its text that says something."""
    lines = (line.strip() for line in text_of(error).splitlines())
    line = next(filter(None, lines), "")
    told = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
    return f"{type(error).__name__}: {told}".removesuffix(": ")


def text_of(error: BaseException) -> str:
    """What somebody else's error says; what raises over that is their code too."""
    try:
        return str(error)
    except BaseException as worse:
        if interrupts(worse):
            raise
        return f"(its text cannot be had: {type(worse).__name__})"


class NetscopeError(Exception):
    """The root of every error that netscope raises on purpose."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n{self.hint}"


class UsageError(NetscopeError):
    """A wrong call: the same call can never succeed."""

    exit_code = 2


class CheckError(NetscopeError):
    """A budget, an expectation or a comparison did not hold."""

    exit_code = 1


class SourceError(NetscopeError):
    """The named model could not be found, imported or built."""


class MissingExtraError(SourceError):
    """An optional package is needed; the hint says how to install it."""


class TraceError(NetscopeError):
    """The model's forward raised.

    `report` holds the rows up to the failing layer, `path` names that layer ("" for the root) and
    `__cause__` is the original exception.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        report: Report | None = None,
        path: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.report = report
        self.path = path


class StoreError(NetscopeError):
    """A saved report is unreadable, truncated, hostile, too new, or cannot be written."""
