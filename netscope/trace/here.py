"""What a thread is recording at the moment. Other threads have their own, and notice nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder
    from netscope.trace.routing import Router


class Here(threading.local):
    """Of one thread.

    recorder, calls:
        of the recording that runs.
    outside:
        whether the code that runs at this instant is the owner's, and not torch's within an operator.
    """

    recorder: Recorder | None = None
    calls: Router | None = None
    outside: bool = False


here = Here()
