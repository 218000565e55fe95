"""The record of the processor's allocator, which the profiler has: every allocation of every kernel."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from netscope.machine.timing.backends.common.kineto import profiler_of, quiet
from netscope.trace.step.program import Recipe, Training, infer


@dataclass(frozen=True, slots=True)
class Record:
    """Of one step that ran, in bytes above what was there before it (parameters, optimizer state, inputs).

    peak:
        the most.
    phases:
        (part of the step, bytes at its begin, the most within it), in order.
    operator:
        in which the most was reached, as in "aten::convolution".
    """

    peak: int
    phases: tuple[tuple[str, int, int], ...]
    operator: str = ""


_PHASE = "netscope.phase:"
_START = f"{_PHASE}start"


class Marks:
    """Marks the parts of a step in the profiler's record."""

    def phase(self, name: str) -> None:
        """A part begins."""
        with torch.profiler.record_function(f"{_PHASE}{name}"):
            pass

    def forwarding(self) -> AbstractContextManager[object]:
        """Nothing is watched."""
        return nullcontext()


def record_of(step: Callable[[Marks], None], forget: Callable[[], None] = lambda: None) -> Record:
    """The record of one step, after two others: what is made once is not of it.

    The second is in the profile: of memory that was had before the profiler does not tell that it went.

    forget:
        lets go of what one step leaves to the next.
    """
    step(Marks())
    forget()
    gc.collect()
    with quiet(), profiler_of(cuda=False, memory=True) as profiler:
        step(Marks())
        gc.collect()
        with torch.profiler.record_function(_START):
            pass
        step(Marks())
    return _read(profiler)


def events_of(profiler: Any) -> Iterator[tuple[str, Any]]:
    """(part of the step, None), and (operator within which it was, allocation), in the order of time."""
    from torch._C._profiler import _EventType

    found: list[tuple[int, str, Any]] = []
    waiting = [(event, "") for event in profiler.kineto_results.experimental_event_tree()]
    while waiting:
        event, within = waiting.pop()
        if event.tag == _EventType.Allocation:
            found.append((event.start_time_ns, within, event.extra_fields))
        elif event.name.startswith(_PHASE):
            found.append((event.start_time_ns, event.name.partition(":")[2], None))
        # What memory is made with says less than what it is made for.
        name = within if event.name.startswith("aten::empty") else event.name
        waiting += [(child, name) for child in event.children]
    found.sort(key=lambda one: one[0])
    return iter([(name, allocation) for _, name, allocation in found])


def _read(profiler: Any) -> Record:
    live = peak = 0
    operator = ""
    phases: list[tuple[str, int, int]] = []
    for name, allocation in events_of(profiler):
        if allocation is None:
            if name == "start":
                live = peak = 0
                phases.clear()
                continue
            phases.append((name, live, live))
            continue
        if allocation.device.type != "cpu" or not phases:
            continue
        live += allocation.alloc_size
        if live > peak:
            peak, operator = live, name
        part, begin, most = phases[-1]
        phases[-1] = part, begin, max(most, live)
    return Record(peak, tuple(phases), operator)


def training_record(
    module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], recipe: Recipe
) -> Record:
    """Of a training step. The module is trained: it is a copy's turn to be given."""
    training = Training(module, args, kwargs, recipe, torch.device("cpu"))
    return record_of(training.step, training.forget)


def inference_record(
    module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], amp: str | None = None
) -> Record:
    """Of a forward under no_grad."""
    return record_of(lambda marks: infer(module, args, kwargs, amp, torch.device("cpu"), marks))
