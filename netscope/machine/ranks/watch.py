"""A thread beside the measurement that sees when a rank dies, raises or hangs, and ends all of them.

A rank that is gone leaves the others in a collective that never ends, where no code of theirs runs. So each
has this thread. It is told of the end of a process of this host by the kernel, at once. Every rank also says
from time to time that it lives, and whether its main thread has moved: the first rank reads that. Whoever
finds something first writes the verdict into the store that all share, and is the one who says it aloud.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple, NoReturn

import torch

from netscope.base.errors import NetscopeError, TraceError, UsageError, interrupts, said

# Seconds without a move of any rank after which they are ended.
LIMIT: Final = 30.0
# How often a rank says that it lives.
_PERIOD: Final = 0.5
# How long to look for the reason of a signal before it is the reason itself.
_GRACE: Final = 2.0
# For how long a lost connection waits for that: the thread is to be first.
_LOSS: Final = 5.0
# Who does not tell leaves after who does: the launcher ends the others once the first has left.
_COURTESY: Final = 1.5
_FAILED: Final = 3
_INTERRUPTED: Final = 130

_TORCH: Final = f"{Path(torch.__file__).parent}{os.sep}"
_DISTRIBUTED: Final = f"{_TORCH}distributed{os.sep}"
_NETSCOPE: Final = f"{Path(__file__).parents[2]}{os.sep}"
_RANKS: Final = f"{Path(__file__).parent}{os.sep}"
# What the text of an error has where another process has gone away.
_LOST: Final = ("connection", "gloo", "nccl", "peer", "socket", "broken pipe", "timed out", "timeout")


# Says a line, if there is one, and ends the process with an exit code.
End = Callable[[str | None, int], NoReturn]


class Verdict(NamedTuple):
    """Why all ranks end, by whom it was found, and with which exit code."""

    by: int
    text: str
    code: int


class _Beat(NamedTuple):
    """What a rank says of itself: a new `number` each time; `moves` where its main thread has moved."""

    number: int
    moves: int
    waits: bool
    where: str


class Watch:
    """Of one rank. `begin` once, `at` for each part of the work, then `failed` or `leave`."""

    def __init__(self, store: Any, rank: int, world: int, limit: float, end: End | None) -> None:
        """`store` is for this watch alone; `end` is None in a process that is somebody else's."""
        self.rank = rank
        self.world = world
        self.verdict: Verdict | None = None
        self.moves = 0
        self._store = store
        self._limit = limit
        self._exit = end
        self._label = "the start"
        self._main = threading.get_ident()
        self._done = threading.Event()
        # Other ranks of this host: what tells of their end -> rank and process; and those of which nothing
        # does, as on systems without such a thing.
        self._peers: dict[int, tuple[int, int]] = {}
        self._asked: dict[int, int] = {}
        self._reader, self._writer = os.pipe()
        self._before: list[tuple[int, Any]] = []
        self._wakeup: int | None = None
        self._joined = False
        # Held by whoever tells of the end.
        self._telling = threading.Lock()
        # What still needs the pipe and what tells of ends.
        self._users = {"caller"}
        self._leaving = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="netscope-ranks", daemon=True)

    def begin(self, others: Any) -> None:
        """Wait until all ranks are there, and watch them from now on.

        others:
            a store for this thread alone.

        Raises:
            TraceError: one has not come in time.
        """
        os.set_blocking(self._writer, False)
        self._mind_signals()
        self._mine = others
        others.set(f"who/{self.rank}", json.dumps([_host(), os.getpid()]))
        self._users.add("thread")
        self._thread.start()
        for rank in range(self.world):
            try:
                others.wait([f"who/{rank}"], timedelta(seconds=max(self._limit, LIMIT)))
            except Exception as error:
                raise TraceError(
                    f"rank {rank} of {self.world} has not come.",
                    hint="a profile of several ranks is called on every one of them",
                ) from error
        self._find_peers(others)
        self._joined = True
        self._wake()

    def at(self, label: str) -> None:
        """What is being done from now on: "the end-to-end pass"."""
        self._label = label
        self.moves += 1
        with contextlib.suppress(Exception):  # a store that is gone: the thread says so
            self._mine.set(f"at/{self.rank}", label)

    def check(self) -> None:
        """Raise where the others have ended."""
        self.moves += 1
        if self.verdict is not None:
            raise TraceError(self.verdict.text)

    def leave(self) -> None:
        """All went well: from now on this rank may end."""
        with contextlib.suppress(Exception):
            self._mine.set(f"left/{self.rank}", "1")
        self._stop(signals=True)

    def failed(self, error: BaseException) -> None:
        """The measurement raised on this rank. Returns where this rank is the one that tells of it.

        The message then begins with the rank. Where another one tells, the process ends quietly if it is
        ours.

        Raises:
            TraceError: another rank's failure, in a process that is not ours.
        """
        # What another's death gives rise to comes before the news of it.
        waiting = _LOSS if _is_loss(error) else 0.0
        ended = time.monotonic() + waiting
        while self.verdict is None and time.monotonic() < ended:
            time.sleep(0.02)
        verdict, text = self.verdict, self._told(error)
        if verdict is None:
            code = _INTERRUPTED if interrupts(error) else getattr(error, "exit_code", _FAILED)
            verdict = self._claim(text, code, self._mine)
        if verdict != (self.rank, text, verdict.code):
            # Another's, or what the thread has found out meanwhile.
            if self._exit is not None:
                self._say_and_exit(self._exit, verdict)
            self._stop(signals=True)
            raise TraceError(verdict.text) from error
        self._telling.acquire()
        self._stop(signals=self._exit is None)
        if interrupts(error):
            return
        if not isinstance(error, NetscopeError):
            raise TraceError(text) from error
        error.message = text
        error.args = (text,)

    def _told(self, error: BaseException) -> str:
        text = error.message if isinstance(error, NetscopeError) else said(error)
        if isinstance(error, UsageError):
            return f"rank {self.rank} of {self.world}: {text}"
        return f"rank {self.rank} of {self.world} failed during {self._label}: {text}"

    # The thread

    def _run(self) -> None:
        try:
            self._look_on()
        except Exception:  # noqa: BLE001 - the store is gone, and with it the process that had it
            if not self._done.is_set():
                self._without_store()
        finally:
            self._close_after("thread")

    def _look_on(self) -> None:
        lives = _Lives(self.rank, self.world, self._limit)
        count = 0
        while not self._done.is_set():
            if self._heard(_PERIOD):
                byte = os.read(self._reader, 1)
                if not self._done.is_set():
                    self._signalled(byte)
            if self._done.is_set():
                return
            count += 1
            self._store.set(f"beat/{self.rank}", json.dumps(self._beat(count)))
            if self._store.check(["verdict"]):
                self._end(self._read_verdict())
            if self._joined and (text := lives.look(self._store)):
                self._end(self._claim(text, _FAILED, self._store))

    def _beat(self, count: int) -> _Beat:
        position, where, waits = _position(self._main)
        if position != getattr(self, "_position", None):
            self._position = position
            self.moves += 1
        return _Beat(count, self.moves, waits, where)

    def _find_peers(self, store: Any) -> None:
        """The other ranks of this host."""
        for rank in range(self.world):
            host, process = json.loads(store.get(f"who/{rank}"))
            if rank == self.rank or host != _host():
                continue
            if not hasattr(os, "pidfd_open"):
                self._asked[rank] = process
                continue
            try:
                self._peers[os.pidfd_open(process)] = rank, process
            except ProcessLookupError as error:
                raise TraceError(f"rank {rank} of {self.world} died before it had begun.") from error
            except OSError:  # not allowed here
                self._asked[rank] = process

    def _heard(self, seconds: float, *, signals: bool = True) -> bool:
        """Wait so long, or until a rank of this host has ended; whether something was written to the pipe."""
        waited_for = [*([self._reader] if signals else []), *self._peers]
        ready = select.select(waited_for, [], [], seconds)[0]
        for one in ready:
            if one != self._reader:
                rank, process = self._peers.pop(one)
                how = _exit_of(process)
                os.close(one)
                self._died(rank, how)
        for rank, process in list(self._asked.items()):
            if _exit_of(process) or not _lives(process):
                del self._asked[rank]
                self._died(rank, _exit_of(process))
        return self._reader in ready

    def _died(self, rank: int, how: str) -> None:
        if self._store.check([f"left/{rank}"]) or self._store.check(["verdict"]):
            return
        text = f"rank {rank} of {self.world} died ({how or 'killed'}){self._during(rank)}"
        self._end(self._claim(text, _FAILED, self._store))

    def _during(self, rank: int) -> str:
        if not self._store.check([f"at/{rank}"]):
            return ""
        return f" during {self._store.get(f'at/{rank}').decode()}"

    def _signalled(self, byte: bytes) -> None:
        """A signal has come, which says that all is over and not why. The kernel may be about to."""
        number = byte[0] if byte else 0
        if number not in (signal.SIGTERM, signal.SIGINT):
            return
        ended = time.monotonic() + (_GRACE if number == signal.SIGTERM else 1.0)
        while not self._done.is_set() and time.monotonic() < ended:
            self._heard(0.05, signals=False)
            if self._store.check(["verdict"]):
                self._end(self._read_verdict())
        if self._done.is_set():
            return
        missing = [rank for rank in range(self.world) if not self._store.check([f"who/{rank}"])]
        if number == signal.SIGINT:
            self._end(self._claim("interrupted.", _INTERRUPTED, self._store))
        elif missing:
            text = f"rank {missing[0]} of {self.world} ended before it had begun"
            self._end(self._claim(text, _FAILED, self._store))
        else:
            text = f"ended from outside (SIGTERM) during {self._label}"
            self._end(self._claim(text, 128 + number, self._store))

    def _without_store(self) -> None:
        """Whoever has the store is gone: the launcher, or the first rank."""
        known = {**dict(self._peers.values()), **self._asked}
        dead = [rank for rank, process in known.items() if _exit_of(process) or not _lives(process)]
        who = f"rank {dead[0]} of {self.world} died (killed)" if dead else "what the ranks meet at is gone"
        # Nobody can be asked who tells.
        teller = next(rank for rank in range(self.world) if rank not in dead)
        self._end(Verdict(teller, f"{who}, seen during {self._label}", _FAILED))

    def _end(self, verdict: Verdict) -> None:
        """All is over. Somebody else's process goes on, once torch gives its collective up."""
        self.verdict = verdict
        if self._done.wait(0.0 if self._exit is not None else _GRACE):
            return  # the main thread has heard of it, and says so
        if self._exit is not None:
            self._say_and_exit(self._exit, verdict)
        if verdict.by == self.rank:
            warnings.warn(verdict.text, stacklevel=1)
        self._done.wait()

    def _say_and_exit(self, end: End, verdict: Verdict) -> NoReturn:
        """Once: the main thread may have heard of it at the same time."""
        self._telling.acquire()
        if verdict.by != self.rank:
            time.sleep(_COURTESY)
        end(verdict.text if verdict.by == self.rank else None, verdict.code)

    # What all ranks share

    def _claim(self, text: str, code: int, store: Any) -> Verdict:
        """The verdict: this one, unless somebody was before."""
        mine = Verdict(self.rank, text, code)
        try:
            self.verdict = Verdict(*json.loads(store.compare_set("verdict", "", json.dumps(mine))))
        except Exception:  # noqa: BLE001 - nobody is left to ask
            self.verdict = mine
        return self.verdict

    def _read_verdict(self) -> Verdict:
        return Verdict(*json.loads(self._store.get("verdict")))

    # Signals: Python runs handlers on the main thread alone, which may never come back from a collective.

    def _mind_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            self._before.append((signal.SIGTERM, signal.signal(signal.SIGTERM, lambda *_: None)))
        self._wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def _stop(self, *, signals: bool) -> None:
        """The thread ends; with `signals`, these do again what they did."""
        self._done.set()
        if signals and self._wakeup is not None:
            signal.set_wakeup_fd(self._wakeup)
            for number, before in self._before:
                signal.signal(number, before)
            self._wakeup = None
        self._wake()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(_PERIOD)
        self._close_after("caller")

    def _close_after(self, user: str) -> None:
        """Close what was opened once nobody needs it: a number that is closed may be another's file."""
        with self._leaving:
            if user not in self._users:
                return
            self._users.remove(user)
            if self._users:
                return
        # While signals still write to the pipe, until the process ends, it stays.
        pipe = [self._reader, self._writer] if self._wakeup is None else []
        for one in [*pipe, *self._peers]:
            os.close(one)
        self._peers.clear()

    def _wake(self) -> None:
        if "caller" in self._users:  # else the number may be another's by now
            with contextlib.suppress(OSError):
                os.write(self._writer, b"\0")


