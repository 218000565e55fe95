"""A renderer turns a `Table` into text. `FORMATS` is the one list of them; see `renderer`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from netscope.show.render.renderer import Render, lazy
from netscope.show.table import Table

__all__ = ["FORMATS", "Render"]


def _by_report(network: str, machine: str) -> Callable[[Table], str]:
    """Which of two modules renders a table: the second for a report that knows of a machine."""
    return lambda table: machine if table.report.knows_machine else network


FORMATS: Final[dict[str, Render[Table]]] = {
    "table": lazy(_by_report("terminal", "profile.terminal")),
    "markdown": lazy(_by_report("markdown", "profile.markdown")),
    "csv": lazy("csv"),
    "json": lazy("json"),
}
