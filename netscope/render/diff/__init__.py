"""A diff as text. `DIFF_FORMATS` is the one list of forms, the same as those of a report.

A renderer has the form of those of a report (see `netscope.render`), with `Differences` for the table.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final, Protocol, TextIO, cast

from netscope.differences import Differences


class RenderDiff(Protocol):
    """Differences -> text."""

    def __call__(
        self,
        differences: Differences,
        *,
        width: int | None = None,
        color: bool | None = None,
        stream: TextIO | None = None,
    ) -> str:
        """The text, ending in a newline."""
        ...


def _in(module: str) -> RenderDiff:
    """The renderer of a module of this package, which is imported when it is first used."""

    def render(
        differences: Differences,
        *,
        width: int | None = None,
        color: bool | None = None,
        stream: TextIO | None = None,
    ) -> str:
        made = cast(RenderDiff, import_module(f"netscope.render.diff.{module}").render)
        return made(differences, width=width, color=color, stream=stream)

    return render


DIFF_FORMATS: Final[dict[str, RenderDiff]] = {
    "table": _in("terminal"),
    "markdown": _in("markdown"),
    "csv": _in("csv"),
    "json": _in("json"),
}
