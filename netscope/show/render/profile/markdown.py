"""A profile as GitHub-flavoured Markdown."""

from __future__ import annotations

from typing import TextIO

from netscope.base import units
from netscope.show.render.markdown import escape, row_lines
from netscope.show.render.profile.words import equation, facts, parts, pieces, sentences, shown
from netscope.show.table import Table


def render(
    table: Table,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """The header, the figures, where the time went, the rows and what is to be doubted."""
    report = table.report
    (name, _), *rest = pieces(report)
    lines = [" · ".join([f"**{escape(name)}**", *(escape(text) for text, _ in rest)]), ""]
    for fact in facts(report):
        note = f" ({escape(fact.note)})" if fact.note else ""
        lines.append(f"- {escape(fact.label)}: **{escape(fact.value)}**{note}")
    timing = report.timing
    if timing is not None and timing.reconciliation is not None:
        lines += ["", "| where the time went | | |", "|---|---:|---:|"]
        lines += [
            f"| {escape(part.label)} | {units.percent(part.share)} | {units.seconds(part.seconds)} |"
            for part in parts(timing)
        ]
        lines += ["", escape(equation(timing))]
    if timing is None or timing.reconciliation is not None:
        lines += ["", *row_lines(table)]
        if text := shown(table):
            lines += ["", text]
    said = sentences(report)
    if said:
        lines += ["", *(f"- {escape(text)}" for text, _ in said)]
    return "\n".join(lines) + "\n"
