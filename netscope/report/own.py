"""What belongs to one row and to no other: figures that add up to the network's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from netscope.base.cost import NO_VECTOR_OPS, VectorOps
from netscope.base.units import ratio
from netscope.report.layer import Layer
from netscope.report.partial import own_unknown
from netscope.report.ranks import LayerRank, Traffic, by_collective, together, wire_bytes
from netscope.report.report import Report
from netscope.report.tree import children_of


class OnMachine(NamedTuple):
    """What one row takes, or takes at least, on a machine.

    forward, backward:
        seconds a step.
    kernels:
        pieces of work a step.
    moved_bytes, bound:
        what must be moved at least, and the seconds that the forward takes at least.
    measured, bounded:
        whether any layer in it has times, and all of them a bound; the figures are not known otherwise.
    """

    forward: float = 0.0
    backward: float = 0.0
    kernels: float = 0.0
    moved_bytes: int = 0
    bound: float = 0.0
    measured: bool = True
    bounded: bool = True

    @classmethod
    def of(cls, layer: Layer) -> OnMachine | None:
        """The layer's own; None in a report that knows of no machine."""
        if layer.timing is None and layer.roof is None:
            return None
        found = cls(measured=False, bounded=False)
        if layer.timing is not None:
            own = layer.timing.own
            kernels = own.forward_kernels + own.backward_kernels
            found = found._replace(forward=own.forward, backward=own.backward, kernels=kernels, measured=True)
        if layer.roof is not None:
            seconds = layer.roof.own_seconds
            found = found._replace(
                moved_bytes=layer.roof.own_moved_bytes, bound=seconds or 0.0, bounded=seconds is not None
            )
        return found

    def plus(self, other: OnMachine | None) -> OnMachine:
        """Both together."""
        if other is None:
            return self
        return OnMachine(
            self.forward + other.forward,
            self.backward + other.backward,
            self.kernels + other.kernels,
            self.moved_bytes + other.moved_bytes,
            self.bound + other.bound,
            self.measured or other.measured,
            self.bounded and other.bounded,
        )

    def __bool__(self) -> bool:
        return bool(self.forward or self.backward or self.kernels or self.moved_bytes)


class OnRank(NamedTuple):
    """What one row of a rank of many does and sends; None is not known, as in `LayerRank`."""

    global_macs: int | None = 0
    backward_macs: int | None = 0
    global_backward_macs: int | None = 0
    traffic: tuple[Traffic, ...] = ()

    @classmethod
    def of(cls, layer: Layer, inside: Sequence[Layer]) -> OnRank:
        """The layer's own, given the rows directly inside it; of a report that has ranks."""
        return cls(
            _left(layer, inside, lambda rank: rank.global_macs),
            _left(layer, inside, lambda rank: rank.backward_macs),
            _left(layer, inside, lambda rank: rank.global_backward_macs),
            () if layer.rank is None else layer.rank.own_traffic,
        )

    def plus(self, other: OnRank | None) -> OnRank:
        """Both together."""
        if other is None:
            return self
        return OnRank(
            _sum(self.global_macs, other.global_macs),
            _sum(self.backward_macs, other.backward_macs),
            _sum(self.global_backward_macs, other.global_backward_macs),
            together((*self.traffic, *other.traffic)),
        )

    def __bool__(self) -> bool:
        return bool(self.global_macs or self.backward_macs or self.global_backward_macs or self.traffic)


def _left(layer: Layer, inside: Sequence[Layer], get: Callable[[LayerRank], int | None]) -> int | None:
    """What a row has that the rows inside it have not; None where one of them does not know."""
    whole, *parts = [
        get(row.rank) if row.rank is not None else None if row.counted_macs else 0 for row in (layer, *inside)
    ]
    if whole is None or None in parts:
        return None
    rest = whole - sum(part for part in parts if part)
    return rest if rest >= 0 else None


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


