"""How far a measurement is, as a bar on standard error. Nothing off a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Watcher = Callable[[str, float], None]


@contextmanager
def progress() -> Iterator[Watcher | None]:
    """What is to be told of the progress; None where nobody looks on."""
    if sys.stderr is None or not sys.stderr.isatty() or os.environ.get("TERM", "") in ("dumb", "unknown"):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(bar_width=24), TextColumn("{task.description}"), TimeElapsedColumn())
    # Drawn between rounds only: a thread of its own would take time from the steps that are measured.
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task("", total=1.0)

        def watch(what: str, done: float) -> None:
            bar.update(task, description=what, completed=done, refresh=True)

        yield watch
