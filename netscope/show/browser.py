"""Where pages go that a person looks at: a file of their own, and the browser."""

from __future__ import annotations

import os
import re
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from netscope.base import arguments
from netscope.show import page_of, write
from netscope.show.formats import html
from netscope.show.screen import Screen

if TYPE_CHECKING:
    from netscope.base.answer import Answer

# Longest name of a page's file, and what such a name is made of.
_LONGEST: Final = 60
_OTHER: Final = re.compile(r"[^A-Za-z0-9_.-]+")


def fresh(name: str) -> Path:
    """A file for a page of that name, in a new folder that nobody else can read."""
    stem = _OTHER.sub("-", name).strip("-.")[-_LONGEST:].strip("-.")
    return Path(tempfile.mkdtemp(prefix="netscope-")) / f"{stem or 'page'}.html"


def written(answer: Answer, path: str | os.PathLike[str] | None = None, **view: Any) -> Path:
    """Write the answer's page to a file, a fresh one by default; where it is.

    Raises:
        UsageError: nothing is what `view` asks for.
        StoreError: the file cannot be written.
    """
    page = page_of(answer, **view)
    to = fresh(page.title) if path is None else Path(arguments.path("path", path))
    write(to, html.lower(page, Screen()))
    return to


def opened(path: Path) -> bool:
    """Show the page to the person before the machine; whether there is a browser for that."""
    return webbrowser.open(path.absolute().as_uri())
