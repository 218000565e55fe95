"""Windows that do not fit what they move over: what a report keeps of them, in plain values."""

from __future__ import annotations

from typing import NamedTuple


class Side(NamedTuple):
    """A window along one dimension, as it was run.

    size:
        of the tensor that it moved over.
    padding:
        what the operator itself adds at each end.
    before:
        what is padding at the start of `size` already, put there earlier: so much at least.
    after:
        what is padding at its end already: so much at most.
    """

    name: str
    size: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    ceil: bool
    before: int = 0
    after: int = 0

    @property
    def extent(self) -> int:
        """What a window spans: the kernel with the gaps that dilation makes."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def unread(self) -> int:
        """What of the padded input lies behind the last window.

        A stride beyond the kernel leaves gaps on purpose, and ceil_mode adds a last window.
        """
        span = self.size + 2 * self.padding - self.extent
        if self.ceil or not 0 < self.stride <= self.extent or span < 0:
            return 0
        return span % self.stride

    @property
    def lost(self) -> int:
        """What of that is input and not padding."""
        return max(0, self.unread - self.padding - self.after)

    @property
    def shifted(self) -> bool:
        """Whether less padding is read at the end than at the start, so that windows sit off centre."""
        return self.padding + self.after - self.unread < self.padding + self.before

    @property
    def wide(self) -> bool:
        """Whether the outermost windows see more of the operator's padding than of anything else."""
        return 2 * self.padding > self.extent


class Misfit(NamedTuple):
    """Windows of one size and stride that some row runs and that do not fit.

    path:
        the row that ran the operator.
    read:
        another operator reads what these windows leave over, or the network returns it.
    cut:
        part of what they make is cut off again, as a causal convolution does with what it padded.
    """

    path: str
    sides: tuple[Side, ...]
    read: bool = False
    cut: bool = False
