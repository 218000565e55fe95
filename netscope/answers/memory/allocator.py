"""torch's caching allocator for CUDA, as a model: what it reserves for a timeline of allocations.

The native backend with one stream, as in c10/cuda/CUDACachingAllocator.cpp and the constants of
c10/core/AllocatorConfig.h, which are those of torch 2.11 to 2.14:

- a size is rounded up to 512 bytes, and nothing is handed out for 0 bytes;
- up to 1 MiB it is small, and served from segments of 2 MiB; below 10 MiB from segments of 20 MiB; a larger
  one gets a segment of its own, rounded up to 2 MiB. Small and large have a pool each;
- of the cached free blocks of its pool the smallest that fits is taken, of equal ones that of the lowest
  address; only where none fits a segment is asked of the device;
- a block is split where what remains is at least 512 bytes (small) or more than 1 MiB (large); the rest of an
  unsplit one is lost for as long as it is in use, and counts as allocated;
- a released block becomes one with its free neighbours in the segment. Segments are kept.

Where the device is full, segments that are wholly free go back to it, all of them, and it is tried again.

Addresses are ours: segments follow upon each other and no address is used twice, where a device may hand out
a freed one again. They decide between blocks of equal size and nothing else.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from netscope.answers.memory.events import Event
from netscope.base.errors import UsageError

_MIB: Final = 2**20

# All sizes are multiples of it.
ROUND: Final = 512
# The largest request that is small, and the segments that small ones share.
SMALL: Final = _MIB
SMALL_SEGMENT: Final = 2 * _MIB
# Requests below that share segments of 20 MiB; others get their own, in steps of 2 MiB.
LARGE: Final = 10 * _MIB
LARGE_SEGMENT: Final = 20 * _MIB
ROUND_LARGE: Final = 2 * _MIB

# Where addresses begin, and how far those of a segment that grows go on a device without end.
_FIRST: Final = 0x7000_0000_0000
_SPACE: Final = 0x0800_0000_0000


@dataclass(frozen=True, slots=True)
class Settings:
    """What PYTORCH_ALLOC_CONF can say, as far as it is modelled. All in bytes.

    max_split_size:
        blocks of that size and more are not split, nor given to smaller requests; None for no such limit.
    max_non_split_rounding:
        by how much such a block may be larger than the request that it is given to, less one byte.
    roundup_power2_divisions:
        sizes are rounded up to one of so many equal steps between powers of 2; 0 and 1 for none.
    expandable_segments:
        one segment a pool, which grows by pages at its end.
    """

    max_split_size: int | None = None
    max_non_split_rounding: int = LARGE_SEGMENT
    roundup_power2_divisions: int = 0
    expandable_segments: bool = False

    @classmethod
    def parse(cls, text: str) -> Settings:
        """As PYTORCH_ALLOC_CONF spells them: "expandable_segments:True,max_split_size_mb:512".

        Raises:
            UsageError: an option is not modelled, or has a value that torch would refuse.
        """
        found: dict[str, int | bool] = {}
        for part in "".join(text.split()).split(","):
            key, _, value = part.partition(":")
            if key and key not in _OPTIONS:
                raise UsageError(
                    f"the model of the allocator has no option {key!r}",
                    hint=f"use one of {', '.join(_OPTIONS)}",
                )
            if key:
                name, read = _OPTIONS[key]
                try:
                    found[name] = read(value)
                except ValueError as error:
                    raise UsageError(f"{key}:{value}: {error}") from error
        return cls(**found)  # type: ignore[arg-type]  # each reader returns what its field is

    def rounded(self, nbytes: int) -> int:
        """What is set aside for a request of so many bytes, unless a block that is not split is larger."""
        divisions = self.roundup_power2_divisions
        if divisions > 1 and nbytes > ROUND * divisions:
            step = (1 << (nbytes.bit_length() - 1)) // divisions
            return -(-nbytes // step) * step
        return -(-max(nbytes, 1) // ROUND) * ROUND


def segment_bytes(size: int) -> int:
    """What is asked of the device for a rounded size that no cached block can serve."""
    if size <= SMALL:
        return SMALL_SEGMENT
    if size < LARGE:
        return LARGE_SEGMENT
    return -(-size // ROUND_LARGE) * ROUND_LARGE


class Block(NamedTuple):
    """A piece of a segment.

    requested:
        bytes asked for; 0 where it is free.
    event:
        that of its allocation; None where it is free.
    """

    address: int
    nbytes: int
    requested: int
    event: int | None


class Segment(NamedTuple):
    """What the device gave in one piece, as blocks from its beginning to its end.

    event:
        the allocation that it was asked for; None where it is what a growing segment was cut into.
    """

    address: int
    nbytes: int
    small: bool
    expandable: bool
    event: int | None
    blocks: tuple[Block, ...]

    @property
    def allocated(self) -> int:
        """Bytes of its blocks in use."""
        return sum(block.nbytes for block in self.blocks if block.event is not None)

    @property
    def requested(self) -> int:
        """Bytes that were asked for by those who use its blocks."""
        return sum(block.requested for block in self.blocks)


class Peak(NamedTuple):
    """A largest figure and the event that first reached it; None where nothing was ever allocated."""

    nbytes: int
    event: int | None


class OutOfMemory(NamedTuple):
    """The device was full.

    nbytes:
        the rounded size that could not be served.
    free:
        bytes that the device still had.
    """

    event: int
    nbytes: int
    free: int


class Action(NamedTuple):
    """What the allocator did at an event. `free` of one that ran out is what the device still had."""

    kind: Literal["alloc", "free", "segment_alloc", "segment_free", "segment_map", "segment_unmap", "oom"]
    address: int
    nbytes: int
    event: int
    free: int = 0


@dataclass(frozen=True, slots=True)
class Replay:
    """A timeline as the allocator served it.

    allocated, reserved, requested:
        bytes after each event: of the blocks in use, of all segments, and as they were asked for. It ends
        with the event at which memory ran out.
    idle:
        at the peak of what is reserved: bytes that no block in use had, and yet the last segment was needed.
    largest_free:
        the largest free block then.
    segments:
        of that moment, by address.
    """

    allocated: tuple[int, ...]
    reserved: tuple[int, ...]
    requested: tuple[int, ...]
    peak_allocated: Peak
    peak_reserved: Peak
    peak_requested: Peak
    idle: int
    largest_free: int
    segments: tuple[Segment, ...]
    out_of_memory: OutOfMemory | None = None

    @property
    def end_allocated(self) -> int:
        """Bytes of blocks in use after the last event."""
        return self.allocated[-1] if self.allocated else 0

    @property
    def end_reserved(self) -> int:
        """Bytes of all segments after the last event."""
        return self.reserved[-1] if self.reserved else 0

    @property
    def end_requested(self) -> int:
        """Bytes asked for by those in use after the last event."""
        return self.requested[-1] if self.requested else 0

    @property
    def fragmentation(self) -> float:
        """Which share of the reserved bytes was idle at their peak."""
        return self.idle / self.peak_reserved.nbytes if self.peak_reserved.nbytes else 0.0


class Recording(NamedTuple):
    """What the allocator did, and its segments after it."""

    actions: tuple[Action, ...]
    segments: tuple[Segment, ...]


def replay(events: Sequence[Event], settings: Settings | None = None, capacity: int | None = None) -> Replay:
    """Has the allocator serve a timeline.

    Args:
        events: allocations and releases, in order.
        settings: torch's defaults where None.
        capacity: bytes that the device has for segments; None for no end of them.

    Raises:
        ValueError: a block is allocated twice, or released and not allocated.
    """
    served = _Allocator(settings, capacity)
    served.serve(events)
    reserved = served.peak_reserved
    # Which peak is the highest is known only now: a second time, as far as there.
    then = _Allocator(settings, capacity)
    then.serve(events[: reserved.event + 1] if reserved.event is not None else ())
    segments = then.segments()
    return Replay(
        tuple(served.allocated),
        tuple(served.reserved),
        tuple(served.requested),
        _peak(served.allocated),
        reserved,
        _peak(served.requested),
        idle=then.bytes_reserved - then.bytes_allocated,
        largest_free=max((b.nbytes for s in segments for b in s.blocks if b.event is None), default=0),
        segments=segments,
        out_of_memory=served.out_of_memory,
    )


def record(
    events: Iterable[Event], settings: Settings | None = None, capacity: int | None = None
) -> Recording:
    """What the allocator did for each event; arguments and errors are those of `replay`."""
    actions: list[Action] = []
    served = _Allocator(settings, capacity, actions)
    served.serve(events)
    return Recording(tuple(actions), served.segments())


def _peak(curve: Sequence[int]) -> Peak:
    nbytes = max(curve, default=0)
    return Peak(nbytes, curve.index(nbytes) if nbytes else None)


def _megabytes(text: str) -> int:
    nbytes = int(text) * _MIB
    if nbytes < LARGE_SEGMENT:
        raise ValueError("it must be at least 20")
    return nbytes


def _divisions(text: str) -> int:
    if text.startswith("["):
        raise ValueError("only one number for all sizes is modelled")
    if (number := int(text)) < 0 or number & (number - 1):
        raise ValueError("it must be 0 or a power of 2")
    return number


def _yes(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("it must be True or False")
    return text.lower() == "true"


_OPTIONS: Final[dict[str, tuple[str, Callable[[str], int | bool]]]] = {
    "max_split_size_mb": ("max_split_size", _megabytes),
    "max_non_split_rounding_mb": ("max_non_split_rounding", _megabytes),
    "roundup_power2_divisions": ("roundup_power2_divisions", _divisions),
    "expandable_segments": ("expandable_segments", _yes),
}


class _Pool:
    """The free blocks of small or of large requests: (bytes, address), smallest first.

    unmapped:
        the addresses of those parts of growing segments that have no memory.
    page:
        by which these grow.
    """

    __slots__ = ("free", "page", "small", "unmapped")

    def __init__(self, small: bool):
        self.small = small
        self.page = SMALL_SEGMENT if small else LARGE_SEGMENT
        self.free: list[tuple[int, int]] = []
        self.unmapped: list[int] = []


class _Piece:
    """A block while it lives, with its neighbours in the segment.

    event:
        that of its allocation; None while it is free.
    origin:
        where the address space of a growing segment begins; None in one that does not grow.
    """

    __slots__ = ("address", "after", "before", "event", "mapped", "nbytes", "origin", "pool", "requested")

    def __init__(
        self, address: int, nbytes: int, pool: _Pool, origin: int | None = None, mapped: bool = True
    ):
        self.address = address
        self.nbytes = nbytes
        self.pool = pool
        self.origin = origin
        self.mapped = mapped
        self.requested = 0
        self.event: int | None = None
        self.before: _Piece | None = None
        self.after: _Piece | None = None


class _Allocator:
    """Serves events, one after the other. A piece that is split or merged is the front one from then on."""

    def __init__(
        self, settings: Settings | None, capacity: int | None, actions: list[Action] | None = None
    ) -> None:
        self._settings = Settings() if settings is None else settings
        self._capacity = capacity
        self._actions = actions
        self._small, self._large = _Pool(True), _Pool(False)
        # Blocks in use by identity (None: 0 bytes), free and unmapped ones by address, segments by address.
        self._used: dict[int, _Piece | None] = {}
        self._idle: dict[int, _Piece] = {}
        self._heads: dict[int, _Piece] = {}
        self._asked: dict[int, int] = {}
        self._next = _FIRST
        self._event = 0
        self.bytes_allocated = self.bytes_reserved = self.bytes_requested = 0
        self.peak_reserved = Peak(0, None)
        self.allocated: list[int] = []
        self.reserved: list[int] = []
        self.requested: list[int] = []
        self.out_of_memory: OutOfMemory | None = None

    def serve(self, events: Iterable[Event]) -> None:
        """As many of them as there is memory for."""
        for self._event, (block, nbytes, allocates, _) in enumerate(events):
            if allocates:
                if block in self._used:
                    raise ValueError(f"event {self._event}: block {block} is allocated, and once more")
                self._used[block] = self._allocate(nbytes) if nbytes else None
            else:
                if block not in self._used:
                    raise ValueError(f"event {self._event}: block {block} is released, and is not allocated")
                if (piece := self._used.pop(block)) is not None:
                    self._release(piece)
            self.allocated.append(self.bytes_allocated)
            self.reserved.append(self.bytes_reserved)
            self.requested.append(self.bytes_requested)
            if self.out_of_memory is not None:
                return

    def segments(self) -> tuple[Segment, ...]:
        """As they are, by address. A growing one is as many as its parts with memory."""
        found = []
        for _, head in sorted(self._heads.items()):
            piece: _Piece | None = head
            while piece is not None:
                blocks: list[Block] = []
                first = piece
                while piece is not None and piece.mapped:
                    blocks.append(Block(piece.address, piece.nbytes, piece.requested, piece.event))
                    piece = piece.after
                if blocks:
                    nbytes = sum(block.nbytes for block in blocks)
                    asked = self._asked.get(first.address)
                    expandable = first.origin is not None
                    found.append(
                        Segment(first.address, nbytes, first.pool.small, expandable, asked, tuple(blocks))
                    )
                else:
                    piece = first.after
        return tuple(found)

    def _note(
        self,
        kind: Literal["alloc", "free", "segment_alloc", "segment_free", "segment_map", "segment_unmap"],
        address: int,
        nbytes: int,
    ) -> None:
        if self._actions is not None:
            self._actions.append(Action(kind, address, nbytes, self._event))

    # Blocks.

    def _allocate(self, nbytes: int) -> _Piece | None:
        size = self._settings.rounded(nbytes)
        pool = self._small if size <= SMALL else self._large
        piece = self._cached(pool, size)
        if piece is None:
            piece = (
                self._new(pool, size)
                or (self._give_back_oversize(pool, size) and self._new(pool, size))
                or (self._give_back_all() and self._new(pool, size))
                or None
            )
        if piece is None:
            assert self._capacity is not None
            free = self._capacity - self.bytes_reserved
            self.out_of_memory = OutOfMemory(self._event, size, free)
            if self._actions is not None:
                self._actions.append(Action("oom", 0, size, self._event, free))
            return None
        if self._splits(piece, size):
            self._idles(self._cut(piece, size))
        piece.event = self._event
        piece.requested = nbytes
        self.bytes_allocated += piece.nbytes
        self.bytes_requested += nbytes
        self._note("alloc", piece.address, nbytes)
        return piece

    def _release(self, piece: _Piece) -> None:
        self._note("free", piece.address, piece.requested)
        self.bytes_allocated -= piece.nbytes
        self.bytes_requested -= piece.requested
        piece.event = None
        piece.requested = 0
        self._idles(self._merged(piece))

    def _cached(self, pool: _Pool, size: int) -> _Piece | None:
        """The smallest free block that fits, no longer free."""
        free = pool.free
        at = bisect_left(free, (size, 0))
        if at == len(free):
            return None
        if self._settings.expandable_segments:
            # A block that could grow counts as large as it could become.
            while at + 1 < len(free) and self._room(free[at + 1]) < self._room(free[at]):
                at += 1
        limit = self._settings.max_split_size
        if limit is not None:
            found = free[at][0]
            if size < limit <= found:
                return None
            if size >= limit and found >= size + self._settings.max_non_split_rounding:
                return None
        return self._idle.pop(free.pop(at)[1])

    def _room(self, listed: tuple[int, int]) -> int:
        nbytes, address = listed
        after = self._idle[address].after
        return nbytes + (after.nbytes if after is not None and not after.mapped else 0)

    def _splits(self, piece: _Piece, size: int) -> bool:
        rest = piece.nbytes - size
        if piece.pool.small or self._settings.expandable_segments:
            return rest >= ROUND
        limit = self._settings.max_split_size
        return rest > SMALL and (limit is None or size < limit)

    def _cut(self, piece: _Piece, size: int) -> _Piece:
        """The rest of it, which is in no list yet."""
        rest = _Piece(piece.address + size, piece.nbytes - size, piece.pool, piece.origin, piece.mapped)
        piece.nbytes = size
        rest.before, rest.after = piece, piece.after
        if piece.after is not None:
            piece.after.before = rest
        piece.after = rest
        return rest

    def _merged(self, piece: _Piece) -> _Piece:
        """It and its neighbours that are free as it is, as one piece; those are in no list any more."""
        before = piece.before
        if before is not None and before.event is None and before.mapped == piece.mapped:
            self._unlist(before)
            self._swallow(before, piece)
            piece = before
        after = piece.after
        if after is not None and after.event is None and after.mapped == piece.mapped:
            self._unlist(after)
            self._swallow(piece, after)
        return piece

    def _swallow(self, front: _Piece, back: _Piece) -> None:
        front.nbytes += back.nbytes
        front.after = back.after
        if back.after is not None:
            back.after.before = front

    def _idles(self, piece: _Piece) -> None:
        self._idle[piece.address] = piece
        if piece.mapped:
            insort(piece.pool.free, (piece.nbytes, piece.address))
        else:
            insort(piece.pool.unmapped, piece.address)

    def _unlist(self, piece: _Piece) -> None:
        del self._idle[piece.address]
        if piece.mapped:
            free = piece.pool.free
            del free[bisect_left(free, (piece.nbytes, piece.address))]
        else:
            unmapped = piece.pool.unmapped
            del unmapped[bisect_left(unmapped, piece.address)]

    # Segments.

    def _fits(self, nbytes: int) -> bool:
        return self._capacity is None or self.bytes_reserved + nbytes <= self._capacity

    def _reserve(self, nbytes: int) -> None:
        self.bytes_reserved += nbytes
        # Here and not after the event: pages that were of no use are given back within it.
        if self.bytes_reserved > self.peak_reserved.nbytes:
            self.peak_reserved = Peak(self.bytes_reserved, self._event)

    def _new(self, pool: _Pool, size: int) -> _Piece | None:
        """A block of at least that size with memory from the device; None where that has too little."""
        if self._settings.expandable_segments:
            return self._grown(pool, size)
        nbytes = segment_bytes(size)
        if not self._fits(nbytes):
            return None
        piece = _Piece(self._next, nbytes, pool)
        self._next += nbytes
        self._heads[piece.address] = piece
        self._asked[piece.address] = self._event
        self._reserve(nbytes)
        self._note("segment_alloc", piece.address, nbytes)
        return piece

    def _give_back(self, piece: _Piece) -> None:
        self._unlist(piece)
        del self._heads[piece.address]
        self.bytes_reserved -= piece.nbytes
        self._note("segment_free", piece.address, piece.nbytes)

    def _give_back_oversize(self, pool: _Pool, size: int) -> bool:
        """One cached block that is never split and is enough, or several of the largest that together are."""
        limit = self._settings.max_split_size
        if limit is None:
            return False
        wanted = max(size, limit)
        at = bisect_left(pool.free, (wanted, 0))
        if at < len(pool.free) and (piece := self._idle[pool.free[at][1]]).origin is None:
            self._give_back(piece)
            return True
        released = 0
        for nbytes, address in reversed(pool.free[:at]):
            if released >= wanted or nbytes < limit:
                break
            if (piece := self._idle[address]).origin is None:
                released += nbytes
                self._give_back(piece)
        return released >= wanted

    def _give_back_all(self) -> bool:
        """Every segment that is wholly free, and every free page of those that grow."""
        for pool in (self._large, self._small):
            pieces = [self._idle[address] for _, address in pool.free]
            for piece in pieces:
                if piece.origin is None and piece.before is None and piece.after is None:
                    self._give_back(piece)
            for piece in pieces:
                if piece.origin is not None:
                    self._unmap(piece)
        return True

    # Segments that grow.

    def _grown(self, pool: _Pool, size: int) -> _Piece | None:
        """The block at the lowest address that has room for it, with as many pages as it lacks."""
        piece = self._growing(pool, size)
        if not piece.mapped:
            mapped = self._map(piece, min(piece.nbytes, size))
            if mapped is None:
                return None
            piece = mapped
        while piece.nbytes < size:
            assert piece.after is not None
            mapped = self._map(piece.after, min(size - piece.nbytes, piece.after.nbytes))
            if mapped is None:
                return None
            piece = mapped
        self._unlist(piece)
        return piece

    def _growing(self, pool: _Pool, size: int) -> _Piece:
        """Where a free or unmapped stretch of that size begins."""
        for address in pool.unmapped:
            first = self._idle[address]
            if first.before is not None and first.before.event is None:
                first = first.before
            room, piece = 0, first
            while room < size and piece.event is None:
                room += piece.nbytes
                if piece.after is None:
                    break
                piece = piece.after
            if room >= size:
                return first
        # As torch reserves them: room for an eighth more than the device has, so that pages can move.
        room = max(_SPACE, size) if self._capacity is None else self._capacity + self._capacity // 8
        piece = _Piece(self._next, -(-room // pool.page) * pool.page, pool, self._next, mapped=False)
        self._next += piece.nbytes
        self._heads[piece.address] = piece
        self._idles(piece)
        return piece

    def _map(self, piece: _Piece, nbytes: int) -> _Piece | None:
        """Pages for so many bytes from its beginning; what they and their free neighbours are then."""
        nbytes = -(-nbytes // piece.pool.page) * piece.pool.page
        if not self._fits(nbytes):
            return None
        self._unlist(piece)
        if nbytes < piece.nbytes:
            self._idles(self._cut(piece, nbytes))
        piece.mapped = True
        self._asked.setdefault(piece.address, self._event)
        self._reserve(nbytes)
        self._note("segment_map", piece.address, nbytes)
        piece = self._merged(piece)
        self._idles(piece)
        return piece

    def _unmap(self, piece: _Piece) -> None:
        """Gives back the pages that are wholly within a free block."""
        assert piece.origin is not None
        page = piece.pool.page
        begin = piece.origin + -(-(piece.address - piece.origin) // page) * page
        end = piece.origin + (piece.address + piece.nbytes - piece.origin) // page * page
        if begin >= end:
            return
        self._unlist(piece)
        if end < piece.address + piece.nbytes:
            self._idles(self._cut(piece, end - piece.address))
        if begin > piece.address:
            front, piece = piece, self._cut(piece, begin - piece.address)
            self._idles(front)
        piece.mapped = False
        self._asked.pop(begin, None)
        self.bytes_reserved -= end - begin
        self._note("segment_unmap", begin, end - begin)
        self._idles(self._merged(piece))
