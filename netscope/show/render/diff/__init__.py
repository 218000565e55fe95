"""A diff as text. `DIFF_FORMATS` is the one list of forms, the same as those of a report."""

from __future__ import annotations

from typing import Final

from netscope.show.diff import Differences
from netscope.show.render.renderer import Render, lazy

DIFF_FORMATS: Final[dict[str, Render[Differences]]] = {
    "table": lazy("diff.terminal"),
    "markdown": lazy("diff.markdown"),
    "csv": lazy("diff.csv"),
    "json": lazy("diff.json"),
}
