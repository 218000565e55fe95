"""One axis of a plot: what of it is seen, where a value stands on it, and its round numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from netscope.show.page import Axis

# Round numbers that an axis has about.
_TICKS: Final = 5
_MOST: Final = 9
# Of what is seen, the share by which it goes on beyond the outermost values where it does not end at 0.
_BEYOND: Final = 0.04
# Fewer tens than this also have their 2 and 5.
_FEW: Final = 2.5


@dataclass(frozen=True, slots=True)
class Scale:
    """Values along an axis, from `low` to `high`, on pixels from `start` to `end`."""

    axis: Axis
    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value stands."""
        low, high = self.low, self.high
        if self.axis.log:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def shows(self, value: float) -> bool:
        """Whether a value has a place here: a logarithm knows nothing of 0."""
        return math.isfinite(value) and (value > 0 or not self.axis.log)

    def ticks(self) -> list[tuple[float, str]]:
        """Round numbers and their texts, each text once."""
        values = _of_log(self) if self.axis.log else _of_linear(self)
        slack = (self.high - self.low) * 1e-9
        seen: dict[str, float] = {}
        for value in values:
            if self.low - slack <= value <= self.high + slack:
                seen.setdefault(self.axis.text(value), value)
        return [(value, text) for text, value in seen.items()]


def scale_of(axis: Axis, values: Sequence[float], *, zero: bool) -> Scale:
    """The scale that shows all of these values, on pixels from 0 to 1.

    zero:
        whether a linear one shows 0 as well, so that lengths can be compared.
    """
    known = [value for value in values if math.isfinite(value) and (value > 0 or not axis.log)]
    low, high = (min(known), max(known)) if known else (1.0, 1.0)
    if axis.log:
        beyond = (high / low) ** _BEYOND if high > low else 2.0
        return Scale(axis, low / beyond, high * beyond, 0.0, 1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = (0.0, 2 * high) if high > 0 else (low - 1.0, high + 1.0)
    beyond = (high - low) * _BEYOND
    bottom = low if zero and low == 0 else low - beyond
    # Nothing that is counted or measured is below 0.
    bottom = max(bottom, 0.0) if low >= 0 else bottom
    return Scale(axis, bottom, high + beyond, 0.0, 1.0)


def _of_linear(scale: Scale) -> list[float]:
    step = _step((scale.high - scale.low) / _TICKS, binary=scale.axis.binary)
    first = math.ceil(scale.low / step - 1e-9)
    last = math.floor(scale.high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _step(least: float, *, binary: bool) -> float:
    """The round number that is at least so large."""
    if binary:
        return 2.0 ** math.ceil(math.log2(least))
    power = 10.0 ** math.floor(math.log10(least))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= least * (1 - 1e-9))


def _of_log(scale: Scale) -> list[float]:
    base = 2.0 if scale.axis.binary else 10.0
    lowest, highest = math.log(scale.low, base), math.log(scale.high, base)
    each = max(1, math.ceil((highest - lowest) / (_MOST - 1)))
    powers = range(each * math.floor(lowest / each), math.ceil(highest) + 1, each)
    between = (1, 2, 5) if base == 10 and highest - lowest < _FEW else (1,)
    return [times * base**power for power in powers for times in between]
