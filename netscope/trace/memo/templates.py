"""What a pure call recorded, in a form that other calls of its kind are written down from.

Storages are slots in it. Where only sizes differ, shape rules say what comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from netscope.base.workload import TensorSpec
from netscope.trace.facts import Operator, make
from netscope.trace.schema import Schema
from netscope.trace.shapes import Layout
from netscope.trace.tags import NO_KWARGS

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder

# Storages of a call by slot: its input's, those of its tensors, then new ones in the order of their making.
Slots = list[int]


class SlotAccess(NamedTuple):
    """Where an operator reads and writes, as slots, and what picks these storages out."""

    reads: tuple[int, ...]
    writes: tuple[int, ...]
    pick_reads: Callable[[Slots], tuple[int, ...]]
    pick_writes: Callable[[Slots], tuple[int, ...]]

    @classmethod
    def of(cls, reads: Iterable[int], writes: Iterable[int]) -> SlotAccess:
        """Of these slots."""
        reads, writes = tuple(reads), tuple(writes)
        return cls(reads, writes, picker(reads), picker(writes))


def picker(places: tuple[Any, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """What takes these items out of a container, always as a tuple. `itemgetter` does it at C's speed."""
    if not places:
        return lambda _: ()
    if len(places) == 1:
        place = places[0]
        return lambda held: (held[place],)
    return itemgetter(*places)


class OpTemplate(NamedTuple):
    """One operator.

    new:
        bytes of the storages that it made, in order.
    """

    operator: Operator
    access: SlotAccess
    new: tuple[int, ...]


class CallTemplate(NamedTuple):
    """What a call recorded. `layout` of its result is None where that is the input itself."""

    ops: tuple[OpTemplate, ...]
    layout: Layout | None
    slot: int


class SizedOp(NamedTuple):
    """One operator of a steady call, to be had for other sizes.

    arguments:
        as shape rules take them, with anything at `holes`, where the layouts of what the op reads go.
    schema:
        None for an operator that takes no tensor and thus stays as it is.
    """

    op: OpTemplate
    schema: Schema | None
    arguments: tuple[Any, ...]
    holes: tuple[int, ...]


def sized(recorder: Recorder, op: OpTemplate, given: int) -> SizedOp | None:
    """How the operator is had again; None where it reads what another one made, or is unusual."""
    args, reads = op.operator.args, op.access.reads
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
        (name, args, kwargs, _, tags), access, new = op
        filled, specs = list(arguments), list(args)
        for hole, read in zip(holes, access.reads, strict=True):
            layout = layouts[read]
            assert layout is not None  # as in the call that it was learnt from, of the same family
            filled[hole], specs[hole] = layout, layout.spec
        inferred = recorder.inferred(schema, (tuple(filled), NO_KWARGS))
        made = (inferred,) if isinstance(inferred, Layout) else inferred
        if made is None or len(made) != len(access.writes):
            return None
        outputs = tuple([layout.spec for layout in made])
        operator = make(Operator, (name, tuple(specs), kwargs, outputs, tags))
        ops.append(make(OpTemplate, (operator, access, tuple([x.nbytes for x in made]) if new else ())))
        result = next((x for x, write in zip(made, access.writes, strict=True) if write == slot), result)
    return CallTemplate(tuple(ops), result, slot)
