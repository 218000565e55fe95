"""A peer runs in a process of its own, a fork of this one, and hands back plain values.

Whatever it writes to, leaves patched, prints or breaks is gone with that process: the owner's module is out
of its reach, and a crash or an endless forward is a line in the answer. A fork has the module as it is, where
another kind of process would have it pickled, which not every module can be; and it takes milliseconds, where
a new interpreter takes seconds to import torch.

Only the process that was forked off lives under a limit of time, which the system keeps: an alarm that nobody
handles ends it, and it ends by itself also when this one is gone.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import Any, Final, NamedTuple, NoReturn

from netscope.base.errors import said

# The longest text of an error that is handed back.
_LONGEST: Final = 400


class Returned(NamedTuple):
    """What came of it: a value, or the line that says why there is none."""

    value: Any = None
    error: str = ""


class Child:
    """A piece of work in a process of its own, which has begun. `result` waits for it, `end` does not."""

    def __init__(self, work: Callable[[], Any], limit: float) -> None:
        """Begin. `work` returns what can be pickled; after `limit` seconds it is ended."""
        self._limit = limit
        self._done: Returned | None = None
        self._pid = 0
        if not hasattr(os, "fork"):
            self._done = _tried(work)
            return
        read, write = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            _be_child(work, write, limit)
        os.close(write)
        self._read = os.fdopen(read, "rb")

    def result(self) -> Returned:
        """What came of it."""
        if self._done is None:
            data = self._read.read()
            self._read.close()
            _, status = os.waitpid(self._pid, 0)
            self._pid = 0
            self._done = pickle.loads(data) if data else Returned(error=_ended(status, self._limit))  # noqa: S301
        return self._done

    def end(self) -> None:
        """See to it that it is over."""
        if not self._pid:
            return
        self._read.close()
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)
        self._pid = 0


def _tried(work: Callable[[], Any]) -> Returned:
    try:
        return Returned(work())
    except BaseException as error:  # noqa: BLE001 - of somebody else's code; it is reported
        return Returned(error=_line(error))


def _be_child(work: Callable[[], Any], write: int, limit: float) -> NoReturn:
    try:
        for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        faulthandler.disable()
        signal.setitimer(signal.ITIMER_REAL, limit)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        import torch

        torch.set_num_threads(1)  # the others were not forked
        text = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - it goes with the process
        with redirect_stdout(text), redirect_stderr(text):
            data = _packed(_tried(work))
        with os.fdopen(write, "wb") as pipe:
            pipe.write(data)
    finally:
        os._exit(0)  # nothing of what the forked process has to do at its end is this one's


def _packed(returned: Returned) -> bytes:
    try:
        return pickle.dumps(returned)
    except Exception as error:  # noqa: BLE001 - of whatever is in it
        return pickle.dumps(Returned(error=_line(error)))


def _line(error: BaseException) -> str:
    """The innermost cause in one line: peers wrap what a forward raised."""
    seen = {id(error)}
    while error.__cause__ is not None and id(error.__cause__) not in seen:
        error = error.__cause__
        seen.add(id(error))
    return " ".join(said(error).split())[:_LONGEST]


def _ended(status: int, limit: float) -> str:
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if number == signal.SIGALRM:
        return f"it was not done after {limit:g} s"
    if number == signal.SIGKILL:
        return "its process was killed, as one is that takes too much memory"
    return f"its process crashed ({signal.Signals(number).name})" if number else "its process ended early"
