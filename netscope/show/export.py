"""What a `Report`'s own methods hand out: text, tables and frames.

`Report` stands on a lower floor than whatever shows it, so its methods import this module when they are
called, and no sooner.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from netscope.report.report import Report
from netscope.show.render import FORMATS, notebook
from netscope.show.table import build

if TYPE_CHECKING:
    import pandas

# Columns of a printed report: wide enough for the default table, narrow enough for any window.
WIDTH = 100


def to_text(report: Report) -> str:
    """The table of `netscope summary`, in 100 columns and without colour."""
    return FORMATS["table"](build(report), width=WIDTH, color=False).rstrip("\n")


def to_chrome_trace(report: Report, path: str | PathLike[str] | None = None) -> str:
    """The events of a profile as a Chrome trace.

    Raises:
        UsageError: the report has none.
        StoreError: the file cannot be written.
    """
    import json

    from netscope.base.errors import UsageError
    from netscope.machine.timing.chrome import chrome_trace
    from netscope.report.store import write_text

    if report.events is None:
        raise UsageError(
            f"the report of {report.name} has no events: it is no profile of layers, or was saved.",
            hint="profile the network anew: netscope profile MODEL --trace trace.json",
        )
    text = json.dumps(chrome_trace(report.events, name=report.name))
    if path is not None:
        write_text(path, text)
    return text


def to_markdown(report: Report) -> str:
    """The table as GitHub-flavoured Markdown."""
    return FORMATS["markdown"](build(report))


def to_csv(report: Report) -> str:
    """All columns of all layers in raw base units."""
    return FORMATS["csv"](build(report))


def to_notebook(report: Report) -> str:
    """The table as HTML for a notebook."""
    return notebook.render(build(report))


def to_pandas(report: Report) -> pandas.DataFrame:
    """One row a layer and one column a quantity, raw.

    Columns are those of the CSV: `params`, `macs` and their like hold everything inside a layer, the
    `own_` columns add up to the totals.
    """
    from netscope.show.columns import known_to
    from netscope.show.render.csv import headings, values
    from netscope.show.table import rows_of_all

    table, columns = rows_of_all(report), known_to(report)
    records = [values(table, row, columns) for row in table.rows]
    frame = frame_of(headings(columns), records)
    frame.attrs = {"name": report.name, "schema_version": report.schema_version}
    return frame


def frame_of(keys: Sequence[str], records: Sequence[Sequence[Any]]) -> pandas.DataFrame:
    """A frame of these columns, each of the type that keeps its values as they are."""
    import pandas

    columns = {key: [record[i] for record in records] for i, key in enumerate(keys)}
    return pandas.DataFrame(
        {key: pandas.Series(values, dtype=_dtype(values)) for key, values in columns.items()}
    )


def _dtype(values: list[object]) -> str:
    """ "int64" where every value is a whole number, "Int64" where some are unknown, else "object"."""
    known = [value for value in values if value is not None]
    if not known:
        return "object"
    if all(type(value) is bool for value in known):
        return "bool" if len(known) == len(values) else "object"
    if all(type(value) is int and -(2**63) <= value < 2**63 for value in known):
        return "int64" if len(known) == len(values) else "Int64"
    if all(type(value) in (int, float) for value in known):
        return "float64"
    return "object"
