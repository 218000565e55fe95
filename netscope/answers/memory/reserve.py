"""A step as torch's caching allocator meets it: who asks for how much, and lets go of it, in order."""

from __future__ import annotations

import os
from collections.abc import Iterator

from typing import Final

from netscope.answers.memory.allocator import Settings, replay
from netscope.answers.memory.device import cublas_workspace
from netscope.answers.memory.events import Event, Frame
from netscope.formulas.scratch import scratch_of
from netscope.formulas.scratch_cuda import asks_for_workspace, gpu, pieces_of_cuda
from netscope.report.memory import Reserved
from netscope.trace.facts import Operator
from netscope.trace.step.facts import Role, Step


# Who asks for cuBLAS's workspace, and what says how large it is.
WORKSPACE: Final = "cuBLAS workspace"
CONFIG: Final = "CUBLAS_WORKSPACE_CONFIG"


def reserved_for(step: Step, settings: Settings | None = None) -> Reserved:
    """What the allocator makes of a step, and of what was there before it."""
    events = list(allocations_of(step))
    found = replay(events, settings)
    workspace = sum(event.nbytes for event in events if event.frames and event.frames[0].name == WORKSPACE)
    return Reserved(
        found.peak_allocated.nbytes, found.peak_reserved.nbytes, found.idle, workspace, gpu().name
    )


def allocations_of(step: Step) -> Iterator[Event]:
    """All that is asked of the allocator, from the parameters on, with who asks.

    What an operator takes for itself is asked for when its results are there, and let go of at once. cuBLAS's
    workspace stays: a thread has it from its first product on, and backward has a thread of its own.
    """
    serving = cublas_workspace(gpu().capability, os.environ.get(CONFIG)) if step.device == "cuda" else None
    served: set[bool] = set()
    ops, phases = step.trace.ops, list(step.phases)
    block = len(step.trace.storages)  # beyond those of storages
    phase, coming = "", 0
    begun = 0
    for index, event in enumerate(step.events):
        while coming < len(phases) and phases[coming].event <= index:
            phase, coming = phases[coming].name, coming + 1
        while begun < event.op and begun < len(ops):
            operator = ops[begun].operator
            in_backward = phase == "backward"
            if serving and in_backward not in served and asks_for_workspace(operator):
                served.add(in_backward)
                yield Event(block, serving, True, (_frame(step, begun, phase)._replace(name=WORKSPACE),))
                block += 1
            pieces = _pieces(operator, step.device)
            frames = (_frame(step, begun, phase),) if pieces else ()
            for place, taken in enumerate(pieces):
                yield Event(block + place, taken, True, frames)
            for place in reversed(range(len(pieces))):
                yield Event(block + place, pieces[place], False, frames)
            block += len(pieces)
            begun += 1
        if not event.nbytes or _is_elsewhere(step, event.storage, event.nbytes):
            continue
        yield Event(event.storage, event.nbytes, event.born, (_made_by(step, event.storage, phase),))


def _pieces(operator: Operator, device: str) -> tuple[int, ...]:
    if device == "cuda":
        return pieces_of_cuda(operator)
    taken = scratch_of(operator, device)
    return (taken,) if taken else ()


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
