"""What several ranks took for a step together: each one's time, and that of their collectives.

A collective is over when the last rank has come to it. So its transfer is what the last to come took, and
what another took longer is the time for which it waited: its skew. No clocks are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# What nccl-tests multiply bytes over seconds with, so that the figure can be held against a link's:
# the name -> (times n - 1, over n), of n ranks.
_TIMES: Final[dict[str, float]] = {
    "all_reduce": 2.0,
    "all_gather": 1.0,
    "reduce_scatter": 1.0,
    "all_to_all": 1.0,
    "gather": 1.0,
    "scatter": 1.0,
}


def bus_factor(collective: str, ranks: int) -> float:
    """Bytes on the bus for each byte of the buffer: 2(n-1)/n of an all_reduce, 1 of a broadcast."""
    times = _TIMES.get(collective)
    return 1.0 if times is None else times * (ranks - 1) / ranks


@dataclass(frozen=True, slots=True)
class MeasuredRank:
    """One rank's step. Times are seconds in a step.

    host, target, name:
        where it ran: its machine, torch's name of the device, and its maker's.
    seconds:
        the median of its steps, all of which all ranks began at once.
    transfer, skew:
        in collectives: the time that these take, and that of waiting for ranks that had not come.
    delayed:
        for how long others waited for this one.
    """

    rank: int
    host: str
    target: str
    name: str
    seconds: float
    transfer: float = 0.0
    skew: float = 0.0
    delayed: float = 0.0

    @property
    def busy(self) -> float:
        """What is left of its step without the waiting, which another pass found."""
        return max(self.seconds - self.skew, 0.0)


@dataclass(frozen=True, slots=True)
class MeasuredCollective:
    """Collectives of one kind in groups of one size along one axis, of one rank in a step.

    collective, phase:
        as of `report.ranks.Traffic`.
    axis:
        of the mesh; "" for a group that lies along none.
    ranks:
        in a group.
    buffer_bytes:
        of all calls, each the whole buffer; of the rank that has the most.
    transfer:
        seconds in a step, the mean of the ranks that take part; None where that was not timed.
    skew:
        of each rank of the world: seconds in a step for which it waited for others.
    """

    collective: str
    axis: str
    ranks: int
    phase: str
    calls: int
    buffer_bytes: int
    transfer: float | None
    skew: tuple[float, ...]

    @property
    def bus_bandwidth(self) -> float | None:
        """Bytes/s as nccl-tests define it, of the transfer alone; None where nothing was moved or timed."""
        if not self.transfer or not self.buffer_bytes:
            return None
        return self.buffer_bytes * bus_factor(self.collective, self.ranks) / self.transfer

    @property
    def most_skew(self) -> float:
        """Of the rank that waited longest."""
        return max(self.skew, default=0.0)


@dataclass(frozen=True, slots=True)
class MeasuredRanks:
    """All ranks of a profile.

    backend:
        what moves the bytes, as torch calls it ("gloo", "nccl").
    ranks:
        all of them, in order.
    collectives:
        of a pass of its own, one after the other.
    steps:
        of that pass; 0 where there was none.
    """

    backend: str
    ranks: tuple[MeasuredRank, ...]
    collectives: tuple[MeasuredCollective, ...] = ()
    steps: int = 0

    @property
    def slowest(self) -> MeasuredRank:
        """The rank that is busy longest: where all wait for each other, their steps are alike."""
        return max(self.ranks, key=lambda rank: rank.busy)

    @property
    def imbalance(self) -> float:
        """How long the slowest is busy over the mean, less 1."""
        mean = sum(rank.busy for rank in self.ranks) / len(self.ranks)
        return self.slowest.busy / mean - 1 if mean else 0.0

    @property
    def awaited(self) -> MeasuredRank | None:
        """The rank for which others wait longest; None where nobody waits."""
        most = max(self.ranks, key=lambda rank: rank.delayed)
        return most if most.delayed else None
