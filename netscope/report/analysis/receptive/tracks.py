"""Where an axis of the input went in a tensor: through reshapes, permutations, sums and branches.

An axis starts out as one dimension. A reshape can split it over several dimensions or merge it with
others into one; a sum over a dimension takes what lies there and widens the window. A tensor depends on
an axis through one `Track`, or through several where branches meet whose jumps differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from netscope.report.analysis.receptive.spans import PIXELS, Spans, Unknown

Shape = tuple[int, ...]

# Tracks of one axis that are followed side by side; more do not occur where the result means anything.
_MOST_TRACKS: Final = 6

SCATTERED: Final = -1


class AxisPart(NamedTuple):
    """A part of an axis' position: it is `index[dim] // inner % size`, and counts `stride`.

    inner:
        SCATTERED after a concatenation along `dim`: it lies there, with others before or behind it.
    """

    dim: int
    inner: int
    size: int
    stride: int


class Track(NamedTuple):
    """One way in which a tensor's elements depend on an axis of the input.

    An element's position is the sum of its pieces' indices times strides, and `spans` says what that
    position sees. Without pieces all elements see the same: everything there was if `swept`.
    """

    spans: Spans
    pieces: tuple[AxisPart, ...]
    swept: bool = False

    @property
    def is_global(self) -> bool:
        """Whether all elements see everything that there is."""
        return self.swept and not self.pieces


# For each axis of the input the tracks of a tensor; empty for one that does not depend on it at all.
State = tuple[tuple[Track, ...], ...]

INDEPENDENT: Final[State] = ()


def initial(shape: Shape, axes: int) -> State:
    """The state of the input itself, whose last `axes` dimensions are spatial."""
    first = len(shape) - axes
    return tuple((Track(PIXELS, (AxisPart(dim, 1, shape[dim], 1),)),) for dim in range(first, len(shape)))


def each(state: State, change: Callable[[Track], Track]) -> State:
    """The state with every track changed; those that became alike are united.

    Where an axis is seen whole, a track that cannot be followed further has nothing to add.
    """
    return tuple([_united(_changed(tracks, change)) for tracks in state])


def _changed(tracks: Sequence[Track], change: Callable[[Track], Track]) -> list[Track]:
    if len(tracks) == 1 or not any(track.is_global for track in tracks):
        return [change(track) for track in tracks]
    changed = []
    for track in tracks:
        with suppress(Unknown):
            changed.append(change(track))
    return changed


def union(states: Iterable[State]) -> State:
    """What a result sees that is made from several tensors, element by element."""
    found: list[State] = []
    for state in states:
        if state and not any(state is other for other in found):
            found.append(state)
    if len(found) < 2:
        return found[0] if found else INDEPENDENT
    return tuple([_united([t for tracks in axis for t in tracks]) for axis in zip(*found, strict=True)])


def _united(tracks: Sequence[Track]) -> tuple[Track, ...]:
    if len(tracks) == 1:
        return (tracks[0],)
    merged: dict[tuple[object, ...], Track] = {}
    for track in tracks:
        key = track.pieces, track.spans.jump
        other = merged.get(key)
        merged[key] = track if other is None else _merged(track, other)
    if len(merged) > _MOST_TRACKS:
        raise Unknown("too many branches of different jumps")
    return tuple(merged.values())


def _merged(one: Track, other: Track) -> Track:
    return Track(other.spans.united(one.spans), one.pieces, other.swept or one.swept)


def along(state: State, dim: int, change: Callable[[Spans], Spans], before: int, after: int) -> State:
    """A window moves along `dim`, which has `before` positions and then `after`; `change` says how."""

    def moved(track: Track) -> Track:
        here = [piece for piece in track.pieces if piece.dim == dim]
        if not here:
            return track
        if len(track.pieces) > 1 or here[0].inner != 1 or here[0].size != before:
            raise Unknown("a window moves along a dimension that holds more than one thing")
        return Track(change(track.spans), (AxisPart(dim, 1, after, 1),), track.swept)

    return each(state, moved)


def swept(state: State, dims: Iterable[int]) -> State:
    """A sum, a maximum or a contraction over `dims`, which stay, with nothing of the input in them."""
    gone = frozenset(dims)

    def without(track: Track) -> Track:
        spans, kept = track.spans, []
        for piece in track.pieces:
            if piece.dim in gone:
                spans = spans.window(piece.size, 1, piece.stride, 0)
            else:
                kept.append(piece)
        return track if len(kept) == len(track.pieces) else _canonical(spans, kept, track.swept or not kept)

    return each(state, without)


def renumbered(state: State, places: Sequence[int | None]) -> State:
    """Dimension i becomes `places[i]`; None for one of size 1 that goes."""

    def moved(track: Track) -> Track:
        kept = [
            piece._replace(dim=place)
            for piece in track.pieces
            if (place := _place(piece, places)) is not None
        ]
        return _canonical(track.spans, kept, track.swept or not kept)

    return each(state, moved)


def _place(piece: AxisPart, places: Sequence[int | None]) -> int | None:
    place = places[piece.dim]
    if place is None and piece.size > 1:
        raise Unknown("a dimension vanished")
    return place


def broadcast(state: State, shape: Shape, to: Shape) -> State:
    """Aligned at the last dimension; what lies in a dimension of size 1 is the same for all."""
    if shape == to or not state:
        return state
    ahead = len(to) - len(shape)
    if ahead < 0:
        raise Unknown("a result of lower rank")
    spread = [size == 1 and to[dim + ahead] != 1 for dim, size in enumerate(shape)]
    return renumbered(state, [None if gone else dim + ahead for dim, gone in enumerate(spread)])


def chosen(state: State, dim: int, index: int) -> State:
    """One index of `dim`, which goes."""

    def at_index(track: Track) -> Track:
        spans, kept = track.spans, []
        for piece in track.pieces:
            if piece.dim != dim:
                kept.append(piece._replace(dim=piece.dim - (piece.dim > dim)))
                continue
            if piece.inner == SCATTERED:
                raise Unknown("one position of several put together")
            spans = spans.taken(1, index // piece.inner % piece.size * piece.stride)
        return _canonical(spans, kept, track.swept)

    return each(state, at_index)


def scattered(state: State, dim: int) -> State:
    """`dim` is put before or behind something else along the same dimension."""

    def put(track: Track) -> Track:
        return track._replace(
            pieces=tuple([p._replace(inner=SCATTERED) if p.dim == dim else p for p in track.pieces])
        )

    return each(state, put)


def reshaped(state: State, before: Shape, after: Shape) -> State:
    """Read in row-major order, as views and reshapes do."""
    if before == after or not state:
        return state
    if 0 in before or math.prod(before) != math.prod(after):
        raise Unknown("a reshape to another number of elements")
    old, new = _inner_sizes(before), _inner_sizes(after)

    def split(track: Track) -> Track:
        pieces: list[AxisPart] = []
        for piece in track.pieces:
            if piece.inner == SCATTERED:
                place = old[piece.dim], before[piece.dim]
                matching = [dim for dim, inner in enumerate(new) if (inner, after[dim]) == place]
                if not matching:
                    raise Unknown("a reshape of things put together")
                pieces.append(piece._replace(dim=matching[0]))
            else:
                pieces += _parts(piece, piece.inner * old[piece.dim], new, after)
        return _canonical(track.spans, pieces, track.swept or not pieces)

    return each(state, split)


def _inner_sizes(shape: Shape) -> list[int]:
    """For each dimension how many elements lie within one step along it."""
    sizes = [1] * len(shape)
    for dim in range(len(shape) - 2, -1, -1):
        sizes[dim] = sizes[dim + 1] * shape[dim + 1]
    return sizes


def _parts(piece: AxisPart, first: int, inner: list[int], shape: Shape) -> list[AxisPart]:
    """A piece that lies at flat strides from `first` on, cut at the borders of the new dimensions."""
    if piece.size == 1:  # it can lie anywhere that has its stride
        fitting = [dim for dim, size in enumerate(shape) if size == 1 and inner[dim] == first]
        return [AxisPart(fitting[-1], 1, 1, 1)] if fitting else []
    end = first * piece.size
    parts = []
    for dim, size in enumerate(shape):
        low, high = max(first, inner[dim]), min(end, inner[dim] * size)
        if low >= high:
            continue
        if low % first or low % inner[dim] or high % low:
            raise Unknown("a reshape across borders")
        parts.append(AxisPart(dim, low // inner[dim], high // low, piece.stride * (low // first)))
    return parts


def _canonical(spans: Spans, pieces: Sequence[AxisPart], swept: bool) -> Track:
    """The one form of equal tracks: neighbours joined, common strides moved into the spans."""
    if not pieces:
        return Track(Spans(0, (spans.at(0),)), (), swept)
    joined: list[AxisPart] = []
    for piece in sorted(pieces):
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.dim == piece.dim
            and SCATTERED not in (last.inner, piece.inner)
            and piece.inner == last.inner * last.size
            and piece.stride == last.stride * last.size
        ):
            joined[-1] = last._replace(size=last.size * piece.size)
        else:
            joined.append(piece)
    common = math.gcd(*(piece.stride for piece in joined))
    if common > 1:
        spans = spans.taken(common, 0)
        joined = [piece._replace(stride=piece.stride // common) for piece in joined]
    return Track(spans, tuple(joined), swept)
