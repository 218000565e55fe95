"""What every dimension of a traced tensor holds: padding at its ends, and whether its size is the input's.

The recorded operators are walked in order, as for receptive fields, but nothing is ever unknown: where an
operator has no rule, a dimension may be padded by any amount and follows nothing. So whoever claims something
of the rest can rely on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from netscope.base.workload import TensorSpec
from netscope.report.analysis.receptive import image_input
from netscope.report.analysis.receptive.registry import specs_in
from netscope.report.analysis.tiling import PUTS, WINDOWS, Sliding, arg, each, may_pad, sliding
from netscope.trace.facts import OpCall, Operator, Trace

# More padding than any tensor has.
_ANY: Final = 2**62


class Extent(NamedTuple):
    """One dimension of a tensor.

    before, after:
        at least so many elements at the start, at most so many at the end, are padding and nothing else.
    follows_input:
        the dimension is longer for a longer input.
    """

    before: int = 0
    after: int = 0
    follows_input: bool = False


State = tuple[Extent, ...]

_PLAIN: Final = Extent()
_UNKNOWN: Final = Extent(0, _ANY)


class Extents:
    """The extents of every tensor, as operators are walked."""

    def __init__(self, trace: Trace) -> None:
        self._storages = trace.storages
        # Storages of which there is something to say; of the others every dimension is plain.
        self._known: dict[int, dict[tuple[int, ...], State]] = {}
        source = _source(trace)
        if source is not None:
            storage, shape, dims = source
            self._known[storage] = {
                shape: tuple([Extent(follows_input=dim in dims) for dim in range(len(shape))])
            }

    def of(self, storage: int, shape: Sequence[int]) -> State:
        """What the dimensions of a tensor hold."""
        known = self._known.get(storage)
        if known is None:
            return (_PLAIN,) * len(shape)
        return known.get(tuple(shape)) or (_UNKNOWN,) * len(shape)

    def run(self, op: OpCall) -> None:
        """Walk one operator."""
        what = op.operator
        if not what.outputs and not op.reads:
            return
        if "inplace" in what.tags:
            self._write(op)
            return
        tracked = any(storage in self._known for storage in op.reads)
        if not tracked and not may_pad(op):
            for storage in op.writes:
                if "view" not in what.tags:
                    self._known.pop(storage, None)
            return
        states = self._results(op)
        is_view = "view" in what.tags or bool(op.reads and op.writes and op.writes[0] == op.reads[0])
        for storage, spec, state in zip(op.writes, what.outputs, states, strict=False):
            if is_view:
                self._view(storage, spec.shape, state)
            elif state == (_PLAIN,) * len(state):
                self._known.pop(storage, None)
            else:
                self._known[storage] = {spec.shape: state}

    def _results(self, op: OpCall) -> list[State]:
        what = op.operator
        specs = [*specs_in(what.args), *specs_in(tuple(what.kwargs.values()))]
        if len(specs) != len(op.reads):
            return [(_UNKNOWN,) * len(spec.shape) for spec in what.outputs]
        states = [self.of(storage, spec.shape) for storage, spec in zip(op.reads, specs, strict=True)]
        packet = what.name.rpartition(".")[0]
        rule = _RULES.get(packet) or _RULES.get(packet.rstrip("_"))
        made = None
        if rule is not None:
            made = rule(what, specs, states)
        if made is None:
            return [_alike(spec.shape, specs, states) for spec in what.outputs]
        return made if isinstance(made, list) else [made] * len(what.outputs)

    def _view(self, storage: int, shape: tuple[int, ...], state: State) -> None:
        known = self._known.get(storage)
        if known is None:
            if state == (_PLAIN,) * len(state):
                return
            known = self._known[storage] = {}
        before = known.get(shape)
        # Two views of one shape: what is true of both.
        known[shape] = state if before is None else tuple(map(_either, before, state))

    def _write(self, op: OpCall) -> None:
        """A write into a part makes a tensor of which nothing is known; one into the whole is a result."""
        states = self._results(op)
        if not op.writes:
            for storage in op.reads[:1]:
                self._known[storage] = {}
        for storage, spec, state in zip(op.writes, op.operator.outputs, states, strict=False):
            whole = storage < 0 or spec.nbytes >= self._storages[storage].nbytes
            if not whole or op.operator.name.startswith(PUTS):
                self._known[storage] = {}
            elif storage in self._known or state != (_PLAIN,) * len(state):
                self._known[storage] = {spec.shape: state}


def _source(trace: Trace) -> tuple[int, tuple[int, ...], frozenset[int]] | None:
    """The input's storage, its shape, and the dimensions that an input of another size has otherwise.

    Those of an image, or the length of a sequence.
    """
    image = image_input(trace)
    if image is not None:
        value, axes = image
        assert value.spec is not None
        shape = value.spec.shape
        return value.storage, shape, frozenset(range(len(shape) - axes, len(shape)))
    for value in trace.inputs:
        if value.spec is not None and len(value.spec.shape) in (2, 3):
            shape = value.spec.shape
            if len(shape) == 3 or "int" in value.spec.dtype:
                return value.storage, shape, frozenset({1})
    return None


def _either(one: Extent, other: Extent) -> Extent:
    return Extent(
        min(one.before, other.before),
        max(one.after, other.after),
        one.follows_input and other.follows_input,
    )


def _met(one: Extent, other: Extent) -> Extent:
    """Both in one place, as in a sum."""
    return Extent(
        min(one.before, other.before),
        max(one.after, other.after),
        one.follows_input or other.follows_input,
    )


def _alike(shape: tuple[int, ...], specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    """An operator that goes element by element, or keeps its argument's shape."""
    rank = len(shape)
    if not any(spec.shape == shape for spec in specs) and not _broadcasts(shape, specs):
        return (_UNKNOWN,) * rank
    found: list[Extent] = []
    for dim, size in enumerate(shape):
        here: Extent | None = None
        for spec, state in zip(specs, states, strict=True):
            own = dim - rank + len(spec.shape)
            if own >= 0 and spec.shape[own] == size and (size > 1 or len(spec.shape) == rank):
                here = state[own] if here is None else _met(here, state[own])
        found.append(_PLAIN if here is None else here)
    return tuple(found)


