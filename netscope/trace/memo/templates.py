"""What a pure call recorded, in a form that other calls of its kind are written down from.

Storages are slots in it. Where only sizes differ, shape rules say what comes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from netscope.base.workload import TensorSpec
from netscope.trace.facts import Operator
from netscope.trace.schema import Schema
from netscope.trace.shapes import Layout
from netscope.trace.tags import NO_KWARGS

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder


class OpTemplate(NamedTuple):
    """One operator of a call.

    reads, writes:
        slots of storages: the call's input's, those of its tensors, then new ones as they were made.
    new:
        bytes of the storages that it made, in order.
    """

    operator: Operator
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    new: tuple[int, ...]


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
    schema = recorder.schema_of(op.operator.name)
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
