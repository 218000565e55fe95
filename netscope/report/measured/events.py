"""What ran, and when: the records of one instrumented pass."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

# How the ranges are called that netscope itself puts into a recording. What follows is a module's path.
LAYER: Final = "netscope layer "
# A phase of a step ("forward", "backward", "optimizer"), and a whole step.
PHASE: Final = "netscope phase "
STEP: Final = "netscope step"

Kind = Literal["layer", "phase", "step", "operator", "launch", "device"]


class Event(NamedTuple):
    """One thing that ran from `start` to `end`, in seconds since the beginning of the recording.

    kind:
        "layer", "phase", "step": ranges around the call of a module (`name` is its path), a phase, a step;
        "operator": on the host, an autograd node's too;
        "launch": the call that hands work to a device;
        "device": that work (kernels, copies, fills).
    lane:
        the host's thread; for "device" the stream.
    correlation:
        equal for a launch and the work that it handed over; -1 for none.
    sequence:
        for an operator of the forward, the number that the next autograd node of its thread gets; for an
        autograd node that is run, its number; -1 for none.
    forward_lane:
        for an autograd node that is run, the thread that made it; -1 for all else.
    external:
        of an operator, what the profiler knows it by; of a launch or a device's work, that of the operator
        which asked for it; -1 for none.
    """

    kind: Kind
    name: str
    start: float
    end: float
    lane: int = 0
    correlation: int = -1
    sequence: int = -1
    forward_lane: int = -1
    external: int = -1

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start
