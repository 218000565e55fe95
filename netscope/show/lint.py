"""The page of findings: a line each, worst first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netscope.answers.lint import SEVERITIES, Finding, Findings
from netscope.base import units
from netscope.show.page import (
    Cell,
    Document,
    Heading,
    Note,
    Notes,
    Page,
    Records,
    Row,
    Section,
    Table,
    Tone,
)
from netscope.show.words import head

_TONES: Final[dict[str, Tone]] = {"error": "bad", "warning": "warn", "info": "dim"}
_KEYS: Final = ("code", "name", "severity", "path", "message")


def page(findings: Findings) -> Page:
    """What `netscope lint` shows."""
    report = findings.report
    found = [{key: getattr(finding, key) for key in _KEYS} for finding in findings]
    whole = {
        "schema_version": report.schema_version,
        "kind": "findings",
        "name": report.name,
        "source": report.source,
        "skipped": list(findings.skipped),
        "findings": found,
    }
    return Page(
        title=report.name,
        head=head(report),
        sections=lambda: _sections(findings),
        records=lambda: Records(_KEYS, [list(one.values()) for one in found], report.schema_version),
        document=lambda: Document(whole, "findings"),
    )


def _sections(findings: Findings) -> Iterator[Section]:
    if len(findings):
        headings = [Heading("code"), Heading("severity"), Heading("layer", name=True, floor=16)]
        yield Table([*headings, Heading("", wraps=True)], list(map(_row, findings)), bare=True)
    notes = [Note(_tally(findings), "dim" if len(findings) else "")]
    if findings.skipped:
        notes.append(Note(f"not checked, for want of a trace: {', '.join(findings.skipped)}", "dim"))
    yield Notes(notes)


def _row(finding: Finding) -> Row:
    tone = _TONES[finding.severity]
    place = Cell(finding.path or "(root)", "title", code=True)
    return Row((Cell(finding.code, tone), Cell(finding.severity, tone), place, Cell(finding.message)))


def _tally(findings: Findings) -> str:
    """ "2 warnings, 1 info", or that there is nothing."""
    counts = [(severity, len(findings.of(severity))) for severity in SEVERITIES]
    plurals = {"info": "infos"}
    texts = [units.plural(n, severity, plurals.get(severity, "")) for severity, n in counts if n]
    return ", ".join(texts) or "nothing found"
