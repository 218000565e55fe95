"""What an operator costs on paper: multiply-accumulates, and vector arithmetic by kind."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple


class VectorOps(NamedTuple):
    """Arithmetic outside contractions, by kind: one per operation per element.

    `add` includes subtractions and negations, `div` square roots and remainders, `exp` every
    transcendental function (exp, log, erf, tanh, sin, pow), `cmp` comparisons, selections, minima and
    maxima.
    """

    add: int = 0
    mul: int = 0
    div: int = 0
    exp: int = 0
    cmp: int = 0

    @property
    def total(self) -> int:
        """All kinds together."""
        return self.add + self.mul + self.div + self.exp + self.cmp

    def __add__(self, other: VectorOps) -> VectorOps:  # type: ignore[override]
        return VectorOps(
            self.add + other.add,
            self.mul + other.mul,
            self.div + other.div,
            self.exp + other.exp,
            self.cmp + other.cmp,
        )

    def __mul__(self, times: int) -> VectorOps:  # type: ignore[override]
        return VectorOps(
            self.add * times, self.mul * times, self.div * times, self.exp * times, self.cmp * times
        )


NO_VECTOR_OPS: Final = VectorOps()


class Cost(NamedTuple):
    """The cost of one operator call.

    kind:
        "contraction" (has MACs), "vector" (arithmetic without them) or "free" (views, allocation,
        copies, metadata).
    causal_macs:
        for causal attention, the MACs of the half that is needed; None elsewhere.
    """

    kind: Literal["contraction", "vector", "free"]
    macs: int = 0
    vector: VectorOps = NO_VECTOR_OPS
    causal_macs: int | None = None


FREE = Cost("free")
