"""Checks: what in a network is likely a mistake, each with a code, a severity and one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netscope.answers.lint.docstrings import Documentation, Sample, documentation
from netscope.answers.lint.registry import (
    SEVERITIES,
    Check,
    Look,
    Remark,
    Severity,
    check,
    choose,
    registered,
)
from netscope.base.answer import Answer
from netscope.report.report import Report

__all__ = [
    "SEVERITIES",
    "Check",
    "Documentation",
    "Finding",
    "Findings",
    "Look",
    "Remark",
    "Sample",
    "Severity",
    "check",
    "choose",
    "documentation",
    "inspect",
    "registered",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found, at the layer of that path ("" for the network)."""

    code: str
    name: str
    severity: Severity
    path: str
    message: str


@dataclass(frozen=True)
class Findings(Answer):
    """What was found in a network, worst first. `skipped` checks need a trace, which a saved report lacks."""

    report: Report
    found: tuple[Finding, ...]
    skipped: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, index: int) -> Finding:
        return self.found[index]

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Those of one severity."""
        return tuple(finding for finding in self.found if finding.severity == severity)

    @property
    def failed(self) -> bool:
        """Whether there is an error or a warning."""
        return any(finding.severity != "info" for finding in self.found)

    @property
    def verb(self) -> str:
        """Its page."""
        return "lint"


def inspect(look: Look, select: Sequence[str] = (), ignore: Sequence[str] = ()) -> Findings:
    """Run the selected checks.

    Raises:
        UsageError: nothing is called as selected or ignored.
    """
    found: list[Finding] = []
    skipped: list[str] = []
    for one in choose(select, ignore):
        if not one.can_look(look):
            skipped.append(one.code)
            continue
        found += [
            Finding(one.code, one.name, remark.severity or one.severity, remark.path, remark.text)
            for remark in one.look(look)
        ]
    found.sort(key=lambda finding: (SEVERITIES.index(finding.severity), finding.code))
    return Findings(look.report, tuple(found), tuple(skipped))
