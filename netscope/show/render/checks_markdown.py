"""What was checked, as a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from netscope.answers.check import Checked, Outcome
from netscope.base import units
from netscope.report.quantities import QUANTITIES
from netscope.show.render.comment import Folded, comment, fenced
from netscope.show.render.markdown import escape
from netscope.show.render.summary import header, short
from netscope.show.render.verdicts import FIGURES, HEADINGS, MARKS, cells, columns_of, reason, tally


def render(
    outcome: Outcome, *, width: int | None = None, color: bool | None = None, stream: TextIO | None = None
) -> str:
    """The verdict, a table of all requirements, and each network's totals and changes folded away."""
    name = outcome.checked[0].name if len(outcome.checked) == 1 else "netscope"
    heading = f"{MARKS[outcome.passed]} {name}: {tally(outcome)}"
    folded = [part for checked in outcome for part in _folded(checked)]
    return comment("check", heading, _table(outcome), folded, of=short(outcome.name), command=outcome.command)


def _table(outcome: Outcome) -> list[str]:
    shown = columns_of(outcome.verdicts)
    several = len(outcome.checked) > 1
    headings = ["", *(["network"] if several else []), *(HEADINGS[place] for place in shown)]
    lines = [
        _row(headings),
        _row(["---", *(["---"] if several else []), "---", *["---:"] * (len(shown) - 1)]),
    ]
    notes = []
    for checked in outcome:
        name = [escape(checked.name)] if several else []
        for verdict in checked.verdicts:
            row = cells(verdict)
            texts = [escape(row[place]) for place in shown]
            if not verdict.passed:
                texts[0] = f"**{texts[0]}**"
            lines.append(_row([MARKS[verdict.passed], *name, *texts]))
            why = reason(checked, verdict)
            notes += [f"- {escape(f'{checked.name}: {row.what}: {why}')}"] if why else []
        if checked.error:
            notes.append(f"- {escape(f'{checked.name} could not be checked: {checked.error}')}")
    return [*(lines if outcome.verdicts else []), *(["", *notes] if notes else [])]


def _row(texts: list[str]) -> str:
    return "| " + " | ".join(texts) + " |"


def _folded(checked: Checked) -> Iterator[Folded]:
    if checked.report is None:
        return
    lines = [" · ".join(escape(text) for text, _ in header(checked.report)), ""]
    before = None if checked.diff is None else checked.diff.before
    lines += (
        ["| | |", "|---|---:|"] if before is None else ["| | before | now | change |", "|---|---:|---:|---:|"]
    )
    for quantity in QUANTITIES:
        now, text = quantity.of_report(checked.report), FIGURES[quantity.kind]
        if now is None and quantity.measured:
            continue
        texts = [quantity.title, text(now)]
        if before is not None:
            was = quantity.of_report(before)
            texts = [quantity.title, text(was), text(now), units.change(was, now)]
        lines.append(_row([escape(one) for one in texts]))
    yield Folded(f"Totals of {checked.name}", lines)
    if checked.diff:
        yield Folded(f"What changed in {checked.name}", fenced(str(checked.diff)))
