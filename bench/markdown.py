"""Parts of the benchmark -> the text of `reports/benchmark.md`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bench.results import Figure, Grid, Part
from netscope.base import units

_MET: Final = {True: "yes", False: "**no**", None: ""}


def report(parts: Sequence[Part], machine: Iterable[tuple[str, str]], command: str, remark: str = "") -> str:
    """The whole report: what was promised and what became of it first, how it was measured after.

    remark:
        what a reader must know before any figure, "" for nothing.
    """
    figures = [figure for part in parts for figure in part.figures]
    judged = [figure for figure in figures if figure.met is not None]
    met = sum(figure.met is True for figure in judged)
    missing = sum(bool(part.error) for part in parts)
    absent = f"; {units.plural(missing, 'part')} missing" if missing else ""
    blocks = [
        "# Benchmark",
        f"Made by `{command}`, which measures everything below anew.",
        f"**{met} of {len(judged)} targets met{absent}.**",
        *([remark] if remark else []),
        *(_part(part) for part in parts),
        "## Machine",
        table(("", ""), list(machine)),
    ]
    return "\n\n".join(blocks) + "\n"


def _part(part: Part) -> str:
    blocks = [f"## {part.title}"]
    if part.figures:
        blocks.append(table(("what", "target", "measured", "met"), [_row(f) for f in part.figures]))
    if part.error:
        blocks.append(f"**It could not be measured:** {part.error}")
    if part.method:
        blocks.append(part.method.strip())
    blocks += (_grid(grid) for grid in part.grids)
    blocks += part.notes
    return "\n\n".join(blocks)


def _row(figure: Figure) -> tuple[str, ...]:
    return figure.line, figure.target, figure.figure, _MET[figure.met]


def _grid(grid: Grid) -> str:
    return f"{grid.caption}\n\n{table(grid.header, grid.rows)}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table. Columns that hold figures only are set to the right."""
    body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    right = [
        index > 0 and bool(body) and all(_is_figure(row[index]) for row in body)
        for index in range(len(header))
    ]
    lines = [list(header), ["---:" if to_right else "---" for to_right in right], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _is_figure(cell: str) -> bool:
    """Whether it starts as numbers do; an empty cell goes with either."""
    return not cell or cell.lstrip("−+-×≥≤<* ")[:1].isdigit()
