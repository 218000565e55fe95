"""Findings as text. `FINDINGS_FORMATS` is the one list of forms, the same as those of a report."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from typing import Final, TextIO

from netscope.answers.lint import SEVERITIES, Finding, Findings
from netscope.base import units
from netscope.show.render.markdown import code, escape
from netscope.show.render.paint import Piece, painted, room_for, wants_color
from netscope.show.render.renderer import Render
from netscope.show.render.summary import Tone, header, short
from netscope.show.render.text import encoding_of, pad, visible, width_of

TONES: Final[dict[str, Tone]] = {"error": "bad", "warning": "warn", "info": "dim"}
_KEYS: Final = ("code", "name", "severity", "path", "message")
_NARROWEST: Final = 40


def tally(findings: Findings) -> str:
    """ "2 warnings, 1 info", or that there is nothing."""
    counts = [(severity, len(findings.of(severity))) for severity in SEVERITIES]
    plurals = {"info": "infos"}
    texts = [units.plural(n, severity, plurals.get(severity, "")) for severity, n in counts if n]
    return ", ".join(texts) or "nothing found"


def _notes(findings: Findings) -> list[str]:
    lines = [tally(findings)]
    if findings.skipped:
        lines.append(f"not checked, for want of a trace: {', '.join(findings.skipped)}")
    return lines


def to_terminal(
    findings: Findings, *, width: int | None = None, color: bool | None = None, stream: TextIO | None = None
) -> str:
    """A line each: code, severity, layer and sentence."""
    room, encoding = room_for(width, stream), encoding_of(stream)
    coloured = wants_color(stream) if color is None else color
    lines = [[Piece(" · ".join(text for text, _ in header(findings.report)), "dim")], []]
    places = [_place(finding) for finding in findings]
    wide = max(map(width_of, places), default=0)
    for finding, place in zip(findings, places, strict=True):
        head = f"{finding.code}  {pad(finding.severity, 7, right=False)}  {pad(place, wide, right=False)}  "
        indent = width_of(head)
        narrow = room is not None and room - indent < _NARROWEST
        step = 7 if narrow else indent
        texts = [visible(finding.message)]
        if room is not None:
            texts = textwrap.wrap(texts[0], max(room - step, 20), break_on_hyphens=False)
        pieces = [
            Piece(finding.code, TONES[finding.severity]),
            Piece(f"  {pad(finding.severity, 7, right=False)}", TONES[finding.severity]),
            Piece(f"  {pad(place, wide, right=False)}  ", "title"),
        ]
        if narrow:
            lines.append(pieces)
        else:
            lines.append([*pieces, Piece(texts.pop(0))])
        lines += [[Piece(" " * step + text)] for text in texts]
    lines += (
        [[], *([Piece(text, "dim")] for text in _notes(findings))]
        if len(findings)
        else [[Piece(text)] for text in _notes(findings)]
    )
    return "".join(painted(line, coloured, encoding) for line in lines)


def _place(finding: Finding) -> str:
    return short(finding.path) or "(root)"


def to_markdown(
    findings: Findings, *, width: int | None = None, color: bool | None = None, stream: TextIO | None = None
) -> str:
    """A table."""
    (name, _), *rest = header(findings.report)
    lines = [" · ".join([f"**{escape(name)}**", *(escape(text) for text, _ in rest)]), ""]
    if len(findings):
        lines += ["| code | severity | layer | |", "|---|---|---|---|"]
        lines += [f"| {f.code} | {f.severity} | {code(_place(f))} | {escape(f.message)} |" for f in findings]
        lines.append("")
    lines += [f"- {escape(text)}" for text in _notes(findings)]
    return "\n".join(lines) + "\n"


def to_csv(
    findings: Findings, *, width: int | None = None, color: bool | None = None, stream: TextIO | None = None
) -> str:
    """A heading and one line a finding."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["schema_version", *_KEYS])
    version = findings.report.schema_version
    writer.writerows([version, *(getattr(finding, key) for key in _KEYS)] for finding in findings)
    return text.getvalue()


def to_json(
    findings: Findings, *, width: int | None = None, color: bool | None = None, stream: TextIO | None = None
) -> str:
    """Everything, raw."""
    report = findings.report
    whole = {
        "schema_version": report.schema_version,
        "name": report.name,
        "source": report.source,
        "findings": [{key: getattr(finding, key) for key in _KEYS} for finding in findings],
        "skipped": findings.skipped,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


FINDINGS_FORMATS: Final[dict[str, Render[Findings]]] = {
    "table": to_terminal,
    "markdown": to_markdown,
    "csv": to_csv,
    "json": to_json,
}
