"""Verdicts as text. `OUTCOME_FORMATS` is the one list of forms, the same as those of a report."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple, Protocol, TextIO

from netscope import units
from netscope.budgets import Checked, Limit, Outcome, Returns, Unchanged, Verdict
from netscope.budgets.shapes import outputs_text, pattern_text
from netscope.comparison import Status
from netscope.opnames import operator_list
from netscope.quantities import find
from netscope.render.paint import Piece, painted, room_for, wants_color
from netscope.render.summary import Tone, header, short
from netscope.render.text import cut_middle, encoding_of, pad, visible, width_of
from netscope.report import SCHEMA_VERSION


class RenderOutcome(Protocol):
    """What was checked -> text."""

    def __call__(
        self,
        outcome: Outcome,
        *,
        width: int | None = None,
        color: bool | None = None,
        stream: TextIO | None = None,
    ) -> str:
        """The text, ending in a newline."""
        ...


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
# A quantity as text, by its kind.
FIGURES: Final[dict[str, Callable[[Any], str]]] = {
    "count": units.count,
    "metric": lambda n: units.metric(n, units.TOTAL),
    "bytes": lambda n: units.binary(n, units.TOTAL),
    "seconds": units.seconds,
}
_EXACTLY: Final[dict[str, Callable[[Any], str]]] = {
    "count": units.count,
    "metric": units.count,
    "bytes": lambda n: f"{units.count(n)} B",
    "seconds": lambda n: f"{units.count(n)} s",
}


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
    text = FIGURES[quantity.kind]
    limit, found = _bound(one, text), "" if verdict.state == "missing" else text(verdict.found)
    if not verdict.passed and limit == f"{_SIGNS[one.sign]} {found}":  # they differ further on
        text = _EXACTLY[quantity.kind]
        limit, found = _bound(one, text), text(verdict.found)
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
    return f"{_SIGNS[limit.sign]} {text(_number(limit.value))}"


def reason(checked: Checked, verdict: Verdict) -> str:
    """Why a requirement does not hold, where the figures do not say it; "" otherwise."""
    if verdict.state == "missing":
        from netscope.suggest import nearest

        assert checked.report is not None
        paths = [layer.path for layer in checked.report.layers if layer.path]
        close = nearest(verdict.requirement.layer, paths)
        also = f"; did you mean {', '.join(map(short, close))}?" if close else ""
        return f"no such layer{also}"
    if verdict.state == "added":
        return "the layer was not there before"
    if isinstance(verdict.requirement, Unchanged) and not verdict.passed and not verdict.requirement.layer:
        assert checked.diff is not None
        counts = [(checked.diff.counts[status], word) for status, word in _STATUSES]
        return ", ".join(f"{units.plural(n, 'layer')} {word}" for n, word in counts if n)
    if verdict.state != "unknown":
        return ""
    text = "not known"
    if verdict.unknown:
        text += f": not counted {visible(operator_list(verdict.unknown, all_of_them=True))}"
    if verdict.surely_broken:
        text += "; what was counted is too much already"
    return text


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


# On a terminal


def to_terminal(
    outcome: Outcome, *, width: int | None = None, color: bool | None = None, stream: TextIO | None = None
) -> str:
    """A table for each network, and whether everything holds."""
    room, encoding = room_for(width, stream), encoding_of(stream)
    coloured = wants_color(stream) if color is None else color
    lines: list[list[Piece]] = []
    for checked in outcome:
        lines += [[Piece(_title(checked), "dim")], []]
        lines += (
            [[Piece(f"{MARKS[False]} {visible(checked.error)}", "bad")]]
            if checked.error
            else _rows(checked, room)
        )
        lines.append([])
    lines.append([Piece(tally(outcome), "" if outcome.passed else "bad")])
    return "".join(painted(line, coloured, encoding) for line in lines)


def _title(checked: Checked) -> str:
    """The report's header, after the entry's name where that is another."""
    if checked.report is None:
        return short(checked.name)
    words = [text for text, _ in header(checked.report)]
    words = words if words[0] == short(checked.name) else [short(checked.name), *words]
    against = [] if checked.diff is None else [f"against {short(checked.diff.before.name)}"]
    return " · ".join([*words, *against])


def _rows(checked: Checked, room: int | None) -> list[list[Piece]]:
    shown = columns_of(checked.verdicts)
    rows = [cells(verdict) for verdict in checked.verdicts]
    widths = [max(width_of(row[place]) for row in (HEADINGS, *rows)) for place in shown]
    if room is not None:
        excess = max(0, sum(widths) + 2 * len(widths) - room)
        widths[0] = max(min(_NARROWEST, widths[0]), widths[0] - excess)
    lines = [[Piece("  " + _line(HEADINGS, shown, widths), "dim")]]
    for verdict, row in zip(checked.verdicts, rows, strict=True):
        tone: Tone = "" if verdict.passed else "bad"
        mark = Piece(f"{MARKS[verdict.passed]} ", tone or "accent")
        lines.append([mark, Piece(_line(row, shown, widths), tone)])
        why = reason(checked, verdict)
        lines += _noted(why, room) if why else []
    return lines


def _line(row: Cells, shown: Sequence[int], widths: Sequence[int]) -> str:
    texts = [
        cut_middle(row[place], wide) if not place else row[place]
        for place, wide in zip(shown, widths, strict=True)
    ]
    return "  ".join(
        pad(text, wide, right=place > 0) for place, text, wide in zip(shown, texts, widths, strict=True)
    )


def _noted(text: str, room: int | None) -> list[list[Piece]]:
    texts = [text] if room is None else textwrap.wrap(text, max(_NARROWEST, room - 4), break_on_hyphens=False)
    return [[Piece(f"    {line}", "warn")] for line in texts]


# What a name is never cut below.
_NARROWEST: Final = 16


# For programs


def to_csv(
    outcome: Outcome, *, width: int | None = None, color: bool | None = None, stream: TextIO | None = None
) -> str:
    """A heading and one line a verdict, in base units; a network that could not be traced has one line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["schema_version", "network", *_RAW], lineterminator="\n")
    writer.writeheader()
    for checked in outcome:
        first = {"schema_version": SCHEMA_VERSION, "network": checked.name}
        writer.writerows({**first, **raw(verdict)} for verdict in checked.verdicts)
        if checked.error:
            writer.writerow({**first, "state": "untraced"})
    return text.getvalue()


