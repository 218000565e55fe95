"""Statistics of raw samples. What was measured in turns is compared pair by pair."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Samples:
    """Raw samples of one quantity, in the order in which they were taken."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("no samples")

    @classmethod
    def of(cls, values: Iterable[float]) -> Samples:
        """Samples of these values."""
        return cls(tuple(values))

    @property
    def median(self) -> float:
        """The middle one, or the mean of the two in the middle."""
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        """The smallest."""
        return min(self.values)

    @property
    def most(self) -> float:
        """The largest."""
        return max(self.values)

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Samples of two contestants that took turns: `ours.values[i]` ran beside `theirs.values[i]`."""

    ours: Samples
    theirs: Samples

    def __post_init__(self) -> None:
        if len(self.ours) != len(self.theirs):
            raise ValueError(f"{len(self.ours)} samples cannot be paired with {len(self.theirs)}")

    @property
    def speedups(self) -> Samples:
        """Theirs / ours, pair by pair: how many times as fast ours is."""
        return Samples.of(b / a for a, b in zip(self.ours.values, self.theirs.values, strict=True))

    @property
    def best(self) -> float:
        """Theirs / ours of the quickest of each: what a busy machine disturbs least."""
        return self.theirs.least / self.ours.least

    @property
    def cost(self) -> float:
        """Ours / theirs of the medians: how many times as long ours takes."""
        return self.ours.median / self.theirs.median


def geometric_mean(ratios: Iterable[float]) -> float:
    """The mean to give of ratios: it is the same from either side."""
    logs = [math.log(ratio) for ratio in ratios]
    return math.exp(statistics.fmean(logs))
