"""A diff as GitHub-flavoured Markdown, for a comment on a pull request.

First a hidden marker, by which a bot finds its own comment again; then the verdict and the totals; what
changed is folded away, and what does not fit GitHub's limit is cut, with a note that says how much.
"""

from __future__ import annotations

from typing import Final, TextIO

from netscope import units
from netscope.comparison import Diff
from netscope.differences import Differences, Row, figure_of, total_of
from netscope.differences.rows import RUNS
from netscope.render.diff.sentences import ending, followers, header, nothing, tally, told, verdict
from netscope.render.figures import figure_text
from netscope.render.markdown import code, escape
from netscope.render.summary import short
from netscope.render.text import cut
from netscope.units import TOTAL

# GitHub refuses a comment of 65,536 characters.
LIMIT: Final = 65_000

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
    head = [marker(diff), f"### netscope: {escape(verdict(diff))}", "", _header(differences), ""]
    if not diff and not differences.everything and not differences.flat:
        return (
            "\n".join([*head, f"{nothing(diff)[0].upper()}{nothing(diff)[1:]}.", *_command(differences)])
            + "\n"
        )
    head += _totals(differences)
    if end := ending(diff):
        head += ["", f"{escape(end[0].upper() + end[1:])}."]
    head += ["", f"<details><summary>{escape(tally(diff))}</summary>", "", *_heading(differences)]
    tail = ["", "</details>", *_command(differences)]
    rows = [_row(differences, row) for row in differences.rows if _is_told(differences, row)]
    return "\n".join([*head, *_fitting(rows, [*head, *tail]), *tail]) + "\n"


def marker(diff: Diff) -> str:
    """A comment that only a program sees, the same for every diff of these two."""
    names = " ".join(short(report.name) for report in (diff.before, diff.after))
    # Two hyphens would end the comment.
    return f"<!-- netscope:diff {names.replace('--', '- -').replace('>', ')')} -->"


def _is_told(differences: Differences, row: Row) -> bool:
    """Unchanged layers are in the summary's count, and paths say what is around a layer."""
    return differences.everything or differences.flat or row.kind not in ("same", "around")


def _fitting(rows: list[str], others: list[str]) -> list[str]:
    """As many rows as there is room for, and a line that says how many were cut."""
    room = LIMIT - sum(len(line) + 1 for line in others)
    used = 0
    for number, row in enumerate(rows):
        used += len(row) + 1
        if used > room - 100:
            left = units.plural(len(rows) - number, "more row")
            return [*rows[:number], "", f"{left} did not fit into this comment."]
    return rows


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
        text = figure_text(quantity, figure_of(row, quantity))
        if row.kind in RUNS or not row.layer.path:
            cells.append("")
        else:
            cells.append(f"{text.values} ({text.percent})" if text.values else text.short)
    return _line(cells)


def _command(differences: Differences) -> list[str]:
    command = differences.command
    return ["", code(command)] if command and len(command) <= COMMAND else []


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
