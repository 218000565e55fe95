"""A verdict in words: what every form of `netscope check` has in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple

from netscope.answers.check import Checked, Limit, Outcome, Returns, Unchanged, Verdict
from netscope.answers.check.shapes import outputs_text, pattern_text
from netscope.answers.diff import Status
from netscope.base import units
from netscope.report.partial import unmade
from netscope.report.quantities import find
from netscope.show.quantities import number_text
from netscope.show.strings import short, visible
from netscope.show.words import unknown_text, used_by


class Cells(NamedTuple):
    """A verdict as people read it."""

    what: str
    limit: str
    before: str
    found: str
    change: str
    headroom: str


HEADINGS: Final = Cells("", "limit", "before", "found", "change", "headroom")
MARKS: Final = {True: "✓", False: "✗"}
_STATUSES: Final[tuple[tuple[Status, str], ...]] = (("~", "changed"), ("+", "added"), ("-", "removed"))
_SIGNS: Final = {"<=": "≤", "<": "<", ">=": "≥", ">": ">", "==": "=", "!=": "≠"}
# What a count in base units is called.
_EXACTLY: Final = {"bytes": " B", "seconds": " s"}


def cells(verdict: Verdict) -> Cells:
    """The texts of a verdict's row; "" where there is nothing to say."""
    one = verdict.requirement
    where = f"{short(one.layer)} " if one.layer else ""
    if isinstance(one, Returns):
        found = "" if verdict.layer is None else outputs_text(verdict.layer)
        return Cells(f"{where}output", visible(pattern_text(one.pattern)), "", visible(found), "", "")
    if not isinstance(one, Limit):
        return Cells(
            f"{where}structure", "as before", "", "changed" if verdict.state == "broken" else "", "", ""
        )
    quantity = find(one.quantity)

    def text(value: Any) -> str:
        return number_text(quantity, value, units.TOTAL)

    def exactly(value: Any) -> str:
        return f"{units.count(value)}{_EXACTLY.get(quantity.kind, '')}"

    limit, found = _bound(one, text), "" if verdict.state == "missing" else text(verdict.found)
    if not verdict.passed and limit == f"{_SIGNS[one.sign]} {found}":  # they differ further on
        limit, found = _bound(one, exactly), exactly(verdict.found)
    if verdict.found is None and verdict.at_least:
        found = units.at_least(text(verdict.at_least))
    before = change = ""
    if one.measure != "value" and verdict.state != "missing":
        before = "" if verdict.state == "added" else text(verdict.before)
        change = "" if verdict.state == "added" else units.change(verdict.before, verdict.found)
    headroom = "" if verdict.headroom is None else units.percent(verdict.headroom)
    return Cells(f"{where}{quantity.title}", limit, before, found, change, headroom)


def _bound(limit: Limit, text: Callable[[Any], str]) -> str:
    """ "≤ 65,000,000"; of a change, "≤ +5%"."""
    if limit.measure != "value":
        amount = limit.amount.replace("-", units.MINUS) if limit.value else f"+{limit.amount}"
        return f"{_SIGNS[limit.sign]} {amount}"
    return f"{_SIGNS[limit.sign]} {text(plain(limit.value))}"


def reason(checked: Checked, verdict: Verdict) -> str:
    """Why a requirement does not hold, where the figures do not say it; "" otherwise."""
    if verdict.state == "missing":
        from netscope.base.suggest import nearest

        assert checked.report is not None
        paths = [layer.path for layer in checked.report.layers if layer.path]
        close = nearest(verdict.requirement.layer, paths)
        also = f"; did you mean {', '.join(map(short, close))}?" if close else ""
        return f"no such layer{also}"
    if verdict.state == "added":
        return "the layer was not there before"
    changed = verdict.state == "broken" and isinstance(verdict.requirement, Unchanged)
    if changed and not verdict.requirement.layer:
        assert checked.diff is not None
        counts = [(checked.diff.counts[status], word) for status, word in _STATUSES]
        return ", ".join(f"{units.plural(n, 'layer')} {word}" for n, word in counts if n)
    if verdict.state != "unknown":
        return _whose(checked, verdict)
    text = f"not known{_because(checked, verdict)}"
    if verdict.surely_broken:
        text += "; what was counted is too much already"
    return text


def _whose(checked: Checked, verdict: Verdict) -> str:
    """Whose figure it is, where ranks differ and it is not that of the report's own."""
    limit, report = verdict.requirement, checked.report
    ranks = None if report is None else report.ranks
    if ranks is None or verdict.rank is None or not isinstance(limit, Limit) or verdict.rank == ranks.rank:
        return ""
    most = {"<=": " has the most", "<": " has the most", ">=": " has the least", ">": " has the least"}
    return f"rank {verdict.rank}{most.get(limit.sign, ' has it')}"


def _because(checked: Checked, verdict: Verdict) -> str:
    """What keeps a figure from being known."""
    layer, report = verdict.layer, checked.report
    if verdict.unknown:
        found = (report, None if checked.diff is None else checked.diff.before)
        return f": {unknown_text(verdict.unknown, [one for one in found if one is not None])}"
    if layer is None or report is None:
        return ""
    if layer.read_elsewhere:
        return f": {used_by(layer)}"
    if report.ranks is not None and len(report.ranks.kinds) > 1:
        missing = report.ranks.world - sum(len(kind.ranks) for kind in report.ranks.kinds)
        if missing:
            return f": {units.count(missing)} of {units.count(report.ranks.world)} ranks were not looked at"
        return f": ranks differ, and only rank {report.ranks.rank} was asked; --rank checks it alone"
    lazy = unmade(report, layer.path)
    return f": the parameters of {', '.join(map(short, lazy))} were not made" if lazy else ""


def sentence(checked: Checked, verdict: Verdict) -> str:
    """A verdict in one line: "MACs 1.268 G, limit ≤ +5% (before 1.135 G, +11.7%)"."""
    row, why = cells(verdict), reason(checked, verdict)
    known = row.found and row.found != units.UNKNOWN
    text = f"{row.what} {row.found}" if known else row.what
    text += f", limit {row.limit}"
    if row.before:
        text += f" (before {row.before}, {row.change})"
    return f"{text}: {why}" if why else text


def tally(outcome: Outcome) -> str:
    """ "all 3 requirements hold", or how many of them do not."""
    verdicts, untraced = outcome.verdicts, [checked for checked in outcome if checked.error]
    broken = sum(not verdict.passed for verdict in verdicts)
    texts = []
    if len(verdicts) == 1:
        texts.append(f"the requirement {'failed' if broken else 'holds'}")
    elif broken:
        texts.append(f"{units.count(broken)} of {units.plural(len(verdicts), 'requirement')} failed")
    elif verdicts:
        texts.append(f"all {units.count(len(verdicts))} requirements hold")
    if untraced:
        texts.append(f"{units.plural(len(untraced), 'network')} could not be checked")
    return ", ".join(texts)


def columns_of(verdicts: Sequence[Verdict]) -> list[int]:
    """Which of the cells are worth a column: those that any row has a text in."""
    rows = [cells(verdict) for verdict in verdicts]
    return [place for place in range(len(HEADINGS)) if any(row[place] for row in rows)]


def plain(value: Fraction | None) -> int | float | None:
    """An exact value as a whole number where it is one."""
    if value is None:
        return None
    return value.numerator if value.denominator == 1 else float(value)
