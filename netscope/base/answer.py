"""The seam by which an answer prints itself.

An answer is a frozen result on whatever floor; its text is made on a floor above, by `netscope.show`. This is
the one place that reaches up there, when an answer is asked for its text and no sooner.
"""

from __future__ import annotations

from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

    import pandas

_T = TypeVar("_T", str, bytes)

# Columns of a printed answer: wide enough for the default table, narrow enough for any window.
WIDTH: Final = 100


class Answer:
    """What a verb hands back: `print` shows it, and it is to be had in every format.

    `verb` names the answer's page, `netscope.show.VERB`. `**view` says which rows and columns of it to show,
    as the options of its command do.
    """

    __slots__ = ()

    @property
    def verb(self) -> str:
        """The name of the answer's page."""
        raise NotImplementedError

    def to(self, format: str, path: str | PathLike[str] | None = None, **view: Any) -> str:
        """The answer in one of the formats of `-f`, also written to `path` when given.

        Raises:
            UsageError: there is no such format, or nothing that `view` asks for.
            StoreError: the file cannot be written.
        """
        text: str = _show().text(self, format, **view)
        return _written(text, path)

    def to_markdown(self, path: str | PathLike[str] | None = None, **view: Any) -> str:
        """As GitHub-flavoured Markdown."""
        return self.to("markdown", path, **view)

    def to_csv(self, path: str | PathLike[str] | None = None, **view: Any) -> str:
        """As comma-separated values in raw base units."""
        return self.to("csv", path, **view)

    def to_json(self, path: str | PathLike[str] | None = None, **view: Any) -> str:
        """All of it as JSON, raw.

        Raises:
            StoreError: the file cannot be written.
        """
        return self.to("json", path, **view)

    def to_html(self, path: str | PathLike[str] | None = None, **view: Any) -> str:
        """As one HTML page that needs nothing else."""
        return self.to("html", path, **view)

    def to_svg(self, path: str | PathLike[str] | None = None, **view: Any) -> str:
        """One picture of it as SVG: its network, or what `picture` names ("map", "map:params", "curve").

        Raises:
            UsageError: it has no such picture.
        """
        return self.to("svg", path, **view)

    def to_png(self, path: str | PathLike[str] | None = None, **view: Any) -> bytes:
        """The same picture in pixels.

        Raises:
            UsageError: it has no such picture.
            MissingExtraError: resvg is not installed.
        """
        made: bytes = _show().content(self, "png", **view)
        return _written(made, path)

    def view(self, path: str | PathLike[str] | None = None, *, browser: bool = True, **view: Any) -> Path:
        """Write its HTML page, by default into a new temporary folder, and open the browser.

        Returns:
            where the page is.

        Raises:
            StoreError: the file cannot be written.
        """
        show = import_module(f"{_show().__name__}.browser")
        shown: Path = show.written(self, path, **view)
        if browser:
            show.opened(shown)
        return shown

    def _export(self, kind: str, path: str | PathLike[str] | None) -> Any:
        """A text, or bytes, that only this kind of answer has."""
        return _written(_show().export(self, kind), path)

    def to_pandas(self, **view: Any) -> pandas.DataFrame:
        """As a data frame, raw: the rows and columns of the CSV."""
        frame: pandas.DataFrame = _show().data_frame(self, **view)
        return frame

    def __str__(self) -> str:
        """What its command shows, in 100 columns and without colour."""
        text: str = _show().text(self, "table", width=WIDTH)
        return text.rstrip("\n")

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        text: str = _show().notebook(self)
        return text


def _show() -> Any:
    return import_module("netscope.show")


def _written(text: _T, path: str | PathLike[str] | None) -> _T:
    """The text, or bytes, which is written to the file too when there is one."""
    if path is not None:
        _show().write(path, text)
    return text
