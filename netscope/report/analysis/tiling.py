"""Windows over an input: whether they tile it, and how much of what they see is padding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from netscope.base import units
from netscope.base.workload import TensorSpec
from netscope.report.layer import FUNCTIONAL
from netscope.report.misfits import Misfit, Side
from netscope.report.report import Report
from netscope.trace.facts import OpCall, Operator, Trace

if TYPE_CHECKING:
    from netscope.report.analysis.extents import Extent

_NAMES: Final[dict[int, tuple[str, ...]]] = {
    1: ("position",),
    2: ("row", "column"),
    3: ("plane", "row", "column"),
}


# What ran


def arg(op: Operator, position: int, name: str, default: Any = None) -> Any:
    """The argument at `position` or called `name`."""
    return op.args[position] if position < len(op.args) else op.kwargs.get(name, default)


def each(value: Any, axes: int, default: int) -> tuple[int, ...]:
    """One number for each dimension; torch takes one for all, or none."""
    if value is None or value == ():
        return (default,) * axes
    if isinstance(value, int):
        return (value,) * axes
    return tuple(value) * axes if len(value) == 1 else tuple(value)


class Sliding(NamedTuple):
    """The windows of one operator over its last dimensions, the operator's own padding at both ends."""

    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    ceil: bool = False


def sliding(op: Operator) -> Sliding | None:
    """The windows of a convolution or a pool as it was run; None for other operators.

    A transposed convolution spreads its input and reads all of it.
    """
    packet = op.name.rpartition(".")[0]
    kind = WINDOWS.get(packet)
    if kind is None or not op.args or not isinstance(op.args[0], TensorSpec):
        return None
    shape = op.args[0].shape
    if kind == "conv":
        weight = arg(op, 1, "weight")
        if not isinstance(weight, TensorSpec) or arg(op, 6, "transposed", False):
            return None
        kernel = weight.shape[2:]
        axes, stride = len(kernel), arg(op, 3, "stride")
        padding, dilation, ceil = arg(op, 4, "padding"), arg(op, 5, "dilation"), False
    else:
        axes = int(packet.partition("pool")[2][0])
        kernel = each(arg(op, 1, "kernel_size"), axes, 1)
        stride, padding = arg(op, 2, "stride") or kernel, arg(op, 3, "padding")
        dilation = arg(op, 4, "dilation") if kind == "max" else None
        ceil = bool(arg(op, 5 if kind == "max" else 4, "ceil_mode", False))
    if not axes or len(shape) < axes:
        return None
    return Sliding(
        shape[-axes:],
        kernel,
        each(stride, axes, 1),
        each(padding, axes, 0),
        each(dilation, axes, 1),
        ceil,
    )


WINDOWS: Final[dict[str, str]] = {
    "aten.convolution": "conv",
    "aten._convolution": "conv",
    "aten.convolution_overrideable": "conv",
    **{f"aten.max_pool{n}d": "max" for n in (1, 2, 3)},
    **{f"aten.max_pool{n}d_with_indices": "max" for n in (1, 2, 3)},
    **{f"aten.quantized_max_pool{n}d": "max" for n in (1, 2, 3)},
    **{f"aten.avg_pool{n}d": "avg" for n in (1, 2, 3)},
}


# Writes into chosen places.
PUTS: Final = (
    *("aten.index_put", "aten.put_", "aten.scatter", "aten.slice_scatter", "aten.select_scatter"),
    *(
        "aten.index_copy",
        "aten.index_add",
        "aten.index_fill",
        "aten.masked_scatter",
        "aten.as_strided_scatter",
    ),
)


def may_pad(op: OpCall) -> bool:
    """Whether an operator may put padding into a tensor: pads, copies into a part, joins along positions."""
    name = op.operator.name
    if name.startswith("aten.cat."):
        args = op.operator.args
        return not (len(args) > 1 and args[1] == 1)  # channels
    return "_pad" in name or name.startswith(PUTS) or ("inplace" in op.operator.tags and "copy_" in name)


