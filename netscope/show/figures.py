"""The figures that one row of a table adds to the totals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from netscope.base.cost import VectorOps
from netscope.report.layer import Layer

NO_VECTOR: Final = VectorOps()


@dataclass(frozen=True, slots=True)
class MachineFigures:
    """The same of what was measured, or is bounded, on a machine.

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

    @property
    def seconds(self) -> float:
        """Both passes together."""
        return self.forward + self.backward

    @classmethod
    def of(cls, layer: Layer) -> MachineFigures | None:
        """The layer's own; None in a report that knows of no machine."""
        if layer.timing is None and layer.roof is None:
            return None
        figures: dict[str, Any] = {"measured": False, "bounded": False}
        if layer.timing is not None:
            own = layer.timing.own
            kernels = own.forward_kernels + own.backward_kernels
            figures |= {"forward": own.forward, "backward": own.backward, "kernels": kernels}
            figures["measured"] = True
        if layer.roof is not None:
            figures |= {"moved_bytes": layer.roof.own_moved_bytes, "bound": layer.roof.own_seconds or 0.0}
            figures["bounded"] = layer.roof.own_seconds is not None
        return cls(**figures)

    def plus(self, other: MachineFigures | None) -> MachineFigures:
        """Both together."""
        if other is None:
            return self
        return MachineFigures(
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


@dataclass(frozen=True, slots=True)
class Figures:
    """What one row of a table adds to the totals; the rows' `Figures` add up to them exactly.

    unknown:
        an operator of this row could not be counted, so `macs` and `vector` are lower bounds.
    machine:
        what it takes on a machine; None in a report that knows of none.
    """

    params: int = 0
    trainable_params: int = 0
    param_bytes: int = 0
    buffer_bytes: int = 0
    macs: int = 0
    vector: VectorOps = NO_VECTOR
    output_bytes: int = 0
    unknown: bool = False
    machine: MachineFigures | None = None

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
            machine=MachineFigures.of(layer),
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
            other.machine if self.machine is None else self.machine.plus(other.machine),
        )

    def __bool__(self) -> bool:
        if self.machine is None:
            return self != NOTHING
        return bool(self.machine) or replace(self, machine=None) != NOTHING


NOTHING: Final = Figures()
