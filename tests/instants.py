"""A Ctrl-C at any line of netscope's own code."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import netscope

PACKAGE = str(Path(netscope.__file__).parent)


class Interrupt:
    """A Ctrl-C when the given line of netscope's is reached, counted from the start.

    It is a signal and no exception out of nowhere: whoever holds signals back for a moment may do so.
    """

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.lines = 0

    def __call__(self, frame: FrameType, event: str, arg: object) -> Any:
        return self.line if frame.f_code.co_filename.startswith(PACKAGE) else None

    def line(self, frame: FrameType, event: str, arg: object) -> Any:
        if event == "line":  # a return is no instant: there Python takes no signals
            self.lines += 1
            if self.lines == self.at:
                signal.raise_signal(signal.SIGINT)
        return self.line

    def during(self, call: Callable[[], object]) -> bool:
        """Call; whether it was interrupted."""
        before = sys.gettrace()
        sys.settrace(self)
        try:
            call()
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(before)
        return False
