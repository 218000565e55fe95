"""What `profile` and `roofline` show of a network: its heaviest rows, or all of it as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netscope.cli.options import Format, split_commas

if TYPE_CHECKING:
    from netscope.report.report import Report
    from netscope.show.table import Table

# Rows that are shown unless more are asked for.
HEAVIEST: Final = 10


def heaviest(
    report: Report,
    by: str,
    chosen: Format,
    everything: bool,
    depth: int | None,
    top: int | None,
    columns: list[str] | None,
) -> Table:
    """A table of the rows with the largest figure of the column `by` for people, of all rows for programs."""
    from netscope.show.table import build

    tree = everything or depth is not None or chosen in (Format.csv, Format.json)
    return build(
        report,
        depth=depth,
        columns=split_commas(columns) or None,
        sort=None if tree and top is None else by,
        top=HEAVIEST if top is None and not tree else top,
    )
