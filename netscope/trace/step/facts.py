"""One step of training or of inference, as facts: which storage came and went when, and whose it was."""

from __future__ import annotations

import enum
from typing import NamedTuple

from netscope.trace.facts import Trace


class Role(enum.Enum):
    """What a storage is for, in the order in which one is taken for it."""

    PARAMETER = "parameters"
    BUFFER = "buffers"
    INPUT = "inputs"
    OPTIMIZER = "optimizer state"
    GRADIENT = "gradients"
    GATHERED = "gathered parameters"
    SAVED = "saved for backward"
    OTHER = "activations and temporaries"


class Event(NamedTuple):
    """A storage that came or went.

    storage:
        index into `Trace.storages`.
    nbytes:
        of it; those that it had, of one that went.
    born:
        whether it came.
    op:
        operators that had been begun by then: one that came was made by the last of them.
    """

    storage: int
    nbytes: int
    born: bool
    op: int


class Phase(NamedTuple):
    """A part of a step, from an event and an operator on to those of the next one.

    name:
        "forward", "loss", "backward", "optimizer" or "zero_grad"; of accumulated ones each time anew.
    """

    name: str
    event: int
    op: int


class Step(NamedTuple):
    """What a step did.

    trace:
        of all of its operators; those of backward belong to the calls whose gradients they compute, and those
        of the optimizer to none (-1).
    events:
        in order. What was there before the step comes first, before any operator.
    roles:
        of each storage.
    saved:
        what autograd held when the first forward was over: a storage, and the call that had it kept first.
    device:
        whose kernels and rules it went by: "cpu" or "cuda".
    """

    trace: Trace
    events: tuple[Event, ...]
    phases: tuple[Phase, ...]
    roles: tuple[Role, ...]
    saved: tuple[tuple[int, int], ...]
    device: str

    @property
    def begin(self) -> int:
        """The first event of the step itself: what comes before makes what was there."""
        return next((phase.event for phase in self.phases if phase.name != "state"), len(self.events))
