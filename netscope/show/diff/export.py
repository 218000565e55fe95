"""What a `Diff`'s own methods hand out: text, tables and frames. They import this when they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netscope.answers.diff import Diff, document
from netscope.report.store import documents
from netscope.show.diff.selection import build
from netscope.show.export import WIDTH, frame_of
from netscope.show.render.diff import DIFF_FORMATS, notebook

if TYPE_CHECKING:
    import pandas


def to_text(diff: Diff) -> str:
    """What `netscope diff` shows, in 100 columns and without colour."""
    return DIFF_FORMATS["table"](build(diff), width=WIDTH, color=False).rstrip("\n")


def to_markdown(diff: Diff) -> str:
    """A comment for a pull request."""
    return DIFF_FORMATS["markdown"](build(diff))


def to_csv(diff: Diff) -> str:
    """One line a pair in raw base units."""
    return DIFF_FORMATS["csv"](build(diff))


def to_notebook(diff: Diff) -> str:
    """HTML for a notebook."""
    return notebook.render(build(diff))


def to_pandas(diff: Diff) -> pandas.DataFrame:
    """One row a pair; before, after, change and ratio of each quantity, raw."""
    frame = frame_of(document.headings(), [document.values(pair) for pair in diff.pairs])
    frame.attrs = {
        "before": diff.before.name,
        "after": diff.after.name,
        "schema_version": documents.SCHEMA_VERSION,
    }
    return frame