class _Lives:
    """Whether ranks live and move, by what they say of it."""

    def __init__(self, rank: int, world: int, limit: float) -> None:
        # The first rank looks at all, and all look at the first.
        self._looked_at = [one for one in range(world) if rank == 0 or one == 0]
        self._whole = rank == 0
        self._world = world
        self._limit = limit
        self._seen: dict[int, tuple[_Beat, float, float]] = {}
        self._next = 0.0

    def look(self, store: Any) -> str:
        """What is wrong; "" where nothing is."""
        now = time.monotonic()
        if now < self._next:
            return ""
        self._next = now + _PERIOD
        for rank in self._looked_at:
            key = f"beat/{rank}"
            if not store.check([key]) or store.check([f"left/{rank}"]):
                self._seen.pop(rank, None)
                continue
            beat = _Beat(*json.loads(store.get(key)))
            last, lived, moved = self._seen.get(rank, (None, now, now))
            lived = now if last is None or beat.number != last.number else lived
            moved = now if last is None or beat.moves != last.moves else moved
            self._seen[rank] = beat, lived, moved
        return self._silent(now, store) or (self._stuck(now, store) if self._whole else "")

    def _silent(self, now: float, store: Any) -> str:
        for rank, (_, lived, _) in self._seen.items():
            if now - lived >= self._limit:
                return (
                    f"rank {rank} of {self._world} has been silent for {now - lived:.0f} s{_at(store, rank)}"
                )
        return ""

    def _stuck(self, now: float, store: Any) -> str:
        if len(self._seen) < 2 or any(now - moved < self._limit for _, _, moved in self._seen.values()):
            return ""
        told = f"nothing has moved for {self._limit:.0f} s"
        busy = [(rank, beat) for rank, (beat, _, _) in self._seen.items() if not beat.waits]
        if busy:
            rank, beat = busy[0]
            return (
                f"rank {rank} of {self._world} hangs{_at(store, rank)}: {told} ({beat.where or 'in torch'})"
            )
        places = ", ".join(f"rank {rank} {beat.where}" for rank, (beat, _, _) in [*self._seen.items()][:4])
        return f"the ranks wait for each other{_at(store, 0)}: {told} ({places})"


