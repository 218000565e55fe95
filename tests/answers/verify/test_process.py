"""A process of its own: what comes back, and that nothing else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from netscope.answers.verify.process import Child, Returned

STATE: dict[str, Any] = {}


def done(work: Any, limit: float = 20.0) -> Returned:
    child = Child(work, limit)
    try:
        return child.result()
    finally:
        child.end()


def test_a_value_comes_back_and_what_was_written_to_does_not(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> list[int]:
        STATE["written"] = True
        os.environ["NETSCOPE_VERIFY_TEST"] = "1"
        sys.stdout.write("noise")
        sys.stdout.flush()
        os.write(2, b"noise")
        return [1, 2, 3]

    assert done(work) == Returned([1, 2, 3])
    assert STATE == {}
    assert "NETSCOPE_VERIFY_TEST" not in os.environ
    assert capfd.readouterr() == ("", "")


def test_a_large_value_comes_back_whole() -> None:
    assert len(done(lambda: "x" * 5_000_000).value) == 5_000_000


def test_an_error_is_a_line_of_its_innermost_cause() -> None:
    def work() -> None:
        try:
            raise ValueError("a\n  b")
        except ValueError as error:
            raise RuntimeError("wrapped") from error

    assert done(work).error == "ValueError: a"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), MemoryError("much")])
def test_any_error_is_told(error: BaseException) -> None:
    def work() -> None:
        raise error

    assert type(error).__name__ in done(work).error


def test_what_cannot_be_handed_over_is_an_error() -> None:
    assert "pickle" in done(lambda: lambda: 1).error


def test_a_crash_is_told() -> None:
    assert done(lambda: os.kill(os.getpid(), signal.SIGSEGV)).error == "its process crashed (SIGSEGV)"
    assert done(lambda: os._exit(4)).error == "its process ended early"
    assert "killed" in done(lambda: os.kill(os.getpid(), signal.SIGKILL)).error


def test_an_endless_one_ends_at_its_limit() -> None:
    def endless() -> None:
        while True:
            pass

    started = time.monotonic()
    assert done(endless, 0.3).error == "it was not done after 0.3 s"
    assert time.monotonic() - started < 10


def test_who_does_not_wait_leaves_no_process() -> None:
    child = Child(lambda: time.sleep(100), 200.0)
    pid = child._pid
    child.end()
    child.end()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_several_run_at_once() -> None:
    started = time.monotonic()
    children = [Child(lambda: time.sleep(1.0), 30.0) for _ in range(4)]
    assert [child.result() for child in children] == [Returned()] * 4
    assert time.monotonic() - started < 3.8


def test_it_ends_when_its_parent_is_gone() -> None:
    code = (
        "import os, time\n"
        "from netscope.answers.verify.process import Child\n"
        "child = Child(lambda: time.sleep(100), 0.5)\n"
        "print(child._pid, flush=True)\n"
        "os._exit(0)\n"
    )
    pid = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        state = _state_of(pid)
        if state == "Z":  # nobody is there to see to it
            return
        time.sleep(0.1)
    pytest.fail("it lives on")


def _state_of(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
