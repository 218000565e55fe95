"""A step as torch's caching allocator meets it: who asks for how much, and lets go of it, in order."""

from __future__ import annotations

from collections.abc import Iterator

from netscope.answers.memory.allocator import Settings, replay
from netscope.answers.memory.events import Event, Frame
from netscope.answers.memory.timeline import Scratch
from netscope.formulas.scratch import scratch_of
from netscope.report.memory import Reserved
from netscope.trace.step.facts import Role, Step


def reserved_for(step: Step, settings: Settings | None = None) -> Reserved:
    """What the allocator makes of a step, and of what was there before it."""
    found = replay(list(allocations_of(step)), settings)
    return Reserved(found.peak_allocated.nbytes, found.peak_reserved.nbytes, found.idle)


def allocations_of(step: Step, scratch: Scratch = scratch_of) -> Iterator[Event]:
    """All that is asked of the allocator, from the parameters on, with who asks.

    What an operator takes for itself is asked for when its results are there, and let go of at once.
    """
    ops, phases = step.trace.ops, list(step.phases)
    block = len(step.trace.storages)  # beyond those of storages
    phase, coming = "", 0
    begun = 0
    for index, event in enumerate(step.events):
        while coming < len(phases) and phases[coming].event <= index:
            phase, coming = phases[coming].name, coming + 1
        while begun < event.op and begun < len(ops):
            taken = scratch(ops[begun].operator, step.device)
            if taken:
                frames = (_frame(step, begun, phase),)
                yield Event(block, taken, True, frames)
                yield Event(block, taken, False, frames)
                block += 1
            begun += 1
        if not event.nbytes or _is_elsewhere(step, event.storage, event.nbytes):
            continue
        yield Event(event.storage, event.nbytes, event.born, (_made_by(step, event.storage, phase),))


def _is_elsewhere(step: Step, storage: int, nbytes: int) -> bool:
    """Whether it is the count of an optimizer's steps, which stays with the processor."""
    return step.device != "cpu" and step.roles[storage] is Role.OPTIMIZER and nbytes <= 8


def _made_by(step: Step, storage: int, phase: str) -> Frame:
    born = step.trace.storages[storage].born
    if 0 <= born < len(step.trace.ops):
        return _frame(step, born, phase)
    return Frame(step.roles[storage].value, "", phase)


def _frame(step: Step, op: int, phase: str) -> Frame:
    called = step.trace.ops[op]
    where = step.trace.calls[called.call].path if called.call >= 0 else ""
    return Frame(called.operator.name, where, phase)
