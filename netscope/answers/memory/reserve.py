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
from netscope.trace.step.facts import Step

# Who asks for cuBLAS's workspace, and what says how large it is.
WORKSPACE: Final = "cuBLAS workspace"
CONFIG: Final = "CUBLAS_WORKSPACE_CONFIG"
# Steps until the allocator has what it needs: what the first one leaves is in the way of the next.
STEPS: Final = 2
# Bytes of a number at most.
_NUMBER: Final = 8
_EFFICIENT: Final = "aten._scaled_dot_product_efficient_attention.default"


def reserved_for(step: Step, settings: Settings | None = None) -> Reserved:
    """What the allocator makes of a step, and of what was there before it."""
    events = list(allocations_of(step))
    found = replay(events, settings)
    workspace = sum(event.nbytes for event in events if event.frames and event.frames[0].name == WORKSPACE)
    return Reserved(
        found.peak_allocated.nbytes, found.peak_reserved.nbytes, found.idle, workspace, gpu().name
    )


def allocations_of(step: Step, steps: int = STEPS, *, workspace: bool = True) -> Iterator[Event]:
    """All that is asked of the allocator, from the parameters on, with who asks.

    What an operator takes for itself is asked for when its results are there, and let go of at once. cuBLAS's
    workspace stays: a thread has it from its first product on, and backward has a thread of its own.

    steps:
        how often the step is done. What is there before it is there once; the gradients that one step lets go
        of are those that the one before it has made.
    workspace:
        whether cuBLAS has one.
    """
    asked = list(_asked(step, workspace))
    begin = next((place for place, (_, index) in enumerate(asked) if index >= step.begin), len(asked))
    there = {event.block for event, _ in asked[:begin] if event.allocates}
    heirs = _heirs([event for event, _ in asked[begin:]], there)
    yield from (event for event, _ in asked)
    if heirs is None:
        return
    # By the name that the recorded step has for it, what it is called now.
    now: dict[int, int] = {}
    more = max((event.block for event, _ in asked), default=0) + 1
    for _ in range(steps - 1):
        before, now = now, {}
        for old, heir in heirs.items():
            now[old] = before.get(heir, heir)
        for event, _ in asked[begin:]:
            if event.frames and event.frames[0].name == WORKSPACE:
                continue
            if event.allocates:
                now[event.block], more = more, more + 1
            yield event._replace(block=now.get(event.block, event.block))


def _heirs(events: list[Event], there: set[int]) -> dict[int, int] | None:
    """{what was there before a step and it lets go of: what it leaves in its place}; None where they differ.

    Gradients are let go of in the order of parameters and made the other way round.
    """
    left: dict[int, Event] = {}
    gone = []
    for event in events:
        if event.allocates:
            left[event.block] = event
        elif left.pop(event.block, None) is None:
            gone.append(event)
    by_size: dict[int, list[int]] = {}
    for event in left.values():
        if event.frames[0].name != WORKSPACE:
            by_size.setdefault(event.nbytes, []).append(event.block)
    if sorted(event.nbytes for event in gone) != sorted(n for n, blocks in by_size.items() for _ in blocks):
        return None
    return {event.block: by_size[event.nbytes].pop() for event in gone}


def _asked(step: Step, workspace: bool) -> Iterator[tuple[Event, int]]:
    """What is asked of the allocator before a step and in it, with the event of the step that comes next."""
    serving = None
    if workspace and step.device == "cuda":
        serving = cublas_workspace(gpu().capability, os.environ.get(CONFIG))
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
                frame = _frame(step, begun, phase)._replace(name=WORKSPACE)
                yield Event(block, serving, True, (frame,)), index
                block += 1
            pieces = _pieces(operator, step.device)
            frames = (_frame(step, begun, phase),) if pieces else ()
            for taken in _taken(pieces, block, frames):
                yield taken, index
            block += len(pieces)
            begun += 1
        if not event.nbytes or _is_seed(step, event.storage, event.nbytes):
            continue
        yield Event(event.storage, event.nbytes, event.born, (_made_by(step, event.storage, phase),)), index


def _taken(pieces: tuple[int, ...], block: int, frames: tuple[Frame, ...]) -> Iterator[Event]:
    """What a kernel takes and gives back, in blocks of these numbers."""
    held: list[tuple[int, int]] = []
    for place, nbytes in enumerate(pieces):
        if nbytes > 0:
            held.append((block + place, nbytes))
            yield Event(block + place, nbytes, True, frames)
        else:
            back = next(one for one in reversed(held) if one[1] == -nbytes)
            held.remove(back)
            yield Event(*back, False, frames)
    for back in reversed(held):
        yield Event(*back, False, frames)


def _pieces(operator: Operator, device: str) -> tuple[int, ...]:
    if device == "cuda":
        return pieces_of_cuda(operator)
    taken = scratch_of(operator, device)
    return (taken,) if taken else ()


def _is_seed(step: Step, storage: int, nbytes: int) -> bool:
    """Whether it is the seed of an attention that drops out, which stays with the processor."""
    if step.device == "cpu" or nbytes > _NUMBER:
        return False
    born = step.trace.storages[storage].born
    operator = step.trace.ops[born].operator if 0 <= born < len(step.trace.ops) else None
    if operator is None or operator.name != _EFFICIENT:
        return False
    share = operator.args[5] if len(operator.args) > 5 else operator.kwargs.get("dropout_p", 0.0)
    return bool(share)


def _made_by(step: Step, storage: int, phase: str) -> Frame:
    born = step.trace.storages[storage].born
    if 0 <= born < len(step.trace.ops):
        return _frame(step, born, phase)
    return Frame(step.roles[storage].value, "", phase)


def _frame(step: Step, op: int, phase: str) -> Frame:
    called = step.trace.ops[op]
    where = step.trace.calls[called.call].path if called.call >= 0 else ""
    return Frame(called.operator.name, where, phase)