def _at(store: Any, rank: int) -> str:
    key = f"at/{rank}"
    return f" during {store.get(key).decode()}" if store.check([key]) else ""


def _position(thread: int) -> tuple[object, str, bool]:
    """Where a thread is: to be compared, for people, and whether it waits for other ranks."""
    frame: FrameType | None = sys._current_frames().get(thread)
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    position = tuple([(id(one.f_code), one.f_lasti) for one in frames])
    if not frames:
        return position, "", False
    names = [one.f_code.co_filename for one in frames]
    inside = names[0].startswith((_TORCH, _RANKS))
    waits = inside and any(name.startswith((_DISTRIBUTED, _RANKS)) for name in names)
    if waits:
        called = [
            one.f_code.co_name
            for one, name in zip(frames, names, strict=True)
            if name.startswith(_DISTRIBUTED) and one.f_code.co_name != "wrapper"
        ]
        return position, f"in {called[0]}" if called else "between two steps", True
    for one, name in zip(frames, names, strict=True):
        if not name.startswith((_TORCH, _NETSCOPE, "<")):
            return position, f"{Path(name).name}, line {one.f_lineno}, in {one.f_code.co_name}", False
    return position, "", False


def _is_loss(error: BaseException | None) -> bool:
    """Whether an error may come of another process having gone away."""
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, (RuntimeError, OSError)) and any(word in str(error).lower() for word in _LOST):
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False


def _exit_of(process: int) -> str:
    """How a process of this host ended, for as long as its parent has not asked; "" where nobody tells."""
    try:
        told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        state, code = told[0], int(told[49])
    except (OSError, ValueError, IndexError):
        return ""
    if state != "Z":
        return ""
    number = code & 0x7F
    if number == signal.SIGKILL:
        return "killed"
    if number:
        with contextlib.suppress(ValueError):
            return signal.Signals(number).name
        return f"signal {number}"
    return f"exit code {code >> 8}"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _host() -> str:
    """A name that processes share which can see each other."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return f"{socket.gethostname()} {space}".strip()


def host_name() -> str:
    """This machine's, for people."""
    return socket.gethostname()
