"""Collectives: which operators they are, and what stands in for them where no other rank is there.

A recording is of one rank. What a collective makes has the right shape whoever takes part, so nobody is
asked, and nothing is sent even where a real group of processes is at hand.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import torch

from netscope.trace.facts import Group, Redistributed
from netscope.trace.groups import COLLECTIVES, QUIET, group_in
from netscope.trace.operators import operator_of
from netscope.trace.sharded import whole_in
from netscope.trace.tags import tensors_in

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder
    from netscope.trace.schema import Schema

# They write to nothing; all others on a group of processes to the first tensors that they are given.
_WRITE_NOTHING: Final = frozenset({"send", "barrier"})
# Functions of torch's that lay a divided tensor out anew, and the one that does so for an operator's sake.
_LAYS_OUT: Final = "redistribute_local_tensor"
_BY_ITSELF: Final = "redistribute_local_args"
# So far up the stack they are at most.
_FRAMES: Final = 24


def stood_in(recorder: Recorder, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a collective returns."""
    recorder.divided = True
    if schema.name.startswith("c10d."):
        return _of_group(recorder, schema, args, kwargs)
    if schema.name.rpartition(".")[0] in QUIET:  # to wait for one is to have it
        return recorder.same_memory(args[0])
    _note_layout(recorder)
    return recorder.made_by(schema, args, kwargs)


def _note_layout(recorder: Recorder) -> None:
    """Write down which tensor is laid out anew by the collective that is about to be recorded.

    Torch tells nobody, but does it in functions whose frames are on the stack: collectives are few.
    """
    frame: Any = sys._getframe(2)
    asked_for, before, after = "", None, None
    for _ in range(_FRAMES):
        if frame is None:
            break
        name = frame.f_code.co_name
        if name == _LAYS_OUT and after is None:
            inside = frame.f_locals
            before, after = inside.get("current_spec"), inside.get("target_spec")
        elif name == _BY_ITSELF and after is not None:
            asked_for = recorder.asked
            break
        frame = frame.f_back
    if before is not None and after is not None:
        recorder.redistributed.append(
            Redistributed(len(recorder.ops), asked_for, whole_in(before), whole_in(after))
        )


def _of_group(recorder: Recorder, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What one on a group of processes returns: what it writes to, and nothing to wait for."""
    tags = recorder.tags
    told = tuple([_group(value) for value in args])
    reads = [tags.given(tensor)[1] for tensor in tensors_in((args, tuple(kwargs.values())))]
    kind = COLLECTIVES.get(schema.name.rpartition(".")[0])
    writes = kind is not None and kind.collective not in _WRITE_NOTHING
    written = tensors_in(args[0]) if writes else []
    layouts = [tags.given(tensor)[0] for tensor in written]
    operator = operator_of(schema.name, schema.tags, tags.layouts(told, kwargs), layouts)
    recorder.record(operator, reads, [tags.given(tensor)[1] for tensor in written])
    returns = schema.func._schema.returns
    done: Any = torch._C._distributed_c10d.FakeWork().boxed() if returns else None
    if len(returns) < 2:
        return done
    made = args[0] if writes else written
    return made, done


def _group(value: Any) -> Any:
    """A group of processes by its name, which functional collectives know it by too."""
    if type(value) is not torch.ScriptObject:
        return value
    try:
        name: str = torch._C._distributed_c10d.ProcessGroup.unbox(value).group_name
    except (RuntimeError, TypeError):  # a way to reduce
        return value
    return name


def groups_of(recorder: Recorder) -> tuple[Group, ...]:
    """The ranks of each group that a recorded collective names."""
    if not recorder.divided:
        return ()
    from torch.distributed import distributed_c10d

    named = {group_in(op.operator) or "" for op in recorder.ops} - {""}
    resolve: Any = distributed_c10d._resolve_process_group  # type: ignore[attr-defined]
    ranks = distributed_c10d.get_process_group_ranks
    return tuple(
        Group(name, tuple(ranks(resolve(name))), name in recorder.data_groups) for name in sorted(named)
    )
