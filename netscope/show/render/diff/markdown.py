"""A diff as GitHub-flavoured Markdown, for a comment on a pull request.

The verdict and the totals are seen at once, what changed is folded away.
"""

from __future__ import annotations

from typing import Final, TextIO

from netscope.base import units
from netscope.base.units import TOTAL
from netscope.show.diff import Differences, Row, figure_of, total_of
from netscope.show.render.comment import Folded, comment
from netscope.show.render.diff.sentences import (
    ending,
    followers,
    header,
    nothing,
    tally,
    timed,
    told,
    verdict,
)
from netscope.show.render.figures import figure_text
from netscope.show.render.markdown import code, escape
from netscope.show.render.summary import short
from netscope.show.render.text import cut

# Followers that are named; of more only the number is told.
FOLLOWERS: Final = 4

# Longest command that is shown: a shell takes longer ones, a reader does not.
COMMAND: Final = 1_000


def render(
    differences: Differences,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """Marker, verdict, totals, rows, command."""
    diff = differences.diff
    lines, folded = [_header(differences), ""], []
    if not diff and not differences.everything and not differences.flat:
        lines.append(_sentence(nothing(diff)))
    else:
        lines += _totals(differences)
        if end := ending(diff):
            lines += ["", _sentence(end)]
        rows = [_row(differences, row) for row in differences.rows if _is_told(differences, row)]
        folded = [Folded(tally(diff), [*_heading(differences), *rows])]
    if told := timed(diff):
        lines += ["", *(f"- {escape(text)}" for text, _ in told)]
    command = differences.command if len(differences.command) <= COMMAND else ""
    names = " ".join(short(report.name) for report in (diff.before, diff.after))
    return comment("diff", f"netscope: {verdict(diff)}", lines, folded, of=names, command=command)


def _sentence(text: str) -> str:
    return escape(f"{text[0].upper()}{text[1:]}.")


def _is_told(differences: Differences, row: Row) -> bool:
    """Unchanged layers are in the summary's count, and paths say what is around a layer."""
    return differences.everything or differences.flat or row.kind not in ("same", "around")


def _header(differences: Differences) -> str:
    (names, _), *rest = header(differences)
    return " · ".join([f"**{escape(names)}**", *(escape(text) for text, _ in rest)])


def _totals(differences: Differences) -> list[str]:
    lines = [_line(["", "before", "after", "change", ""]), _line(["---", *["---:"] * 4])]
    for quantity in differences.totals:
        text = figure_text(quantity, total_of(differences.diff, quantity), TOTAL)
        percent = f"**{text.percent}**" if text.percent else ""
        lines.append(_line([quantity.title, text.before, text.after, text.change or "the same", percent]))
    return lines


def _heading(differences: Differences) -> list[str]:
    titles = ["", "layer", "what changed", "output", *(q.title for q in differences.quantities)]
    return [_line(titles), _line([*["---"] * 4, *["---:"] * len(differences.quantities)])]


def _row(differences: Differences, row: Row) -> str:
    times = f" {units.times(row.times)}" if row.times > 1 else ""
    names = ", ".join([code(short(row.path)) + times, *map(code, followers(row, FOLLOWERS))])
    mark = escape(row.mark) if row.mark != "-" else units.MINUS
    cells = [mark, names, escape(told(row, differences)), escape(cut(row.output, 60))]
    for quantity in differences.quantities:
        text = figure_text(quantity, figure_of(differences.diff, row, quantity))
        if not row.has_figures:
            cells.append("")
        else:
            cells.append(f"{text.values} ({text.percent})" if text.values else text.short)
    return _line(cells)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
