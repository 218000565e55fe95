"""Verdicts as text. `OUTCOME_FORMATS` is the one list of forms, the same as those of a report."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Sequence
from typing import Any, Final, TextIO

from netscope.answers.check import Checked, Limit, Outcome, Returns, Verdict
from netscope.answers.check.shapes import outputs_text
from netscope.report.report import SCHEMA_VERSION
from netscope.show.render.paint import Piece, painted, room_for, wants_color
from netscope.show.render.renderer import Render, lazy
from netscope.show.render.summary import Tone, header, short
from netscope.show.render.text import cut_middle, encoding_of, pad, visible, width_of
from netscope.show.render.verdicts import HEADINGS, MARKS, Cells, cells, columns_of, plain, reason, tally

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
    whole = {
        "kind": "check",
        "schema_version": SCHEMA_VERSION,
        "passed": outcome.passed,
        "networks": networks,
    }
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
    figures = (plain(verdict.bound), verdict.before, found, verdict.headroom)
    return dict(zip(_RAW, (one.layer, quantity, str(one), verdict.state, *figures), strict=True))


OUTCOME_FORMATS: Final[dict[str, Render[Outcome]]] = {
    "table": to_terminal,
    "markdown": lazy("checks_markdown"),
    "csv": to_csv,
    "json": to_json,
}
