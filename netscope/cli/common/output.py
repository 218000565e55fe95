"""Where a command's data goes: standard output or a file. Nothing else is written to either."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from netscope.base.errors import StoreError, UsageError

if TYPE_CHECKING:
    from netscope.base.answer import Answer


class Destination(NamedTuple):
    """In what format a command's answer goes where; no path is standard output."""

    format: str
    path: Path | None

    def write(self, answer: Answer, *, failed: bool = False, **view: Any) -> bool:
        """Write the answer in the format, coloured for a terminal only; whether it was written.

        What came of a run that `failed` never takes the place of a file: that may be last week's good one.
        Standard error says so, or that the new file holds only a part.

        Raises:
            UsageError: `view` asks for rows or columns that there are not.
            StoreError: the file cannot be written.
        """
        from netscope.show import text
        from netscope.show.screen import Screen

        screen = Screen.of(sys.stdout) if self.path is None else Screen()
        written = text(answer, self.format, screen=screen, **view)
        if failed and self.path is not None and self.path.is_file():
            _say(f"{self.path} is as it was: what there is now is partial, and does not replace it.")
            _say("to keep what there is of it, give -o another name; to see it, leave -o out")
            return False
        write(written, self.path)
        if failed and self.path is not None:
            _say(f"{self.path} is partial: it holds what there was up to the failure.")
        return True


def _say(text: str) -> None:
    """A line for people, on standard error."""
    if sys.stderr is not None:
        sys.stderr.write(f"netscope: {text}\n")


def destination(chosen: str | None, path: Path | None) -> Destination:
    """Where to go with an answer: in the format asked for, or that of the file's name, else as a table.

    Raises:
        StoreError: the file cannot be written, as `check_writable` finds.
        UsageError: there is no such format; or none is asked for, and the end of the file's name means none.
    """
    from netscope.show import formats

    check_writable(path)
    if chosen is not None:
        return Destination(formats.find(chosen).name, path)
    if path is None:
        return Destination(formats.DEFAULT, None)
    found = formats.by_suffix(path.suffix)
    if found is None:
        ends = [form.suffixes[0] for form in formats.formats().values()]
        raise UsageError(
            f"cannot tell the format of {str(path)!r} by its name.",
            hint=f"end it in {', '.join(ends[:-1])} or {ends[-1]}, or give --format",
        )
    return Destination(found, path)


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
