"""The page of findings: a line each, worst first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netscope.answers.lint import SEVERITIES, Finding, Findings
from netscope.base import units
from netscope.show import page as p
from netscope.show.words import head, partial_notes

_TONES: Final[dict[str, p.Tone]] = {"error": "bad", "warning": "warn", "info": "dim"}
_KEYS: Final = ("code", "name", "severity", "path", "message")


def page(findings: Findings) -> p.Page:
    """What `netscope lint` shows."""
    report = findings.report
    found = [{key: getattr(finding, key) for key in _KEYS} for finding in findings]
    whole = {
        "schema_version": report.schema_version,
        "kind": "findings",
        "name": report.name,
        "source": report.source,
        "error": report.error,
        "unseen": report.root.unseen,
        "skipped": list(findings.skipped),
        "findings": found,
    }
    return p.Page(
        title=report.name,
        head=head(report),
        sections=lambda: _sections(findings),
        records=lambda: p.Records(_KEYS, [list(one.values()) for one in found], report.schema_version),
        document=lambda: p.Document(whole, "findings"),
    )


def _sections(findings: Findings) -> Iterator[p.Section]:
    if len(findings):
        headings = [p.Heading("code"), p.Heading("severity"), p.Heading("layer", name=True, floor=16)]
        yield p.Table([*headings, p.Heading("", wraps=True)], list(map(_row, findings)), bare=True)
    notes = partial_notes(findings.report)
    notes.append(p.Note(_tally(findings), "dim" if len(findings) else ""))
    if findings.skipped:
        notes.append(p.Note(f"not checked, for want of a trace: {', '.join(findings.skipped)}", "dim"))
    yield p.Notes(notes)


def _row(finding: Finding) -> p.Row:
    tone = _TONES[finding.severity]
    place = p.Cell(finding.path or "(root)", "title", code=True)
    return p.Row((p.Cell(finding.code, tone), p.Cell(finding.severity, tone), place, p.Cell(finding.message)))


def _tally(findings: Findings) -> str:
    """ "2 warnings, 1 info", or that there is nothing."""
    counts = [(severity, len(findings.of(severity))) for severity in SEVERITIES]
    plurals = {"info": "infos"}
    texts = [units.plural(n, severity, plurals.get(severity, "")) for severity, n in counts if n]
    nothing = "nothing found" if findings.report.whole else "nothing found in what was seen"
    return ", ".join(texts) or nothing
