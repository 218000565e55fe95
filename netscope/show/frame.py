"""A page's records as a data frame, each column of the type that keeps its values as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netscope.show.page import Page

if TYPE_CHECKING:
    import pandas


def frame_of(page: Page) -> pandas.DataFrame:
    """One row a record, one column a key; `attrs` has the page's title and the schema's version."""
    import pandas

    records = page.records()
    rows = list(records.rows)
    columns = {key: [row[place] for row in rows] for place, key in enumerate(records.keys)}
    frame = pandas.DataFrame(
        {key: pandas.Series(values, dtype=_dtype(values)) for key, values in columns.items()}
    )
    frame.attrs = {"name": page.title, "schema_version": records.version}
    return frame


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
