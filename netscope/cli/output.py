"""Where a command's data goes: standard output or a file. Nothing else is written to either."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from netscope.errors import StoreError


def check_writable(path: Path | None) -> None:
    """Refuse an output file that cannot be written, before time is spent on what should go there.

    Raises:
        StoreError: its folder is missing or closed, or it is a folder itself.
    """
    if path is None:
        return
    if path.is_dir():
        raise StoreError(f"cannot write {path}: it is a folder.")
    if not path.parent.is_dir():
        raise StoreError(f"cannot write {path}: there is no folder {path.parent}.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise StoreError(f"cannot write {path}: permission denied.")


def write(text: str, path: Path | None) -> None:
    """Write to the file, whole or not at all, or to standard output.

    Raises:
        StoreError: the file cannot be written.
        BrokenPipeError: the reader of standard output is gone.
    """
    if path is not None:
        from netscope.store import write_text

        write_text(path, text)
        return
    sys.stdout.write(text)
    sys.stdout.flush()


@contextlib.contextmanager
def only_data_on_stdout() -> Iterator[None]:
    """While active, what a model prints as it is built or run goes to standard error."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
