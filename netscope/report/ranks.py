"""One rank of many: what it holds, computes and sends, beside the whole network. Frozen, no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from netscope.base.units import ratio

Shape = tuple[int, ...]

# The parts of a step in which something is sent.
PHASES: Final = ("forward", "backward", "optimizer")


class Axis(NamedTuple):
    """One axis of a mesh of ranks, the outermost first.

    role:
        what is divided along it: "data" (every rank has a batch of its own), "model" (all have the same
        one, and divide the work) or "pipeline" (each has other layers).
    stride:
        from one rank along it to the next, in ranks of the world.
    """

    name: str
    size: int
    role: str
    stride: int

    @property
    def reach(self) -> int:
        """How many ranks of the world its groups stretch over."""
        return (self.size - 1) * self.stride + 1


class Part(NamedTuple):
    """A tensor of which a rank has a part.

    name:
        of a parameter; "" for a result.
    shape, local_shape:
        of the whole, and of what this rank has.
    placements:
        on each axis that it is laid out on: {"dp": "S(0)", "tp": "R"}; "S" is sharded along a dimension, "R"
        replicated, "P" partial sums.
    """

    name: str
    shape: Shape
    local_shape: Shape
    placements: dict[str, str]


class Traffic(NamedTuple):
    """Collectives of one kind along one axis, of one rank in one step.

    collective:
        "all_gather", "reduce_scatter", "all_reduce", "all_to_all", "broadcast", "gather", "scatter",
        "reduce", "send", "recv" or "barrier".
    axis:
        the axis of the mesh that its group lies along, several joined by "+"; "" for a group that is none.
    ranks:
        in the group.
    reach:
        how many ranks of the world the group stretches over, from its first to its last.
    phase:
        of `PHASES`.
    buffer_bytes:
        of all calls, each the whole buffer: what an all_gather makes, a reduce_scatter or all_to_all is
        given, an all_reduce or broadcast is done on.
    wire_bytes:
        what the rank sends of it, at the least: (n-1)/n of the buffer, twice that for an all_reduce.
    """

    collective: str
    axis: str
    ranks: int
    reach: int
    phase: str
    calls: int
    buffer_bytes: int
    wire_bytes: int


class LayerRank(NamedTuple):
    """What a rank has of one row.

    parameters:
        those of the row that are divided, or lie on a mesh.
    output:
        the first tensor that it returned, where that is one of many; None for a tensor of the rank's own.
    global_macs:
        of the row undivided, on the same input; None where that is not known.
    backward_macs:
        of the rank in the backward; None where not known, or none was run.
    global_backward_macs:
        the same undivided; None but of stages of a pipeline, as of other networks it is not run.
    traffic:
        of the row with everything in it; `own_traffic` of it alone.
    """

    parameters: tuple[Part, ...] = ()
    output: Part | None = None
    global_macs: int | None = None
    backward_macs: int | None = None
    global_backward_macs: int | None = None
    traffic: tuple[Traffic, ...] = ()
    own_traffic: tuple[Traffic, ...] = ()


class RankKind(NamedTuple):
    """Ranks that are alike: they have the same shapes, and so the same figures.

    ranks:
        all of them, in order; one of them was traced.
    stage:
        that of a pipeline that they have, the first of several; None without one.
    params, param_bytes:
        of what one holds at rest.
    macs, backward_macs:
        None where something was not known.
    peak:
        bytes alive at most in the step; None where not asked for.
    traffic:
        of the step.
    stages:
        all that they have, where these are several.
    """

    ranks: tuple[int, ...]
    stage: int | None
    params: int
    param_bytes: int
    macs: int | None
    backward_macs: int | None
    peak: int | None
    traffic: tuple[Traffic, ...]
    stages: tuple[int, ...] = ()

    @property
    def wire_bytes(self) -> int:
        """All that one sends."""
        return wire_bytes(self.traffic)


class Repeated(NamedTuple):
    """Work that several ranks do alike, each the whole of it.

    path:
        of the row that does it itself.
    axis:
        along which it is repeated.
    times:
        how often it is done for once.
    macs:
        of it, in a forward, on each rank.
    """

    path: str
    axis: str
    times: int
    macs: int


class Implicit(NamedTuple):
    """A redistribution that nobody wrote: an operator was given tensors laid out as it cannot take them.

    path:
        of the row in which it happened.
    operator:
        for which it was done.
    before, after:
        placements, as "S(0), R".
    times, buffer_bytes:
        how often, and of whole buffers.
    """

    path: str
    operator: str
    before: str
    after: str
    times: int
    buffer_bytes: int


class Bubble(NamedTuple):
    """How long the ranks of a pipeline wait, by the order of its schedule and the MACs of its stages.

    schedule:
        its class.
    microbatches:
        in a step.
    idle:
        the part of the step in which each rank of the pipeline does nothing, transfers taken to be free.
    """

    schedule: str
    microbatches: int
    idle: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """The ranks of a report.

    mesh:
        its axes; empty for a module that lies on none.
    world:
        how many ranks there are.
    rank, coordinates:
        whose figures the rows have.
    trained:
        whether a backward was run; else the figures are those of a forward.
    kinds:
        all ranks by what they have, by rank; only the report's own where no other was asked for.
    repeated:
        what several ranks do alike.
    implicit:
        redistributions that nobody wrote.
    bubble:
        of a pipeline; None without one, or without a schedule.
    microbatches:
        in a step of a pipeline. Rows have the figures of one, kinds of ranks those of the step.
    """

    mesh: tuple[Axis, ...]
    world: int
    rank: int
    coordinates: tuple[int, ...]
    trained: bool
    kinds: tuple[RankKind, ...]
    repeated: tuple[Repeated, ...] = ()
    implicit: tuple[Implicit, ...] = ()
    bubble: Bubble | None = None
    microbatches: int = 1

    @property
    def own(self) -> RankKind:
        """The kind of the report's own rank."""
        return next(kind for kind in self.kinds if self.rank in kind.ranks)

    @property
    def whole(self) -> bool:
        """Whether every rank of the world is among the kinds."""
        return sum(len(kind.ranks) for kind in self.kinds) == self.world

    def total(self, values: Iterable[int | None]) -> int | None:
        """The sum over all ranks of a figure of each kind; None where one is unknown, or a rank missing."""
        known = list(values)
        if not self.whole or any(value is None for value in known):
            return None
        return sum(value * len(kind.ranks) for kind, value in zip(self.kinds, known, strict=True) if value)

    @property
    def macs(self) -> int | None:
        """Of all ranks together, in a forward."""
        return self.total(kind.macs for kind in self.kinds)