# What does not fit


class _Found(NamedTuple):
    """An operator whose windows may not fit, its place in the trace, and its sides."""

    at: int
    op: OpCall
    sides: tuple[Side, ...]


def misfits(trace: Trace) -> tuple[Misfit, ...]:
    """The windows of a trace that do not fit, each once a row, in the order of execution.

    What is judged is what ran: the operator's own arguments, and the tensor that it was given.
    """
    sides_of: dict[int, tuple[Side, ...]] = {}
    found: list[_Found] = []
    for index, op in enumerate(trace.ops):
        what = op.operator
        sides = sides_of.get(id(what))
        if sides is None:
            sides = sides_of[id(what)] = _sides(what)
        if any(side.unread or side.wide for side in sides):
            found.append(_Found(index, op, sides))
    if not found:
        return ()
    if any(map(may_pad, trace.ops)):
        found = list(_with_padding(trace, found))
    holders = {call.parent for call in trace.calls}
    made: dict[tuple[str, tuple[Side, ...]], Misfit] = {}
    for index, op, sides in found:
        path = trace.calls[op.call].path if op.call >= 0 else ""
        if op.call in holders:
            path = f"{path}.{FUNCTIONAL}" if path else FUNCTIONAL
        read = any(side.lost for side in sides) and _is_read(trace, op, sides_of)
        cut = any(side.wide for side in sides) and _is_cut(trace, index, sides)
        key = path, sides
        known = made.get(key)
        if known is not None:  # of several calls the one with most to say
            read, cut = read and known.read, cut and known.cut
        made[key] = Misfit(path, sides, read, cut)
    return tuple(made.values())


def _sides(what: Operator) -> tuple[Side, ...]:
    """The windows of an operator in each dimension; nothing for one that has none."""
    moved = sliding(what)
    if moved is None:
        return ()
    axes = len(moved.kernel)
    sides = tuple(map(partial(_side, ceil=moved.ceil), _NAMES.get(axes, ("",) * axes), *moved[:5]))
    # A pool over one dimension is run as one over two.
    if axes == 2 and (sides[0].size, sides[0].kernel, sides[0].padding) == (1, 1, 0):
        return (sides[1]._replace(name=_NAMES[1][0]),)
    return sides


def _side(name: str, size: int, kernel: int, stride: int, padding: int, dilation: int, *, ceil: bool) -> Side:
    return Side(name, size, kernel, stride, padding, dilation, ceil)


def _with_padding(trace: Trace, found: Sequence[_Found]) -> Iterator[_Found]:
    """The same with what of their input is padding already."""
    from netscope.report.analysis.extents import Extents  # few networks need it

    extents = Extents(trace)
    waiting = {one.at: one for one in found}
    for index, op in enumerate(trace.ops[: found[-1].at + 1]):
        one = waiting.get(index)
        if one is not None:
            given = op.operator.args[0]
            ends = extents.of(op.reads[0], given.shape)[-len(one.sides) :]
            yield one._replace(sides=tuple(map(_padded, one.sides, ends)))
        extents.run(op)


def _padded(side: Side, extent: Extent) -> Side:
    return side._replace(before=min(extent.before, side.size), after=min(extent.after, side.size))


def _is_read(trace: Trace, op: OpCall, sides_of: dict[int, tuple[Side, ...]]) -> bool:
    """Whether something else reads what the windows of an operator leave over."""
    storage = op.reads[0]
    if any(value.storage == storage for value in trace.outputs):
        return True
    lost = [side.lost > 0 for side in sides_of[id(op.operator)]]
    for other in trace.ops:
        if storage not in other.reads or storage in other.writes or "view" in other.operator.tags:
            continue
        sides = sides_of[id(other.operator)]
        if len(sides) != len(lost) or any(
            mine and not side.lost for mine, side in zip(lost, sides, strict=True)
        ):
            return True
    return False