def to_json(
    outcome: Outcome, *, width: int | None = None, color: bool | None = None, stream: TextIO | None = None
) -> str:
    """Everything, raw."""
    networks = [
        {
            "name": checked.name,
            "passed": checked.passed,
            "error": checked.error or None,
            "source": None if checked.report is None else checked.report.source,
            "verdicts": [
                {**raw(one), "unknown": one.unknown, "reason": reason(checked, one)}
                for one in checked.verdicts
            ],
        }
        for checked in outcome
    ]
    whole = {"schema_version": SCHEMA_VERSION, "passed": outcome.passed, "networks": networks}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


_RAW: Final = ("layer", "quantity", "requirement", "state", "bound", "before", "found", "headroom")


def raw(verdict: Verdict) -> dict[str, Any]:
    """A verdict in base units; the layer is "" for the whole network."""
    one = verdict.requirement
    quantity = (
        one.quantity if isinstance(one, Limit) else "output" if isinstance(one, Returns) else "structure"
    )
    found: Any = verdict.found
    if isinstance(one, Returns) and verdict.layer is not None:
        found = outputs_text(verdict.layer)
    figures = (_number(verdict.bound), verdict.before, found, verdict.headroom)
    return dict(zip(_RAW, (one.layer, quantity, str(one), verdict.state, *figures), strict=True))


def _number(value: Fraction | None) -> int | float | None:
    if value is None:
        return None
    return value.numerator if value.denominator == 1 else float(value)


def _markdown(
    outcome: Outcome, *, width: int | None = None, color: bool | None = None, stream: TextIO | None = None
) -> str:
    from netscope.render.checks_markdown import render

    return render(outcome)


OUTCOME_FORMATS: Final[dict[str, RenderOutcome]] = {
    "table": to_terminal,
    "markdown": _markdown,
    "csv": to_csv,
    "json": to_json,
}
