"""What every renderer is: something to show -> text. Each table of formats has renderers of one thing."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol, TextIO, TypeVar, cast

Shown = TypeVar("Shown", contravariant=True)


class Render(Protocol[Shown]):
    """Something to show -> text.

    width:
        the terminal's, in columns; None: found out from the stream.
    color:
        forces escape sequences on or off; None: found out.
    stream:
        where the text will go, so that its terminal and encoding can be asked.

    A data format has no use for any of them.
    """

    def __call__(
        self,
        shown: Shown,
        /,
        *,
        width: int | None = None,
        color: bool | None = None,
        stream: TextIO | None = None,
    ) -> str:
        """The text, ending in a newline."""
        ...


def lazy(module: str | Callable[[Any], str]) -> Render[Any]:
    """The function `render` of a module of this package, which is imported when it is first used.

    module:
        its name, or what says it of the thing to show.
    """

    def render(
        shown: Any,
        /,
        *,
        width: int | None = None,
        color: bool | None = None,
        stream: TextIO | None = None,
    ) -> str:
        name = module if isinstance(module, str) else module(shown)
        made = cast(Render[Any], import_module(f"netscope.show.render.{name}").render)
        return made(shown, width=width, color=color, stream=stream)

    return render
