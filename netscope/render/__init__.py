"""A renderer turns a `Table` into text. `FORMATS` is the one list of them.

Every renderer has the same form: `render(table, *, width=None, color=None, stream=None) -> str`, where
`width` is the terminal's (None: found out from the stream), `color` forces escape sequences on or off
(None: found out) and `stream` is where the text will go, so that its terminal and encoding can be asked.
A data format has no use for them. The text ends in a newline.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final, Protocol, TextIO, cast

from netscope.table import Table


class Render(Protocol):
    """Table -> text."""

    def __call__(
        self,
        table: Table,
        *,
        width: int | None = None,
        color: bool | None = None,
        stream: TextIO | None = None,
    ) -> str:
        """The text of the table, ending in a newline."""
        ...


def _in(module: str, machine: str = "") -> Render:
    """The renderer of a module of this package, which is imported when it is first used.

    machine:
        the one for reports that know of a machine, where that is another.
    """

    def render(
        table: Table,
        *,
        width: int | None = None,
        color: bool | None = None,
        stream: TextIO | None = None,
    ) -> str:
        report = table.report
        knows = machine and (report.timing is not None or report.roof is not None)
        made = cast(Render, import_module(f"netscope.render.{machine if knows else module}").render)
        return made(table, width=width, color=color, stream=stream)

    return render


FORMATS: Final[dict[str, Render]] = {
    "table": _in("terminal", "profile.terminal"),
    "markdown": _in("markdown", "profile.markdown"),
    "csv": _in("csv"),
    "json": _in("json"),
}
