"""A renderer turns a `Table` into text. `FORMATS` is the one list of them.

Every renderer has the same form: `render(table, *, width=None, color=None, stream=None) -> str`, where
`width` is the terminal's (None: found out from the stream), `color` forces escape sequences on or off
(None: found out) and `stream` is where the text will go, so that its terminal and encoding can be asked.
A data format has no use for them. The text ends in a newline.
"""

from __future__ import annotations

from typing import Final, Protocol, TextIO

from netscope.render import csv, json, markdown, terminal
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


FORMATS: Final[dict[str, Render]] = {
    "table": terminal.render,
    "markdown": markdown.render,
    "csv": csv.render,
    "json": json.render,
}
