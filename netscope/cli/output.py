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
    if sys.stdout is None:
        raise StoreError("cannot write to standard output: it is closed.")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # Nothing may be left in the buffer, or the interpreter complains of it once more on its way out.
        abandon_stdout()
        raise StoreError(f"cannot write to standard output: {error.strerror}.") from error


def abandon_stdout() -> None:
    """Point standard output at nothing, so that the interpreter's last flush finds no broken pipe."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


@contextlib.contextmanager
def only_data_on_stdout() -> Iterator[None]:
    """While active, what a model prints as it is built or run goes to standard error."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