def _broadcasts(shape: tuple[int, ...], specs: Sequence[TensorSpec]) -> bool:
    sides: list[int] = [1] * len(shape)
    for spec in specs:
        for own, size in enumerate(reversed(spec.shape), 1):
            if own > len(shape):
                return False
            sides[-own] = max(sides[-own], size)
    return tuple(sides) == shape


# Rules: from an operator, the specs of its tensors and their states to its results' states; None where it is
# one of those that keep the shape.

Rule = Callable[[Operator, Sequence[TensorSpec], Sequence[State]], "State | list[State] | None"]

_RULES: Final[dict[str, Rule]] = {}


def _rule(names: str) -> Callable[[Rule], Rule]:
    def register(function: Rule) -> Rule:
        for name in names.split():
            _RULES[f"aten.{name}"] = function
        return function

    return register


@_rule(" ".join(name.removeprefix("aten.") for name in WINDOWS))
def _windows(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    """Where a window sees padding alone, what it makes is padding."""
    moved = sliding(op)
    result = op.outputs[0].shape
    if moved is None:  # transposed
        axes = len(specs[1].shape) - 2
        spread = [_unsure(extent) for extent in states[0][-axes:]]
        return (*states[0][: len(result) - axes - 1], _PLAIN, *spread)
    axes = len(moved.kernel)
    first = len(result) - axes
    channels = () if first == 0 else (_PLAIN,) if WINDOWS[op.name.rpartition(".")[0]] == "conv" else None
    ahead = states[0][:first] if channels is None else (*states[0][: max(first - 1, 0)], *channels)
    return (*ahead, *swept(moved, states[0][first:], result[first:]))


def swept(moved: Sliding, extents: Sequence[Extent], counts: Sequence[int]) -> Iterator[Extent]:
    """The extents of what windows make, one for each dimension that they move over."""
    for size, kernel, stride, padding, dilation, extent, count in zip(
        moved.sizes, moved.kernel, moved.stride, moved.padding, moved.dilation, extents, counts, strict=True
    ):
        span = dilation * (kernel - 1) + 1
        step = max(stride, 1)
        before = max(0, math.ceil((extent.before + padding - span + 1) / step)) if extent.before else 0
        after = extent.after
        if 0 < after < _ANY:
            after = max(0, count - math.ceil((size - after + padding) / step))
        yield Extent(min(before, count), after, extent.follows_input)


def _unsure(extent: Extent) -> Extent:
    """Scaled or moved in a way that is not followed."""
    return Extent(0, _ANY if extent.after or extent.before else 0, extent.follows_input)


_PADS: Final = " ".join(f"{kind}_pad{n}d" for kind in ("reflection", "replication") for n in (1, 2, 3))


@_rule(f"constant_pad_nd {_PADS}")
def _pad(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    """(self, pad): pairs, last dimension first; a negative one takes away."""
    pads = arg(op, 1, "pad") or arg(op, 1, "padding")
    state = list(states[0])
    for index in range(len(pads) // 2):
        before, after = pads[2 * index], pads[2 * index + 1]
        dim = len(state) - 1 - index
        was = state[dim]
        state[dim] = Extent(
            max(0, was.before + before),
            was.after if was.after == _ANY else max(0, was.after + after),
            was.follows_input,
        )
    return tuple(state)


@_rule("cat concat concatenate")
def _cat(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State | None:
    """(tensors, dim): pieces of other sizes than each other may be padding."""
    rank = len(op.outputs[0].shape)
    pieces = [
        (spec, state)
        for spec, state in zip(specs, states, strict=True)
        if len(spec.shape) == rank and spec.numel
    ]
    dim = int(arg(op, 1, "dim", 0)) % max(rank, 1)
    if not pieces:
        return None
    found = list(pieces[0][1])
    for _, state in pieces[1:]:
        found = list(map(_met, found, state))
    if len({spec.shape[dim] for spec, _ in pieces}) > 1:
        found[dim] = Extent(0, _ANY, found[dim].follows_input)
    elif len(pieces) > 1:
        found[dim] = Extent(pieces[0][1][dim].before, pieces[-1][1][dim].after, found[dim].follows_input)
    return tuple(found)


@_rule(
    "view _unsafe_view reshape _reshape_alias _reshape_copy flatten unflatten view_copy view_as ravel"
    " squeeze unsqueeze squeeze_copy unsqueeze_copy"
)
def _reshape(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    """A dimension that begins and ends where one did is that one; one that is cut or joined holds parts."""
    return reshaped(specs[0].shape, op.outputs[0].shape, states[0])


def reshaped(before: Sequence[int], after: Sequence[int], state: State) -> State:
    """The state after a reshape in row-major order."""
    if 0 in before:
        return (_UNKNOWN,) * len(after)
    ones = [i for i, size in enumerate(before) if size == 1]
    olds = [i for i in range(len(before)) if i not in ones]
    news = [i for i, size in enumerate(after) if size != 1]
    found = [_PLAIN] * len(after)
    o = n = 0
    while o < len(olds) and n < len(news):
        old, new = [olds[o]], [news[n]]
        have, want = before[olds[o]], after[news[n]]
        o, n = o + 1, n + 1
        while have != want:
            if have < want:
                old.append(olds[o])
                have *= before[olds[o]]
                o += 1
            else:
                new.append(news[n])
                want *= after[news[n]]
                n += 1
        if len(old) == len(new) == 1:
            found[new[0]] = state[old[0]]
            continue
        parts = [state[dim] for dim in old]
        padded = any(part.before or part.after for part in parts)
        follows = any(part.follows_input for part in parts)
        for dim in new:
            found[dim] = Extent(0, _ANY if padded else 0, follows)
    # A single position of an input is still one of its positions.
    waiting = [state[dim] for dim in ones if state[dim].follows_input]
    for dim, size in enumerate(after):
        if size == 1 and waiting:
            found[dim] = waiting.pop(0)
    return tuple(found)


@_rule("permute permute_copy")
def _permute(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    rank = len(specs[0].shape)
    return tuple([states[0][dim % rank] for dim in arg(op, 1, "dims")])


@_rule("transpose swapaxes swapdims transpose_copy t numpy_T mT")
def _transpose(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    rank = len(specs[0].shape)
    if rank < 2:
        return states[0]
    one, other = (arg(op, 1, "dim0", -2), arg(op, 2, "dim1", -1))
    state = list(states[0])
    state[one], state[other] = state[other], state[one]
    return tuple(state)


@_rule("expand expand_copy expand_as broadcast_to")
def _expand(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    shape = op.outputs[0].shape
    ahead = len(shape) - len(specs[0].shape)
    return tuple(
        [
            states[0][dim - ahead] if dim >= ahead and specs[0].shape[dim - ahead] == size else _PLAIN
            for dim, size in enumerate(shape)
        ]
    )


@_rule("slice slice_copy narrow narrow_copy")
def _slice(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    """(self, dim, start, end, step), or a start and a length."""
    shape, result = specs[0].shape, op.outputs[0].shape
    dim = int(arg(op, 1, "dim", 0)) % max(len(shape), 1)
    start, step = int(arg(op, 2, "start") or 0), int(arg(op, 4, "step", 1))
    start = max(0, start + shape[dim] if start < 0 else start)
    was = states[0][dim]
    if step != 1:
        now = _unsure(was)
    else:
        gone = shape[dim] - start - result[dim]
        now = Extent(
            max(0, was.before - start),
            was.after if was.after == _ANY else max(0, was.after - gone),
            was.follows_input and 2 * result[dim] > shape[dim],  # else a few of them, or a fixed number
        )
    return (*states[0][:dim], now, *states[0][dim + 1 :])


@_rule("select select_copy")
def _select(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    dim = int(arg(op, 1, "dim", 0)) % len(specs[0].shape)
    return (*states[0][:dim], *states[0][dim + 1 :])


@_rule("unbind unbind_copy")
def _unbind(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> list[State]:
    dim = int(arg(op, 1, "dim", 0)) % len(specs[0].shape)
    return [(*states[0][:dim], *states[0][dim + 1 :])] * len(op.outputs)


@_rule(
    "split split_with_sizes chunk unsafe_split unsafe_chunk split_copy split_with_sizes_copy"
    " unsafe_split_with_sizes tensor_split"
)
def _split(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> list[State]:
    """(self, sizes, dim)."""
    dim = int(arg(op, 2, "dim", 0)) % len(specs[0].shape)
    was, last = states[0][dim], len(op.outputs) - 1
    found = []
    for index, output in enumerate(op.outputs):
        size = output.shape[dim]
        before = min(was.before, size) if index == 0 else 0
        after = was.after if index == last or was.after == _ANY else 0
        # Beyond the last part it is in the one before, too.
        after = after if was.after in (0, _ANY) or was.after <= op.outputs[last].shape[dim] else _ANY
        found.append((*states[0][:dim], Extent(before, after, False), *states[0][dim + 1 :]))
    return found


@_rule("flip")
def _flip(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    rank = len(specs[0].shape)
    turned = {dim % rank for dim in each(arg(op, 1, "dims"), 1, 0)}
    return tuple([_unsure(extent) if dim in turned else extent for dim, extent in enumerate(states[0])])


@_rule("roll index index_select gather take sort topk")
def _moved(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> list[State]:
    """Elements in another order, or chosen ones: all that is kept is what an unchanged dimension follows."""
    found = []
    for output in op.outputs:
        same = output.shape == specs[0].shape
        follows = (
            [extent.follows_input and same for extent in states[0]] if same else [False] * len(output.shape)
        )
        found.append(tuple([Extent(0, _ANY, one) for one in follows]))
    return found


@_rule("repeat tile")
def _repeat(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    shape = op.outputs[0].shape
    ahead = len(shape) - len(specs[0].shape)
    return tuple(
        [
            states[0][dim - ahead]
            if dim >= ahead and specs[0].shape[dim - ahead] == size
            else Extent(0, _ANY, dim >= ahead and states[0][dim - ahead].follows_input)
            for dim, size in enumerate(shape)
        ]
    )


@_rule(
    " ".join(
        f"{lead}adaptive_{kind}_pool{n}d" for lead in ("", "_") for kind in ("avg", "max") for n in "123"
    )
)
def _adaptive(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    """(self, output_size): as many positions from any input."""
    axes = int(op.name.partition("pool")[2][0])
    return (*states[0][:-axes], *[_PLAIN] * axes)


@_rule(
    " ".join(
        f"{name}{n}d"
        for name in (
            "upsample_nearest _upsample_nearest_exact upsample_linear upsample_bilinear upsample_trilinear"
            " upsample_bicubic _upsample_bilinear_aa _upsample_bicubic_aa"
        ).split()
        for n in "123"
    )
)
def _upsample(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    """To a size that was given, or by factors."""
    axes = int(op.name.split(".")[1].removesuffix("_aa")[-2]) if "_aa" not in op.name else 2
    given = [*op.args[2:], *op.kwargs.values()]
    scaled = any(
        isinstance(one, float) or (isinstance(one, tuple) and any(isinstance(part, float) for part in one))
        for one in given
    )
    ends = [_unsure(extent) for extent in states[0][-axes:]]
    if not scaled:
        ends = [extent._replace(follows_input=False) for extent in ends]
    return (*states[0][:-axes], *ends)


@_rule("mm bmm matmul linear")
def _product(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    """(…, m, k) by (…, k, n); a linear layer's weight is (n, k)."""
    last = _PLAIN if "linear" in op.name or len(states[1]) < 2 else states[1][-1]
    made = (*states[0][:-1], last)
    return made if len(made) == len(op.outputs[0].shape) else (_UNKNOWN,) * len(op.outputs[0].shape)


@_rule("addmm baddbmm")
def _added_product(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    return (*states[1][:-1], states[2][-1])


@_rule("scaled_dot_product_attention")
def _attention(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    return (*states[0][:-1], states[2][-1])


@_rule("embedding")
def _embedding(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    return (*states[1], _PLAIN)


@_rule("mean sum amax amin prod var std logsumexp norm linalg_vector_norm argmax argmin all any max min")
def _reduced(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State | None:
    """(self, dims, …, keepdim): those dimensions go, or are left with one element."""
    shape, result = specs[0].shape, op.outputs[0].shape
    dims = next(
        (one for one in op.args[1:] if isinstance(one, (int, tuple)) and not isinstance(one, bool)), None
    )
    if dims is None or len(specs) > 1:
        return None if result else ()
    gone = {dim % max(len(shape), 1) for dim in each(dims, 1, 0)}
    if len(result) == len(shape):
        return tuple([_PLAIN if dim in gone else extent for dim, extent in enumerate(states[0])])
    kept = tuple([extent for dim, extent in enumerate(states[0]) if dim not in gone])
    return kept if len(kept) == len(result) else (_UNKNOWN,) * len(result)


@_rule("pixel_shuffle pixel_unshuffle")
def _shuffle(op: Operator, specs: Sequence[TensorSpec], states: Sequence[State]) -> State:
    return (*states[0][:-3], _PLAIN, *map(_unsure, states[0][-2:]))