class Spread(NamedTuple):
    """How a figure is spread over ranks: `worst` is a rank that has the most."""

    least: int
    most: int
    worst: int
    imbalance: float | None


def spread(ranks: Ranks, values: Iterable[int | None]) -> Spread | None:
    """Of a figure of each kind; None where one is not known.

    `imbalance` is the most over the mean, less 1; None where all are 0.
    """
    known = list(values)
    if not known or any(value is None for value in known):
        return None
    pairs = [(value or 0, kind) for value, kind in zip(known, ranks.kinds, strict=True)]
    most, worst = max(pairs, key=lambda pair: pair[0])
    count = sum(len(kind.ranks) for _, kind in pairs)
    mean = ratio(sum(value * len(kind.ranks) for value, kind in pairs), count)
    over = None if not mean else most / mean - 1
    return Spread(min(value for value, _ in pairs), most, worst.ranks[0], over)


def wire_bytes(traffic: Iterable[Traffic], phase: str | None = None) -> int:
    """What is sent, in one phase or in all."""
    return sum(one.wire_bytes for one in traffic if phase in (None, one.phase))


def buffer_bytes(traffic: Iterable[Traffic], phase: str | None = None) -> int:
    """Of whole buffers, in one phase or in all."""
    return sum(one.buffer_bytes for one in traffic if phase in (None, one.phase))


def by_collective(traffic: Iterable[Traffic]) -> dict[str, int]:
    """What is sent, by what is done along which axis: {"all_reduce tp": 7_340_032}."""
    found: dict[str, int] = {}
    for one in traffic:
        key = f"{one.collective} {one.axis}".rstrip()
        found[key] = found.get(key, 0) + one.wire_bytes
    return found


def together(traffic: Iterable[Traffic]) -> tuple[Traffic, ...]:
    """Those of one kind, axis and phase as one."""
    found: dict[tuple[object, ...], Traffic] = {}
    for one in traffic:
        key = one.collective, one.axis, one.ranks, one.reach, one.phase
        before = found.get(key)
        found[key] = one if before is None else _sum(before, one)
    return tuple(found.values())


def _sum(one: Traffic, other: Traffic) -> Traffic:
    return one._replace(
        calls=one.calls + other.calls,
        buffer_bytes=one.buffer_bytes + other.buffer_bytes,
        wire_bytes=one.wire_bytes + other.wire_bytes,
    )


def coordinates_of(rank: int, mesh: Iterable[Axis]) -> tuple[int, ...]:
    """Where a rank is on each axis."""
    return tuple(rank // axis.stride % axis.size for axis in mesh)
