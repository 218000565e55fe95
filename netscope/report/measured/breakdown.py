"""Where the time of a step went: each layer, what belongs to none, idling, and whether that adds up."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LayerTime:
    """What one module took itself, without the modules inside it; means over the steps.

    forward, backward:
        seconds.
    forward_kernels, backward_kernels:
        pieces of work: kernels on a device, innermost operators on the host.
    """

    forward: float = 0.0
    backward: float = 0.0
    forward_kernels: float = 0.0
    backward_kernels: float = 0.0

    @property
    def seconds(self) -> float:
        """Both passes together."""
        return self.forward + self.backward


@dataclass(frozen=True, slots=True)
class Work:
    """Work of one name: how often a step, and how many seconds of it."""

    name: str
    calls: float
    seconds: float


@dataclass(frozen=True, slots=True)
class StepWork:
    """What the operators of one training step do, counted as they ran: what is computed twice counts twice.

    forward_macs, backward_macs:
        MACs of the contractions that could be counted.
    unknown:
        {operator: calls} that could not.
    """

    forward_macs: int
    backward_macs: int
    unknown: dict[str, int] = field(default_factory=dict)

    @property
    def macs(self) -> int | None:
        """Of both passes; None where an operator could not be counted."""
        return None if self.unknown else self.forward_macs + self.backward_macs


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """Where the time of a step went, in an instrumented pass; seconds, means over `steps` steps.

    layers:
        path -> that module's own time, so that all of them add up. "" is the network itself.
    unattributed:
        work of the forward and the backward that belongs to no layer, the longest first.
    optimizer:
        work of the optimizer, which has no layers.
    overlap:
        seconds that count more than once above, since work ran at the same time.
    span, busy:
        the step from its beginning to its end, and the part of it in which any work ran.
    on_device:
        whether the work ran on a device, whose times its host's instruments leave alone.
    lost:
        the share of the launches whose work the recording has not, in the steps that count.
    """

    layers: dict[str, LayerTime] = field(default_factory=dict)
    unattributed: tuple[Work, ...] = ()
    optimizer: float = 0.0
    overlap: float = 0.0
    span: float = 0.0
    busy: float = 0.0
    steps: int = 0
    on_device: bool = False
    lost: float = 0.0

    @property
    def in_layers(self) -> float:
        """Seconds of all layers."""
        return sum(layer.seconds for layer in self.layers.values())

    @property
    def unattributed_seconds(self) -> float:
        """Seconds that belong to no layer."""
        return sum(work.seconds for work in self.unattributed)

    @property
    def idle(self) -> float:
        """Seconds in which no work ran: on a device, it waited for the host; on the host, Python ran."""
        return self.span - self.busy

    @property
    def share(self) -> float | None:
        """The part of the forward's and backward's work that has a layer; None without any work."""
        total = self.in_layers + self.unattributed_seconds
        return self.in_layers / total if total else None

    def reconciled(self, end_to_end: float) -> Reconciliation:
        """This pass beside the uninstrumented time of a step.

        Instruments slow the host down and not the device: its idling in an instrumented step would be that
        of another step. So it is idle for what its work leaves of the uninstrumented one.
        """
        idle = max(end_to_end - self.busy, 0.0) if self.on_device else self.idle
        return Reconciliation(
            end_to_end,
            self.in_layers,
            self.unattributed_seconds,
            self.optimizer,
            self.overlap,
            idle,
            self.span,
        )


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """end_to_end = layers + unattributed + optimizer - overlap + idle + residual, in seconds a step.

    Times of work come from the instrumented pass. On the host, idling does too, and a residual below zero is
    mostly what the instruments cost themselves. On a device, idling is what its work leaves of `end_to_end`;
    a residual below zero says that the work took longer under the instruments than all of the step did.

    instrumented:
        how long a step was under the instruments; None where that was not kept.
    """

    end_to_end: float
    layers: float
    unattributed: float
    optimizer: float
    overlap: float
    idle: float
    instrumented: float | None = None

    @property
    def explained(self) -> float:
        """What all parts add up to."""
        return self.layers + self.unattributed + self.optimizer - self.overlap + self.idle

    @property
    def residual(self) -> float:
        """What is left, or too much."""
        return self.end_to_end - self.explained

    @property
    def shares(self) -> dict[str, float]:
        """The part that each place has of all that the pass found; empty when that is nothing."""
        parts = {
            "layers": self.layers,
            "unattributed": self.unattributed,
            "optimizer": self.optimizer,
            "idle": max(self.idle, 0.0),
        }
        whole = sum(parts.values())
        return {name: seconds / whole for name, seconds in parts.items()} if whole else {}