def _is_cut(trace: Trace, index: int, sides: Sequence[Side]) -> bool:
    """Whether less than all of what an operator makes along a wide side is used.

    It is followed through operators that keep its size: an activation, a gate, a norm, a transposition.
    """
    made = trace.ops[index].operator.outputs[0]
    lengths = {made.shape[dim - len(sides)] for dim, side in enumerate(sides) if side.wide}
    storages = set(trace.ops[index].writes)
    for op in trace.ops[index + 1 :]:
        if storages.isdisjoint(op.reads):
            continue
        what = op.operator
        before = what.args[0] if what.args else None
        if not what.outputs or not isinstance(before, TensorSpec):
            if what.name.startswith("aten.cat."):
                storages.update(op.writes)
            continue
        after = what.outputs[0]
        if what.name.startswith("aten.select.") and before.shape[what.args[1]] in lengths:
            return True
        if what.name.startswith(_CUTS) and any(
            old in lengths and new < old for old, new in zip(before.shape, after.shape, strict=False)
        ):
            return True
        if after.numel == before.numel or "pointwise" in what.tags:
            storages.update(op.writes)
    return False


_CUTS: Final = (
    *("aten.slice.", "aten.narrow.", "aten.split", "aten.chunk.", "aten.constant_pad_nd.", "aten.index."),
    *("aten.index_select.", "aten.unsafe_split", "aten.tensor_split."),
)


# Which layers to speak of, and what to say: (path, sentence), once a layer. `netscope lint` says it, and a
# summary below its table.


def untiled_windows(report: Report) -> Iterator[tuple[str, str]]:
    """Layers whose windows stop short of the input's last rows or columns."""
    yield from _once(
        (one.path, _untiled(one.sides, short))
        for one in report.misfits or ()
        if not one.read and (short := [side for side in one.sides if side.lost])
    )


def _once(remarks: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    told: set[str] = set()
    for path, text in remarks:
        if path not in told:
            told.add(path)
            yield path, text


def _untiled(sides: Sequence[Side], short: Sequence[Side]) -> str:
    kernel, stride = units.shape(s.kernel for s in sides), units.sides(s.stride for s in sides)
    one = short[0]
    padded = f"{one.size} + {2 * one.padding}" if one.padding else f"{one.size}"
    return (
        f"{kernel} windows with stride {stride} do not tile {units.shape(s.size for s in sides)}:"
        f" {never_read([(s.lost, s.name) for s in short])} ({padded} − {one.extent} ="
        f" {one.size + 2 * one.padding - one.extent} is {one.unread} over a multiple of {one.stride})."
    )


def unread_padding(report: Report) -> Iterator[tuple[str, str]]:
    """Layers whose windows read all of the input and less of the padding at its end than at its start."""
    yield from _once(
        (one.path, never_read([(side.unread, side.name) for side in short], of=" of the padding"))
        for one in report.misfits or ()
        if (short := [side for side in one.sides if side.unread and side.shifted])
        and not any(side.lost for side in one.sides)
    )


def wide_padding(report: Report) -> Iterator[tuple[str, str]]:
    """Layers that are padded by more than half of what a window spans."""
    yield from _once(
        (one.path, _wide(side))
        for one in report.misfits or ()
        if not one.cut and (side := next((side for side in one.sides if side.wide), None)) is not None
    )


def _wide(side: Side) -> str:
    dilated = f" (dilation {side.dilation})" if side.dilation > 1 else ""
    return (
        f"padding {side.padding} is more than half the {side.extent} that a window spans{dilated}:"
        f" the outermost windows see {min(side.padding, side.extent)} of padding"
        f" and {max(side.extent - side.padding, 0)} of input."
    )


def never_read(slices: Sequence[tuple[int, str]], of: str = "") -> str:
    """What is left over, in words: "1 row and 2 columns at the end are never read"."""
    *first, last = [units.plural(n, name) for n, name in slices]
    named = f"{', '.join(first)} and {last}" if first else last
    return f"{named}{of} at the end {'is' if sum(n for n, _ in slices) == 1 else 'are'} never read"
