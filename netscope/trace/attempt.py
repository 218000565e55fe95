"""One rung, from the copies to their end: nothing of it is left when it is over."""

from __future__ import annotations

import gc
import traceback
import types
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import torch

from netscope.base.errors import said
from netscope.base.meta.chance import others_at_work
from netscope.base.workload import Workload
from netscope.trace import survivors
from netscope.trace.eager import eagerly
from netscope.trace.facts import Trace
from netscope.trace.forward import record_forward
from netscope.trace.outside import Outside
from netscope.trace.process import process_kept, thread_kept
from netscope.trace.recorder import Recorder
from netscope.trace.rungs import RUNGS, Prepared
from netscope.trace.tags import Token
from netscope.trace.twin.shared import contents_of

_T = TypeVar("_T")

# What torch says to one who wants a gradient of what was computed below autograd.
_GRADIENT = (
    "does not require grad",
    "requires grad",
    "requires_grad",
    "grad_fn",
    "not have been used in the graph",
)


class _Way(NamedTuple):
    """How a forward is run.

    autograd:
        with gradients, for one that takes some itself.
    last:
        as of `Recorder`.
    """

    autograd: bool = False
    last: bool = False


def attempt(
    workload: Workload, rung: str, reason: str, *, train: bool, first: bool, last: bool = False
) -> tuple[Trace, BaseException | None, list[str]]:
    """The facts of one forward, what it raised, and what failed on the way without ending it.

    A forward that takes gradients itself is run again with autograd.

    first:
        whether the workload's module is as it was built.
    last:
        as of `Recorder`.
    """
    way = _Way(last=last)
    while True:
        trace, error, failed = _attempt(workload, rung, reason, train, first, way)
        other = way if error is None else _other_way(way, error)
        if other == way:
            return trace, error, failed
        way, first = other, False


def _other_way(way: _Way, error: BaseException) -> _Way:
    """The way on which that error may not come."""
    message = said(error)
    if any(words in message for words in _GRADIENT):
        return way._replace(autograd=True)
    return way


@dataclass(slots=True)
class _Left:
    """What a forward may have left, to be seen to when all of it is over."""

    token: Token | None = None
    copies: list[weakref.ref[Any]] = field(default_factory=list)
    outside: Outside | None = None
    own: list[torch.nn.Module] = field(default_factory=list)

    def see_to(self) -> list[str]:
        """Take it out of what holds it, and put back; where that was, in words."""
        if self.token is None or self.outside is None:
            return []
        token, self.token = self.token, None
        places, left = survivors.clear(token, self.copies, self.outside, self.own)
        if not others_at_work():
            self.outside.put_back()
        said = [f"the forward left a tensor of the trace in {place}" for place in places]
        if left:
            said.append(f"{left} tensors of the trace live on where they could not be taken out")
        return said


def _attempt(
    workload: Workload, rung: str, reason: str, train: bool, first: bool, way: _Way
) -> tuple[Trace, BaseException | None, list[str]]:
    def recording(prepared: Prepared) -> tuple[Trace, BaseException | None]:
        prepared.recorder.last = way.last
        return record_forward(prepared, rung=rung, reason=reason, autograd=way.autograd)

    (trace, error), notes, failed = contained(lambda: RUNGS[rung](workload, train, first), recording)
    return trace._replace(notes=(*trace.notes, *notes)), error, failed


def contained(
    prepare: Callable[[], AbstractContextManager[Prepared]],
    recording: Callable[[Prepared], tuple[_T, BaseException | None]],
) -> tuple[tuple[_T, BaseException | None], list[str], list[str]]:
    """A recording of which nothing is left in the process.

    recording:
        what was recorded, and what the owner's code raised, if it did.

    Returns that, what is to be noted, and what failed on the way without ending it.
    """
    left = _Left()
    try:
        result, notes, failed = _run(prepare, recording, left)
    except BaseException as interrupt:
        _let_go(interrupt, left)
        left.see_to()
        raise
    if result[1] is not None:
        _let_go(result[1], left)
    return result, [*notes, *left.see_to()], failed


def _run(
    prepare: Callable[[], AbstractContextManager[Prepared]],
    recording: Callable[[Prepared], tuple[_T, BaseException | None]],
    left: _Left,
) -> tuple[tuple[_T, BaseException | None], list[str], list[str]]:
    """In a frame of its own, which holds what is not to be left."""
    with (
        thread_kept(),
        prepare() as prepared,
        process_kept(prepared.names.depth),
        eagerly(),
    ):
        names, recorder, copier = prepared.names, prepared.recorder, prepared.copier
        left.outside = Outside({*map(type, names.modules), *copier.classes}, copier.functions)
        left.copies = copier.references()
        left.own = [] if copier.modules else names.modules.copy()
        left.token = recorder.tags.token
        try:
            result = recording(prepared)
        finally:
            recorder.let_go()
        return result, [f"the forward changed a {what}" for what in copier.put_back()], recorder.failed


def _let_go(error: BaseException, left: _Left) -> None:
    """Empty the frames of an error, which would hold on to all that the forward had."""
    told: BaseException | None = error
    seen: set[int] = set()
    frames: list[types.FrameType] = []
    while told is not None and id(told) not in seen:
        seen.add(id(told))
        traceback.clear_frames(told.__traceback__)
        step = told.__traceback__
        # And those that called them, which are not in it but known to them.
        frame = None if step is None else step.tb_frame
        while step is not None:
            frames.append(step.tb_frame)
            step = step.tb_next
        while frame is not None:
            try:
                frame.clear()
            except RuntimeError:  # it runs, as do all above it
                break
            frames.append(frame)
            frame = frame.f_back
        told = told.__cause__ or told.__context__
    _empty_closures(frames, left)


def _empty_closures(frames: list[types.FrameType], left: _Left) -> None:
    """Have the functions of these frames, which a frame goes on holding, hold nothing of the recording.

    Only functions that the forward made, or copies of the owner's, have any of that in their cells.
    """
    copies = {id(made) for made in (reference() for reference in left.copies) if made is not None}

    def is_ours(value: Any, depth: int = 2) -> bool:
        if isinstance(value, (list, tuple)) and depth:
            return any(is_ours(item, depth - 1) for item in value)
        return id(value) in copies or isinstance(value, Recorder) or survivors.is_of(value, left.token)

    for frame in frames:
        for function in gc.get_referents(frame):
            for cell in (function.__closure__ or ()) if type(function) is types.FunctionType else ():
                if is_ours(contents_of(cell)):
                    cell.cell_contents = None
