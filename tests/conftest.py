"""What every test starts from, wherever the suite runs."""

from __future__ import annotations

import signal

import pytest

# A shell that runs the suite in the background ignores interrupts, and so would every process started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Width and colour are as away from any terminal; pytest-xdist tells its workers of one."""
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
