"""Views and moves: operators that read the same elements in another order."""

from __future__ import annotations

from netscope.base.workload import TensorSpec
from netscope.report.analysis.receptive.registry import TrackedOp, rule
from netscope.report.analysis.receptive.spans import Unknown
from netscope.report.analysis.receptive.tracks import (
    AxisPart,
    State,
    Track,
    along,
    broadcast,
    chosen,
    each,
    renumbered,
    reshaped,
    scattered,
)


@rule(
    *(
        f"aten.{name}"
        for name in """
        view _unsafe_view reshape _reshape_alias _reshape_copy flatten unflatten view_copy squeeze unsqueeze
        view_as ravel squeeze_copy unsqueeze_copy
        """.split()
    )
)
def reshape(call: TrackedOp) -> State:
    """Row-major order stays. Dimensions of size 1 that go or come are a reshape, too."""
    return reshaped(call.first, call.shape, call.result)


@rule("aten.permute", "aten.permute_copy")
def permute(call: TrackedOp) -> State:
    """(self, dims)."""
    rank = len(call.shape)
    places: list[int | None] = [None] * rank
    for place, dim in enumerate(call.arg(1, "dims")):
        places[dim % rank] = place
    return renumbered(call.first, places)


@rule("aten.transpose", "aten.swapaxes", "aten.swapdims", "aten.transpose_copy")
def transpose(call: TrackedOp) -> State:
    """(self, dim0, dim1)."""
    one, other = call.dim(1, "dim0"), call.dim(2, "dim1")
    places = list(range(len(call.shape)))
    places[one], places[other] = other, one
    return renumbered(call.first, places)


@rule("aten.t", "aten.numpy_T", "aten.mT")
def transposed(call: TrackedOp) -> State:
    """(self): a matrix."""
    rank = len(call.shape)
    return call.first if rank < 2 else renumbered(call.first, [*range(rank - 2), rank - 1, rank - 2])


@rule("aten.expand", "aten.expand_copy", "aten.expand_as", "aten.broadcast_to")
def expand(call: TrackedOp) -> State:
    """(self, size)."""
    return broadcast(call.first, call.shape, call.result)


@rule("aten.select", "aten.select_copy")
def select(call: TrackedOp) -> State:
    """(self, dim, index)."""
    dim = call.dim()
    return chosen(call.first, dim, int(call.arg(2, "index")) % call.shape[dim])


@rule("aten.unbind", "aten.unbind_copy")
def unbind(call: TrackedOp) -> list[State]:
    """(self, dim): each index along it."""
    dim = call.dim(default=0)
    return [chosen(call.first, dim, index) for index in range(call.shape[dim])]


@rule("aten.slice", "aten.slice_copy")
def slice_(call: TrackedOp) -> State:
    """(self, dim, start, end, step)."""
    dim = call.dim(default=0)
    size, kept = call.shape[dim], call.result[dim]
    start, step = call.arg(2, "start") or 0, int(call.arg(4, "step", 1))
    return _part(call.first, dim, start + size if start < 0 else start, step, size, kept)


@rule("aten.narrow", "aten.narrow_copy")
def narrow(call: TrackedOp) -> State:
    """(self, dim, start, length)."""
    dim = call.dim()
    size = call.shape[dim]
    return _part(call.first, dim, int(call.arg(2, "start")) % size, 1, size, call.result[dim])


@rule("aten.split", "aten.split_with_sizes", "aten.chunk", "aten.unsafe_split", "aten.unsafe_chunk")
@rule("aten.split_copy", "aten.split_with_sizes_copy", "aten.unsafe_split_with_sizes", "aten.tensor_split")
def split(call: TrackedOp) -> list[State]:
    """(self, sizes, dim): the results one behind the other."""
    dim = call.dim(2, default=0)
    states, start = [], 0
    for output in call.op.outputs:
        length = output.shape[dim]
        states.append(_part(call.first, dim, start, 1, call.shape[dim], length))
        start += length
    return states


def _part(state: State, dim: int, start: int, step: int, size: int, kept: int) -> State:
    if size == kept and step == 1:
        return state
    return along(state, dim, lambda spans: spans.taken(step, start), size, kept)


@rule("aten.flip")
def flip(call: TrackedOp) -> State:
    """(self, dims)."""
    state = call.first
    for dim in call.dims(1, "dims"):
        state = _turned(state, dim, call.shape[dim])
    return state


def _turned(state: State, dim: int, size: int) -> State:
    return along(state, dim, lambda spans: spans.taken(-1, size - 1), size, size)


@rule("aten.unfold")
def unfold(call: TrackedOp) -> State:
    """(self, dimension, size, step): windows along it, their elements in a new last dimension."""
    dim, last = call.dim(1, "dimension"), len(call.shape)
    size, step, count = int(call.arg(2, "size")), int(call.arg(3, "step")), call.result[dim]

    def cut(track: Track) -> Track:
        here = [piece for piece in track.pieces if piece.dim == dim]
        if not here:
            return track
        if len(track.pieces) > 1 or here[0] != AxisPart(dim, 1, call.shape[dim], 1):
            raise Unknown("an unfold of more than one thing")
        return track._replace(pieces=(AxisPart(dim, 1, count, step), AxisPart(last, 1, size, 1)))

    return each(call.first, cut)


@rule("aten.index")
def index(call: TrackedOp) -> State:
    """(self, indices): one dimension in another order, or anything of what is the same everywhere."""
    indices = call.arg(1, "indices")
    if any(state for state in call.states[1:]) or not isinstance(indices, tuple):
        raise Unknown("an index that depends on the input")
    given = [(dim, spec) for dim, spec in enumerate(indices) if spec is not None]
    alone = len(given) == 1 and isinstance(given[0][1], TensorSpec) and len(given[0][1].shape) == 1
    return _reordered(call.first, given[0][0] if alone else None)


@rule("aten.index_select")
def index_select(call: TrackedOp) -> State:
    """(self, dim, index)."""
    return _reordered(call.first, call.dim())


def _reordered(state: State, dim: int | None) -> State:
    for tracks in state:
        for track in tracks:
            if any(dim is None or piece.dim == dim for piece in track.pieces):
                raise Unknown("positions are chosen by an index")
    return state


@rule("aten.repeat", "aten.tile")
def repeat(call: TrackedOp) -> State:
    """(self, repeats): along dimensions that hold something of the input, copies one behind another."""
    ahead = len(call.result) - len(call.shape)
    state = renumbered(call.first, [dim + ahead for dim in range(len(call.shape))])
    for dim, (before, after) in enumerate(zip(call.shape, call.result[ahead:], strict=True), ahead):
        if before != after:
            state = scattered(state, dim)
    return state


@rule("aten.as_strided")
def as_strided(call: TrackedOp) -> State:
    """(self, size, stride, offset): one dimension as it lay before, which is how torch tidies strides."""
    long = [(size, step) for size, step in zip(call.result, call.arg(2, "stride"), strict=True) if size > 1]
    tidied = call.result == call.shape and call.arg(3, "storage_offset") in (None, 0)
    if not tidied or len(long) > 1 or any(step != 1 for _, step in long):
        raise Unknown("memory read in another way")
    return call.first