class Own(NamedTuple):
    """What one row of a table adds to the totals; those of all rows add up to them exactly.

    unknown:
        something of this row could not be counted, so `macs` and `vector` are lower bounds.
    unseen:
        something of this row was not seen, or not done, so `output_bytes` is one too.
    machine:
        what it takes on a machine; None in a report that knows of none.
    saved, live, peak:
        bytes kept for the backward, which add up, and of activations alive in the end and at most, of which
        several rows have the most of any; None in a report of which that was not asked.
    rank:
        what it does and sends as one of many; None in a report that has no ranks.
    """

    params: int = 0
    trainable_params: int = 0
    param_bytes: int = 0
    buffer_bytes: int = 0
    macs: int = 0
    vector: VectorOps = NO_VECTOR_OPS
    output_bytes: int = 0
    unknown: bool = False
    unseen: bool = False
    machine: OnMachine | None = None
    saved: int | None = None
    live: int | None = None
    peak: int | None = None
    rank: OnRank | None = None

    @classmethod
    def of(cls, layer: Layer, unknown: Mapping[str, int], rank: OnRank | None = None) -> Own:
        """What is the layer's own; `unknown` is what is not known of it, see `partial.own_unknown`."""
        counted = [p for p in layer.parameters if p.shared_with is None] if layer.own_params else []
        buffers = layer.buffers if layer.shared_with is None else ()
        return cls(
            params=layer.own_params,
            trainable_params=sum([p.numel for p in counted if p.trainable]),
            param_bytes=sum([p.stored_bytes for p in counted]),
            buffer_bytes=sum([b.stored_bytes for b in buffers if b.shared_with is None]),
            macs=layer.own_macs,
            vector=layer.own_vector,
            output_bytes=layer.own_output_bytes,
            unknown=bool(unknown),
            unseen=any(what in layer.unseen for what in unknown),
            machine=OnMachine.of(layer),
            saved=None if layer.memory is None else layer.memory.own_saved,
            live=layer.live,
            peak=layer.peak,
            rank=rank,
        )

    def plus(self, other: Own) -> Own:
        """Both together."""
        return Own(
            self.params + other.params,
            self.trainable_params + other.trainable_params,
            self.param_bytes + other.param_bytes,
            self.buffer_bytes + other.buffer_bytes,
            self.macs + other.macs,
            self.vector + other.vector,
            self.output_bytes + other.output_bytes,
            self.unknown or other.unknown,
            self.unseen or other.unseen,
            other.machine if self.machine is None else self.machine.plus(other.machine),
            self.saved if other.saved is None else other.saved + (self.saved or 0),
            self.live if other.live is None else max(other.live, self.live or 0),
            self.peak if other.peak is None else max(other.peak, self.peak or 0),
            other.rank if self.rank is None else self.rank.plus(other.rank),
        )

    def __bool__(self) -> bool:
        rest = self._replace(machine=None, live=None, peak=None, rank=None)
        return bool(self.machine) or bool(self.rank) or rest not in (NOTHING, _SAVES_NOTHING)

    @property
    def flops(self) -> int:
        """2 x MACs."""
        return 2 * self.macs

    @property
    def time(self) -> float | None:
        """Seconds in a step, forward and backward; None where nothing was measured."""
        found = self._measured
        return None if found is None else found.forward + found.backward

    @property
    def forward_time(self) -> float | None:
        """The forward's part of `time`."""
        return None if self._measured is None else self._measured.forward

    @property
    def backward_time(self) -> float | None:
        """The backward's part of `time`."""
        return None if self._measured is None else self._measured.backward

    @property
    def kernels(self) -> float | None:
        """Pieces of work a step; None where nothing was measured."""
        return None if self._measured is None else self._measured.kernels

    @property
    def _measured(self) -> OnMachine | None:
        return self.machine if self.machine is not None and self.machine.measured else None

    @property
    def moved_bytes(self) -> int | None:
        """Bytes that the forward must move; None in a report that knows of no machine."""
        return None if self.machine is None else self.machine.moved_bytes

    @property
    def bound(self) -> float | None:
        """Seconds that the forward takes at least; None where that is not known of all in it."""
        return self.machine.bound if self.machine is not None and self.machine.bounded else None

    @property
    def flops_per_second(self) -> float | None:
        """FLOPs of the forward in each second of it; 0 without any, None where they are not known."""
        return self._flops_in(self.forward_time)

    @property
    def intensity(self) -> float | None:
        """FLOPs for each byte that must be moved; 0 without any, None where they are not known."""
        return self._flops_in(self.moved_bytes)

    def _flops_in(self, under: float | None) -> float | None:
        return None if self.unknown else ratio(self.flops, under) if self.macs else 0

    @property
    def global_macs(self) -> int | None:
        """MACs of the row undivided; None where not known, or without ranks."""
        return None if self.rank is None else self.rank.global_macs

    @property
    def backward_macs(self) -> int | None:
        """MACs of the rank in the backward; None where not known, or none was run."""
        return None if self.rank is None else self.rank.backward_macs

    @property
    def rank_share(self) -> float | None:
        """macs / global_macs; 0 where there is no work to share."""
        if self.rank is not None and self.global_macs == 0:
            return 0
        return None if self.unknown else ratio(self.macs, self.global_macs)

    @property
    def wire_bytes(self) -> int | None:
        """Bytes that the rank sends in a step; None without ranks."""
        return None if self.rank is None else wire_bytes(self.rank.traffic)

    @property
    def collectives(self) -> dict[str, int]:
        """`wire_bytes` by what is done along which axis."""
        return {} if self.rank is None else by_collective(self.rank.traffic)

    @property
    def efficiency(self) -> float | None:
        """bound / forward_time; 0 where nothing bounds it."""
        return ratio(self.bound, self.forward_time) if self.bound else 0


NOTHING: Final = Own()
_SAVES_NOTHING: Final = Own(saved=0)


def all_of(report: Report) -> list[Own]:
    """What is the own of each row."""
    layers = report.layers
    if report.ranks is None:
        ranks: list[OnRank | None] = [None] * len(layers)
    else:
        inner = children_of(layers)
        ranks = [
            OnRank.of(layer, [layers[child] for child in inside])
            for layer, inside in zip(layers, inner, strict=True)
        ]
    return [
        Own.of(layer, unknown, rank)
        for layer, unknown, rank in zip(layers, own_unknown(report), ranks, strict=True)
    ]
