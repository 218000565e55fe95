"""Where a command's data goes: standard output or a file. Nothing else is written to either."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from netscope.base.errors import StoreError, UsageError
from netscope.cli.options import Format

# What the name of an output file asks for. One without an end, such as /dev/stdout, asks for nothing.
_BY_SUFFIX: Final = {
    "": Format.table,
    ".txt": Format.table,
    ".md": Format.markdown,
    ".markdown": Format.markdown,
    ".csv": Format.csv,
    ".json": Format.json,
}


class Destination(NamedTuple):
    """In what form a command's answer goes where; no path is standard output."""

    format: Format
    path: Path | None

    def write(self, renderers: Mapping[str, Callable[..., str]], answer: Any) -> None:
        """Render the answer by the renderer of the format, coloured for a terminal only, and write it.

        Raises:
            StoreError: the file cannot be written.
        """
        render = renderers[self.format]
        if self.path is None:
            write(render(answer, stream=sys.stdout), None)
        else:
            write(render(answer, color=False), self.path)


def destination(chosen: Format | None, path: Path | None) -> Destination:
    """Where to go with an answer: in the format asked for, or that of the file's name, else as a table.

    Raises:
        StoreError: the file cannot be written, as `check_writable` finds.
        UsageError: no format is asked for, and the end of the file's name means none.
    """
    check_writable(path)
    if chosen is None:
        chosen = _BY_SUFFIX.get("" if path is None else path.suffix.lower())
    if chosen is None:
        raise UsageError(
            f"cannot tell the format of {str(path)!r} by its name.",
            hint="end it in .txt, .md, .csv or .json, or give --format",
        )
    return Destination(chosen, path)


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
        from netscope.report.store import write_text

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
