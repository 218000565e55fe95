"""Which part of the input each position along one axis sees: exact, and unclipped by borders.

Convolutions repeat themselves: position `i + period` sees what position `i` sees, `step` input pixels
further on. So a period's worth of intervals says everything, also of strides undone by transposed
convolutions and of resampling by any ratio, where neighbours see windows of different size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Final, Literal, NamedTuple

# First and last input pixel, both seen; None for a position that sees none.
Interval = tuple[int, int] | None
Sampling = Literal[
    "nearest", "nearest-exact", "linear", "linear-aligned", "cubic", "cubic-aligned", "adaptive"
]

# Work that no real network asks for: taps times positions.
_MOST: Final = 200_000


class Unknown(Exception):
    """The receptive field cannot be told from what was recorded."""


class Spans(NamedTuple):
    """Position `q * len(phases) + r` sees `phases[r]`, moved on by `q * step` input pixels."""

    step: int
    phases: tuple[Interval, ...]

    @property
    def jump(self) -> Fraction:
        """Input pixels from one position to the next, on average."""
        return Fraction(self.step, len(self.phases))

    @property
    def widest(self) -> int:
        """The largest side of a window."""
        return max((span[1] - span[0] + 1 for span in self.phases if span is not None), default=0)

    @property
    def start(self) -> int | None:
        """The first pixel of the first position's window; negative where padding lies before the input."""
        return next((span[0] for span in self.phases if span is not None), None)

    def at(self, position: int) -> Interval:
        """What a position sees; beyond the border, too."""
        turns, phase = divmod(position, len(self.phases))
        span = self.phases[phase]
        return None if span is None else (span[0] + turns * self.step, span[1] + turns * self.step)

    def taken(self, stride: int, offset: int) -> Spans:
        """Of the positions `stride * i + offset` only."""
        if stride == 1 and offset == 0:
            return self
        return self.window(1, stride, 1, -offset)

    def window(self, size: int, stride: int, dilation: int, padding: int) -> Spans:
        """After a convolution or a pool: the hull of `size` taps from `stride * i - padding` on."""
        period = len(self.phases)
        if period == 1 and self.step >= 0 and (span := self.phases[0]) is not None:
            low = span[0] - padding * self.step
            high = span[1] + ((size - 1) * dilation - padding) * self.step
            return Spans(self.step * stride, ((low, high),))
        turns = period // math.gcd(period, stride)
        _refuse_beyond(turns * size)
        phases = tuple(
            _hull(self.at(i * stride - padding + tap * dilation) for tap in range(size)) for i in range(turns)
        )
        return _reduced(Spans(self.step * stride * turns // period, phases))

    def transposed(self, size: int, stride: int, dilation: int, padding: int) -> Spans:
        """After a transposed convolution, where position j reaches `stride * j - padding + dilation * tap`.

        Position i thus sees every j with a tap for which `i + padding - dilation * tap` is `stride * j`.
        """
        turns = stride * len(self.phases)
        _refuse_beyond(turns * size)
        phases = tuple(
            _hull(
                self.at((i + padding - dilation * tap) // stride)
                for tap in range(size)
                if (i + padding - dilation * tap) % stride == 0
            )
            for i in range(turns)
        )
        return _reduced(Spans(self.step, phases))

    def resampled(self, ratio: Fraction, sampling: Sampling) -> Spans:
        """After interpolation or adaptive pooling; `ratio` is positions before by positions after."""
        before, after = ratio.numerator, ratio.denominator
        repeats = len(self.phases) // math.gcd(len(self.phases), before)
        turns = after * repeats
        _refuse_beyond(turns * 4)
        phases = tuple(_hull(self.at(j) for j in _sources(i, ratio, sampling)) for i in range(turns))
        return _reduced(Spans(self.step * before * repeats // len(self.phases), phases))

    def united(self, other: Spans) -> Spans:
        """Both windows of every position. Their jumps must be equal."""
        if len(self.phases) == len(other.phases) == 1:
            return Spans(self.step, (_hull((self.phases[0], other.phases[0])),))
        period = math.lcm(len(self.phases), len(other.phases))
        _refuse_beyond(period)
        phases = tuple(_hull((self.at(i), other.at(i))) for i in range(period))
        return _reduced(Spans(self.step * period // len(self.phases), phases))


PIXELS: Final = Spans(1, ((0, 0),))


def _hull(spans: Iterable[Interval]) -> Interval:
    found = [span for span in spans if span is not None]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def _sources(i: int, ratio: Fraction, sampling: Sampling) -> range:
    """The positions that position `i` is made from. A weight of exactly zero sees nothing."""
    if sampling == "nearest":
        return _only(math.floor(i * ratio))
    if sampling == "nearest-exact":
        return _only(math.floor((i + Fraction(1, 2)) * ratio))
    if sampling == "adaptive":
        return range(math.floor(i * ratio), math.ceil((i + 1) * ratio))
    aligned = sampling.endswith("-aligned")
    place = i * ratio if aligned else (i + Fraction(1, 2)) * ratio - Fraction(1, 2)
    below = math.floor(place)
    if place == below:
        return _only(below)
    return range(below, below + 2) if sampling.startswith("linear") else range(below - 1, below + 3)


def _only(position: int) -> range:
    return range(position, position + 1)


def _reduced(spans: Spans) -> Spans:
    """With the shortest period that says the same."""
    period = len(spans.phases)
    for shorter in range(1, period):
        if period % shorter or spans.step * shorter % period:
            continue
        candidate = Spans(spans.step * shorter // period, spans.phases[:shorter])
        if all(candidate.at(i) == span for i, span in enumerate(spans.phases)):
            return candidate
    return spans


def _refuse_beyond(work: int) -> None:
    if work > _MOST:
        raise Unknown("positions see windows that repeat too seldom")
