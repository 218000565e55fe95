"""What a call recorded, in a form that others of its kind are written down from.

Storages are slots in it. Where only sizes differ, shape rules say what comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from netscope.base.workload import TensorSpec
from netscope.trace.facts import OpCall, Operator, Storage
from netscope.trace.schema import Schema
from netscope.trace.shapes import Layout
from netscope.trace.tags import NO_KWARGS

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder


class OpTemplate(NamedTuple):
    """One operator of a call.

    reads, writes:
        slots of storages: those of the tensors that it was given, then new ones as they were made.
    new:
        bytes of the storages that it made, in order.
    """

    operator: Operator
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    new: tuple[int, ...]


def observed_ops(
    recorder: Recorder, which: range, slots: dict[int, int], writable: frozenset[int], absent: int = 0
) -> tuple[OpTemplate, ...] | None:
    """These operators as a template; None if they did more than compute.

    slots:
        {storage: slot} of what was given; those of what was made are added.
    writable:
        storages that were given and may be written to, as may those that were made.
    absent:
        slots that have no storage.
    """
    ops = []
    written = set(writable)
    storages = recorder.storages
    for index in which:
        op = recorder.ops[index]
        new = []
        for storage in op.writes:
            if storage not in slots and storages[storage].born == index:
                slots[storage] = len(slots) + absent
                new.append(storages[storage].nbytes)
                written.add(storage)
        # What a view "writes" is the storage that it looks into.
        changed = op.writes if "inplace" in op.operator.tags else ()
        if not slots.keys() >= {*op.reads, *op.writes} or not written.issuperset(changed):
            return None
        reads, writes = tuple([slots[s] for s in op.reads]), tuple([slots[s] for s in op.writes])
        ops.append(OpTemplate(op.operator, reads, writes, tuple(new)))
    return tuple(ops)


def replay(recorder: Recorder, template: Sequence[OpTemplate], given: list[int]) -> list[int]:
    """Record the operators on other storages, in the recorder's scope; the storages of all slots."""
    ops, storages, scope = recorder.ops, recorder.storages, recorder.scope
    slots = given.copy()
    at = slots.__getitem__
    for operator, reads, writes, new in template:
        for nbytes in new:
            slots.append(len(storages))
            storages.append(Storage(nbytes, len(ops)))
        ops.append(OpCall(operator, scope, tuple(map(at, reads)), tuple(map(at, writes))))
    return slots


class CallTemplate(NamedTuple):
    """What a call recorded. `layout` of its result is None where that is the input itself."""

    ops: tuple[OpTemplate, ...]
    layout: Layout | None
    slot: int


class SizedOp(NamedTuple):
    """One operator of a steady call, to be had for other sizes.

    arguments:
        as shape rules take them, with anything at `holes`, where the layouts of what the operator reads go.
    schema:
        None for an operator that takes no tensor and thus stays as it is.
    """

    op: OpTemplate
    schema: Schema | None
    arguments: tuple[Any, ...]
    holes: tuple[int, ...]


def sized(recorder: Recorder, op: OpTemplate, given: int) -> SizedOp | None:
    """How the operator is had again; None where it reads what another one made, or is unusual."""
    args, reads = op.operator.args, op.reads
    holes = tuple([i for i, value in enumerate(args) if isinstance(value, TensorSpec)])
    if not holes and not reads:
        return SizedOp(op, None, (), ())
    schema = recorder.met(op.operator.name)
    if schema is None or op.operator.kwargs or len(holes) != len(reads):
        return None
    # Text may be a dtype or a device, which rules are not given as such.
    if max(reads) >= given or any(type(value) is str for value in args):
        return None
    return SizedOp(op, schema, tuple([list(a) if type(a) is tuple else a for a in args]), holes)


def resized(
    recorder: Recorder, sized_ops: list[SizedOp], slot: int, layouts: tuple[Layout | None, ...]
) -> CallTemplate | None:
    """The template of a call with other sizes; None where no rule can tell."""
    ops = []
    result = None
    for op, schema, arguments, holes in sized_ops:
        if schema is None:
            ops.append(op)
            continue
        (name, args, kwargs, _, tags), reads, writes, new = op
        filled, specs = list(arguments), list(args)
        for hole, read in zip(holes, reads, strict=True):
            layout = layouts[read]
            assert layout is not None  # as in the call that it was learnt from, of the same family
            filled[hole], specs[hole] = layout, layout.spec
        inferred = recorder.inferred(schema, (tuple(filled), NO_KWARGS))
        made = (inferred,) if isinstance(inferred, Layout) else inferred
        if made is None or len(made) != len(writes):
            return None
        operator = Operator(name, tuple(specs), kwargs, tuple([layout.spec for layout in made]), tags)
        ops.append(OpTemplate(operator, reads, writes, tuple([one.nbytes for one in made]) if new else ()))
        result = next((one for one, write in zip(made, writes, strict=True) if write == slot), result)
    return CallTemplate(tuple(ops), result, slot)
