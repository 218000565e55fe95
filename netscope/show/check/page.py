"""The page of verdicts: a table for each network, and whether everything holds.

On a pull request it is a comment, with each network's totals and changes folded away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from netscope.answers.check import Checked, Limit, Outcome, Returns, Verdict
from netscope.answers.check.shapes import outputs_text
from netscope.base import units
from netscope.report.quantities import QUANTITIES
from netscope.report.report import SCHEMA_VERSION
from netscope.show import diff
from netscope.show import page as p
from netscope.show.check.verdicts import HEADINGS, MARKS, cells, columns_of, plain, reason, tally
from netscope.show.quantities import number_text
from netscope.show.strings import short
from netscope.show.words import head, partial_notes

# What a name is never cut below.
_NARROWEST: Final = 16
_RAW: Final = ("layer", "quantity", "requirement", "state", "bound", "before", "found", "headroom")


def page(answer: Outcome | Checked) -> p.Page:
    """What `netscope check` shows, of one network or of several."""
    outcome = answer if isinstance(answer, Outcome) else Outcome((answer,))
    name = outcome.checked[0].name if len(outcome.checked) == 1 else "netscope"
    verdict = f"{MARKS[outcome.passed]} {name}: {tally(outcome)}"
    return p.Page(
        title=name,
        head=(),
        sections=lambda: _sections(outcome),
        records=lambda: p.Records(("network", *_RAW), _rows(outcome), SCHEMA_VERSION),
        document=lambda: p.Document(_document(outcome), "networks"),
        comment=p.Comment("check", short(outcome.name), verdict, outcome.command),
    )


def _sections(outcome: Outcome) -> Iterator[p.Section]:
    for checked in outcome:
        yield p.Title(_title(checked))
        if checked.error:
            yield p.Notes([p.Note(checked.error, "bad", mark=f"{MARKS[False]} ")])
        else:
            yield _table(checked)
        reports = [checked.report, None if checked.diff is None else checked.diff.before]
        if partial := partial_notes(*(report for report in reports if report is not None)):
            yield p.Notes(partial, close=True)
    yield p.Notes([p.Note(tally(outcome), "" if outcome.passed else "bad")])
    for checked in outcome:
        yield from _folded(checked)


def _title(checked: Checked) -> list[p.Piece]:
    """The report's head, after the entry's name where that is another."""
    if checked.report is None:
        return [p.Piece(short(checked.name), "title")]
    pieces = head(checked.report)
    if pieces[0].text != short(checked.name):
        pieces = [p.Piece(short(checked.name), "title"), pieces[0]._replace(tone=""), *pieces[1:]]
    against = [] if checked.diff is None else [p.Piece(f"against {short(checked.diff.before.name)}")]
    return [*pieces, *against]


def _table(checked: Checked) -> p.Table:
    shown = columns_of(checked.verdicts)
    headings = [
        p.Heading(HEADINGS[place], right=place > 0, name=place == 0, floor=0 if place else _NARROWEST)
        for place in shown
    ]
    return p.Table(
        [p.Heading(""), *headings], [_row(checked, verdict, shown) for verdict in checked.verdicts]
    )


def _row(checked: Checked, verdict: Verdict, shown: list[int]) -> p.Row:
    texts = cells(verdict)
    tone: p.Tone = "" if verdict.passed else "bad"
    mark = p.Cell(MARKS[verdict.passed], tone or "accent")
    return p.Row([mark, *(p.Cell(texts[place], tone) for place in shown)], reason(checked, verdict))


def _folded(checked: Checked) -> Iterator[p.Folded]:
    """What the figures are, and what changed, for who wants to know more."""
    if checked.report is None:
        return
    before = None if checked.diff is None else checked.diff.before
    titles = ("", "now") if before is None else ("", "before", "now", "change")
    rows = []
    for quantity in QUANTITIES:
        now = quantity.of_report(checked.report)
        if now is None and quantity.of != "network":
            continue
        texts = [quantity.title, number_text(quantity, now, units.TOTAL)]
        if before is not None:
            was = quantity.of_report(before)
            texts.insert(1, number_text(quantity, was, units.TOTAL))
            texts.append(units.change(was, now))
        rows.append(p.Row([p.Cell(one) for one in texts]))
    headings = [p.Heading(title, right=place > 0) for place, title in enumerate(titles)]
    yield p.Folded(f"Totals of {checked.name}", [p.Table(headings, rows)], aside=True)
    if checked.diff:
        changed = list(diff.page(checked.diff).sections())
        yield p.Folded(f"What changed in {checked.name}", changed, aside=True)


# For programs


def _rows(outcome: Outcome) -> Iterator[list[Any]]:
    """One a verdict, in base units; a network that could not be traced has one."""
    for checked in outcome:
        yield from ([checked.name, *raw(verdict).values()] for verdict in checked.verdicts)
        if checked.error:
            untraced = dict.fromkeys(_RAW, None) | {"state": "untraced"}
            yield [checked.name, *untraced.values()]


def _document(outcome: Outcome) -> dict[str, Any]:
    networks = [
        {
            "name": checked.name,
            "passed": checked.passed,
            "error": checked.error or None,
            "source": None if checked.report is None else checked.report.source,
            "whole": None if checked.report is None else checked.report.whole,
            "verdicts": [
                {**raw(one), "rank": one.rank, "unknown": one.unknown, "reason": reason(checked, one)}
                for one in checked.verdicts
            ],
        }
        for checked in outcome
    ]
    whole = {"schema_version": SCHEMA_VERSION, "kind": "check", "passed": outcome.passed}
    return {**whole, "networks": networks}


def raw(verdict: Verdict) -> dict[str, Any]:
    """A verdict in base units; the layer is "" for the whole network."""
    one = verdict.requirement
    quantity = (
        one.quantity if isinstance(one, Limit) else "output" if isinstance(one, Returns) else "structure"
    )
    found: Any = verdict.found
    if isinstance(one, Returns) and verdict.layer is not None:
        found = outputs_text(verdict.layer)
    figures = (plain(verdict.bound), verdict.before, found, verdict.headroom)
    return dict(zip(_RAW, (one.layer, quantity, str(one), verdict.state, *figures), strict=True))
