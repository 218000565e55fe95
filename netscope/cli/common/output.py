"""Where a command's data goes: standard output or a file. Nothing else is written to either.

And what becomes of a standard stream that is closed or full: a line, or nothing, and never a traceback.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TextIO, cast

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
        from netscope.show import content
        from netscope.show.screen import Screen

        screen = Screen.of(sys.stdout) if self.path is None else Screen()
        written = content(answer, self.format, screen=screen, **view)
        if failed and self.path is not None and self.path.is_file():
            say(f"{self.path} is as it was: what there is now is partial, and does not replace it.")
            say("to keep what there is of it, give -o another name; to see it, leave -o out")
            return False
        write(written, self.path)
        if failed and self.path is not None:
            say(f"{self.path} is partial: it holds what there was up to the failure.")
        return True


def say(text: str) -> None:
    """A line for people, on standard error."""
    if sys.stderr is not None:
        sys.stderr.write(f"netscope: {text}\n")


def destination(chosen: str | None, path: Path | None) -> Destination:
    """Where to go with an answer: in the format asked for, or that of the file's name, else as a table.

    Raises:
        StoreError: the file cannot be written, as `check_writable` finds.
        UsageError: there is no such format, or a terminal cannot show it; or none is asked for, and the end
            of the file's name means none.
    """
    from netscope.show import formats

    check_writable(path)
    if chosen is not None:
        form = formats.find(chosen)
        if form.binary and path is None and sys.stdout is not None and sys.stdout.isatty():
            raise UsageError(
                f"a terminal shows no {form.name}.", hint=f"write it to a file: -o net{form.suffixes[0]}"
            )
        return Destination(form.name, path)
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
        StoreError: its folder is missing or closed, it is a folder itself, or no file can have that name.
    """
    if path is None:
        return
    try:
        found = path.exists()
        if path.is_dir():
            raise StoreError(f"cannot write {path}: it is a folder.")
        if not path.parent.is_dir():
            raise StoreError(f"cannot write {path}: there is no folder {path.parent}.")
        if not os.access(path if found else path.parent, os.W_OK):
            raise StoreError(f"cannot write {path}: permission denied.")
    except OSError as error:
        reason = error.strerror or "no file can have that name"
        raise StoreError(f"cannot write {path}: {reason[:1].lower()}{reason[1:]}.") from None


def write(text: str | bytes, path: Path | None) -> None:
    """Write to the file, whole or not at all, or to standard output.

    Raises:
        StoreError: the file cannot be written.
        BrokenPipeError: the reader of standard output is gone.
    """
    if path is not None:
        from netscope.show import write as write_file

        write_file(path, text)
        return
    if isinstance(text, str):
        sys.stdout.write(text)
    elif isinstance(sys.stdout, _Guard):
        sys.stdout.write_bytes(text)
    else:
        sys.stdout.buffer.write(text)
    sys.stdout.flush()


_CLOSED: Final = "it is closed"


@contextlib.contextmanager
def guarded_streams() -> Iterator[None]:
    """While active, whoever writes to a standard stream, be it a library, meets none of its failures.

    Standard output that takes no more is a `StoreError`, for data would be lost; a reader who is gone is a
    `BrokenPipeError`. What standard error does not take is dropped: nobody is left to be told.
    """
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - no path of anybody's
        data = _Data(before[0] or nowhere, closed=before[0] is None)
        remarks = _Remarks(before[1] or nowhere)
        sys.stdout, sys.stderr = cast(TextIO, data), cast(TextIO, remarks)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before


class _Guard:
    """A text stream, but for what happens when it cannot be written to: from then on, each time.

    Libraries try streams by writing nothing to them, and go on whatever comes of it.
    """

    def __init__(self, stream: TextIO, *, closed: bool = False) -> None:
        self._stream = stream
        self._closed = closed
        self._broken: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        self._open(lambda: self._stream.write(text))
        return len(text)

    def write_bytes(self, data: bytes) -> None:
        self._open(lambda: self._stream.buffer.write(data))

    def _open(self, action: Callable[[], object]) -> None:
        if self._closed:
            self._broken = OSError(errno.EBADF, _CLOSED)
        self._try(action)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def _try(self, action: Callable[[], object]) -> None:
        if self._broken is None:
            try:
                action()
            except UnicodeError:
                raise
            except (OSError, ValueError) as error:  # a stream that somebody closed raises a ValueError
                self._broken = error
                self._abandon()
        if self._broken is not None:
            self._failed(self._broken)

    def _abandon(self) -> None:
        """Point it at nothing: what is left in its buffer would fail once more as the interpreter ends."""
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def _failed(self, error: Exception) -> None:
        raise NotImplementedError


class _Data(_Guard):
    def _failed(self, error: Exception) -> None:
        if isinstance(error, BrokenPipeError):
            raise error
        reason = getattr(error, "strerror", None) or _CLOSED
        raise StoreError(f"cannot write to standard output: {reason}.") from error


class _Remarks(_Guard):
    def _failed(self, error: Exception) -> None:
        pass


def occupy_descriptors() -> None:
    """Open nothing in place of standard streams that are closed: the next file opened would be one of them.

    What a library or another process writes to its standard output would then be written into that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


@contextlib.contextmanager
def only_data_on_stdout() -> Iterator[None]:
    """While active, what a model prints as it is built or run goes to standard error."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
