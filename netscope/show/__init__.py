"""Answers as text. Each has a page, a module or folder here of its verb's name; a format writes any page.

content     an answer in a format
text        the same, of a format that is text
data_frame  an answer as a data frame
notebook    an answer as a notebook shows it
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from html import escape
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

from netscope.base import arguments
from netscope.base.errors import UsageError
from netscope.show.formats import find
from netscope.show.page import Difference, Folded, Layers, Network, Page, Plot, Section
from netscope.show.screen import Screen

if TYPE_CHECKING:
    import pandas

    from netscope.base.answer import Answer


# How what is common to many pages' views is read.
_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "depth": lambda value: arguments.integer("depth", value, "write depth=2"),
    "top": lambda value: arguments.integer("top", value, "write top=10"),
    "only": lambda value: arguments.texts("only", value, 'write only=["Conv2d"]'),
    "columns": lambda value: arguments.texts("columns", value, 'write columns=["params", "macs"]'),
    "layers": lambda value: arguments.text("layers", value, 'write layers="features.*"'),
    "picture": lambda value: arguments.text("picture", value, 'write picture="map"'),
    "sort": lambda value: arguments.text("sort", value, 'write sort="macs"'),
}


def page_of(answer: Answer, verb: str = "", **view: Any) -> Page:
    """The answer's page, or that of another verb.

    `view` says which rows and columns of it to show, and which picture where there is but one.
    """
    for name, read in _READ.items():
        if view.get(name) is not None:
            view[name] = read(view[name])
    picture = view.pop("picture", None) or ""
    made: Page = import_module(f"netscope.show.{verb or answer.verb}").page(answer, **view)
    return made._replace(picture=picture, depth=view.get("depth"))


def content(
    answer: Answer, format: str, *, width: int | None = None, screen: Screen | None = None, **view: Any
) -> str | bytes:
    """The answer in a format: text that ends in a newline, or the bytes of a picture.

    Args:
        width: columns of a screen that is not there; no limit without.
        screen: where the text will be seen.

    Raises:
        UsageError: there is no such format, or nothing that `view` asks for.
    """
    form = find(arguments.text("format", format, 'write format="csv"'))
    return form.lower(page_of(answer, **view), screen or Screen(width))


def text(
    answer: Answer, format: str, *, width: int | None = None, screen: Screen | None = None, **view: Any
) -> str:
    """The answer in a format of text.

    Raises:
        UsageError: as `content` does, and for a format of bytes.
    """
    if find(arguments.text("format", format, 'write format="csv"')).binary:
        raise UsageError(f"{format} is no text.", hint=f'to_{format}("net.{format}") has its bytes')
    made = content(answer, format, width=width, screen=screen, **view)
    assert isinstance(made, str)
    return made


def data_frame(answer: Answer, **view: Any) -> pandas.DataFrame:
    """The answer as a data frame."""
    from netscope.show.frame import frame_of

    return frame_of(page_of(answer, **view))


# Pixels that a page has in a notebook, and characters that it may add to the notebook's file.
_HEIGHT: Final = 520
_LARGEST: Final = 2_000_000


def notebook(answer: Answer) -> str:
    """The answer as an element of a page that somebody else wrote.

    What has pictures is a page of its own within it, which reaches neither what is around it nor the network.
    """
    from netscope.show.formats import html

    page = page_of(answer)
    if any(isinstance(section, _PICTURES) for section in _within(page.sections())):
        whole = html.framed(page)
        if len(whole) <= _LARGEST:
            return (
                f'<iframe title="{html.escape(page.title)} · netscope" srcdoc="{escape(whole)}" '
                'sandbox="allow-scripts" allow="clipboard-write *" '
                f'style="width:100%;height:{_HEIGHT}px;border:0;color-scheme:light dark"></iframe>\n'
            )
    return html.fragment(page)


_PICTURES: Final = (Layers, Network, Difference, Plot)


def _within(sections: Iterable[Section]) -> Iterator[Section]:
    """The sections, and those that are folded in them."""
    for section in sections:
        yield section
        if isinstance(section, Folded):
            yield from _within(section.sections)


def export(answer: Answer, kind: str) -> Any:
    """A text, or bytes, that only this kind of answer has; `netscope.show.exports` has a module of each."""
    made: str | bytes = import_module(f"netscope.show.exports.{kind}").made_of(answer)
    return made


def write(path: str | PathLike[str], text: str | bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        StoreError: the file cannot be written.
    """
    from netscope.report.store import write_bytes, write_text

    if isinstance(text, bytes):
        write_bytes(path, text)
    else:
        write_text(path, text)
