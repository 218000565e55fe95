"""The timeline of memory: what was allocated and released, in order, and by whom."""

from __future__ import annotations

from typing import NamedTuple


class Frame(NamedTuple):
    """Who asked: an operator in a layer in a phase of the step.

    name:
        the operator ("aten.addmm.default"), or what else it was for ("parameter").
    where:
        the layer's path ("encoder.layers.0.fc1"); "" for the network itself, or outside of it.
    phase:
        "forward", "backward", "optimizer"; "" where there is only one.
    """

    name: str
    where: str = ""
    phase: str = ""


class Event(NamedTuple):
    """One allocation, or one release.

    block:
        the identity of a piece of memory, from its allocation to its release; free to be used again after.
    nbytes:
        bytes asked for; of a release those that its allocation asked for.
    frames:
        who asked, innermost first.
    """

    block: int
    nbytes: int
    allocates: bool
    frames: tuple[Frame, ...] = ()
