"""The figures that one row of a table adds to the totals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from netscope.cost import VectorOps
from netscope.report import Layer

NO_VECTOR: Final = VectorOps()


@dataclass(frozen=True, slots=True)
class Figures:
    """What one row of a table adds to the totals; the rows' `Figures` add up to them exactly.

    unknown:
        an operator of this row could not be counted, so `macs` and `vector` are lower bounds.
    """

    params: int = 0
    trainable_params: int = 0
    param_bytes: int = 0
    buffer_bytes: int = 0
    macs: int = 0
    vector: VectorOps = NO_VECTOR
    output_bytes: int = 0
    unknown: bool = False

    @classmethod
    def of(cls, layer: Layer, *, unknown: bool) -> Figures:
        """The figures that are the layer's own; `unknown` when an operator of its own was not counted."""
        counted = [p for p in layer.parameters if p.shared_with is None] if layer.own_params else []
        buffers = layer.buffers if layer.shared_with is None else ()
        return cls(
            params=layer.own_params,
            trainable_params=sum(p.numel for p in counted if p.trainable),
            param_bytes=sum(p.stored_bytes for p in counted),
            buffer_bytes=sum(b.stored_bytes for b in buffers if b.shared_with is None),
            macs=layer.own_macs,
            vector=layer.own_vector,
            output_bytes=layer.own_output_bytes,
            unknown=unknown,
        )

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            self.params + other.params,
            self.trainable_params + other.trainable_params,
            self.param_bytes + other.param_bytes,
            self.buffer_bytes + other.buffer_bytes,
            self.macs + other.macs,
            self.vector + other.vector,
            self.output_bytes + other.output_bytes,
            self.unknown or other.unknown,
        )

    def __bool__(self) -> bool:
        return self != NOTHING


NOTHING: Final = Figures()
