"""What a network is and costs: a `Report` of `Layer` rows and their totals. Frozen, no torch needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import cached_property
from os import PathLike
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from netscope.base.answer import Answer
from netscope.base.cost import NO_VECTOR_OPS, VectorOps
from netscope.base.units import ratio
from netscope.report.layer import UNCALLED, Late, Layer, Tensor

if TYPE_CHECKING:
    from typing import Protocol

    from netscope.report.flow import Flow
    from netscope.report.measured.events import Event
    from netscope.report.measured.links import Busiest, Load
    from netscope.report.measured.timing import Roof, Timing
    from netscope.report.memory import Memory, Moment
    from netscope.report.misfits import Misfit
    from netscope.report.ranks import Ranks, Traffic
    from netscope.trace.facts import Trace
    from netscope.trace.step.facts import Step

    class Sends(Protocol):
        """What has traffic: a row's `LayerRank`, or what is a row's own."""

        @property
        def traffic(self) -> tuple[Traffic, ...]:
            """What it sends."""


SCHEMA_VERSION: Final = 3

# Worked out when they are first read.
_LATE: Final = frozenset({"misfits", "flow"})
# Of a field that the store leaves out.
UNSAVED: Final = MappingProxyType({"saved": False})


@dataclass(frozen=True, kw_only=True, repr=False)
class Report(Answer):
    """A network at one input: its rows in preorder, execution order among siblings.

    `report["features.0"]` is a row; `report.layers[0]` is the root, whose inclusive figures are the
    totals. `environment` holds versions; `timing` is None for a report that was not measured, `roof` for
    one that was held against no machine, `memory` where its memory was not asked for, `ranks` for a
    network that is not divided among many.

    misfits:
        windows that do not fit what they move over; None where nobody looked, as in a file of an older
        netscope. They are looked for when they are first asked for.
    flow:
        which module and operator reads what which other one made; None in a file of an older netscope. It is
        worked out when it is first asked for, and no part of a comparison.
    facts:
        the trace that it was made from; None for a report that came from a file.
    events:
        all that ran in a profile's instrumented pass; None for another report, or one from a file.

    step:
        that of which `memory` is; None for another report, or one from a file.

    Those three are part of a report as long as it lives: copies have them, files and comparisons do not.
    """

    name: str
    source: str
    layers: tuple[Layer, ...]
    description: str = ""
    inputs: tuple[Tensor, ...] = ()
    training: bool = False
    rung: str = "meta"
    rung_reason: str = ""
    trace_seconds: float = 0.0
    error: str | None = None
    error_path: str = ""
    notes: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    timing: Timing | None = None
    roof: Roof | None = None
    memory: Memory | None = None
    ranks: Ranks | None = None
    misfits: tuple[Misfit, ...] | None = Late()  # type: ignore[assignment]
    flow: Flow | None = field(default=Late(), compare=False)  # type: ignore[assignment]
    schema_version: int = SCHEMA_VERSION
    facts: Trace | None = field(default=None, compare=False, metadata=UNSAVED)
    events: tuple[Event, ...] | None = field(default=None, compare=False, metadata=UNSAVED)
    step: Step | None = field(default=None, compare=False, metadata=UNSAVED)

    def but(self, **changed: Any) -> Report:
        """The same report with other values of some fields; what is to be worked out later still is.

        Raises:
            TypeError: there is no field of such a name.
        """
        places = {spec.name: f"_{spec.name}" if spec.name in _LATE else spec.name for spec in fields(self)}
        if strange := changed.keys() - places.keys():
            raise TypeError(f"a report has no {', '.join(sorted(strange))}")
        kept = {place: self.__dict__[place] for place in places.values()}
        copy = object.__new__(Report)
        copy.__dict__.update(kept | {places[name]: value for name, value in changed.items()})
        return copy

    def __repr__(self) -> str:
        """Short: a debugger or an assertion would else print every layer."""
        return f"<Report of {self.name}: {len(self.layers):,} layers, {self.params:,} params>"

    @cached_property
    def _by_path(self) -> dict[str, Layer]:
        return {layer.path: layer for layer in self.layers}

    def __getitem__(self, path: str) -> Layer:
        """The row of that qualified name.

        Raises:
            KeyError: there is none; the message names the nearest ones.
        """
        try:
            return self._by_path[path]
        except (KeyError, TypeError):
            from netscope.base.suggest import nearest

            close = nearest(str(path), self._by_path)
            also = f" Did you mean {', '.join(map(repr, close))}?" if close else ""
            raise KeyError(f"{self.name} has no layer {path!r}.{also}") from None

    def __contains__(self, path: object) -> bool:
        return path in self._by_path

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    @property
    def root(self) -> Layer:
        """The row of the whole network."""
        return self.layers[0]

    @property
    def knows_machine(self) -> bool:
        """Whether it was measured, or held against a machine."""
        return self.timing is not None or self.roof is not None

    @property
    def params(self) -> int:
        """Elements of unique parameter tensors."""
        return self.root.params

    @property
    def trainable_params(self) -> int:
        """The part of `params` with `requires_grad`."""
        return self.root.trainable_params

    @property
    def frozen_params(self) -> int:
        """The part of `params` without `requires_grad`."""
        return self.params - self.trainable_params

    @property
    def param_bytes(self) -> int:
        """Bytes that the parameters take as stored."""
        return self.root.param_bytes

    @property
    def state_bytes(self) -> int:
        """Bytes of parameters and buffers."""
        return self.param_bytes + self.buffer_bytes

    @property
    def buffer_bytes(self) -> int:
        """Bytes that the buffers take."""
        return self.root.buffer_bytes

    @property
    def whole(self) -> bool:
        """Whether the forward ran to its end and the trace saw all of it."""
        return self.error is None and not self.root.unseen

    @property
    def macs(self) -> int | None:
        """Multiply-accumulates of contractions; None while anything is unknown."""
        return self.root.macs

    @property
    def counted_macs(self) -> int:
        """`macs` without what is unknown: a lower bound when there is any."""
        return self.root.counted_macs

    @property
    def flops(self) -> int | None:
        """2 x MACs."""
        return self.root.flops

    @property
    def vector(self) -> VectorOps | None:
        """Arithmetic outside contractions; None while anything is unknown."""
        return self.root.vector

    @cached_property
    def counted_vector(self) -> VectorOps:
        """`vector` without what is unknown: a lower bound when there is any."""
        total = NO_VECTOR_OPS
        for layer in self.layers:
            total += layer.own_vector
        return total

    @property
    def output_bytes(self) -> int | None:
        """Bytes of all layers' new outputs; None for a report that is not whole."""
        return self.root.output_bytes

    @cached_property
    def counted_output_bytes(self) -> int:
        """`output_bytes` of what was seen: a lower bound."""
        return sum([layer.own_output_bytes for layer in self.layers])

    @property
    def unknown(self) -> dict[str, int]:
        """{what: times} that nothing could count; empty is the goal. See `Layer.unknown`."""
        return self.root.unknown

    @property
    def unknown_calls(self) -> int:
        """Calls of operators that nothing could count."""
        return sum([calls for what, calls in self.unknown.items() if what not in self.root.unseen])

    @property
    def latency(self) -> float | None:
        """Seconds that a step takes, the median; None for a report that was not measured."""
        return None if self.timing is None else self.timing.median

    @property
    def throughput(self) -> float | None:
        """Samples a second; None for a report that was not measured."""
        return None if self.timing is None else self.timing.samples_per_second

    @property
    def peak_memory(self) -> int | None:
        """Bytes allocated at most during a step, over what was there before it; None where not measured."""
        return None if self.timing is None else self.timing.peak_memory

    @property
    def flops_per_second(self) -> float | None:
        """FLOPs of a step in each second of it, of a training step those of forward and backward.

        None where they are not known or were not measured.
        """
        if not self.training or self.timing is None:
            return self._a_second(self.flops)
        # A step is recorded as a trace is: neither sees what the other does not.
        macs = None if self.timing.work is None or self.root.unseen else self.timing.work.macs
        return None if macs is None else 2 * macs / self.timing.median

    @property
    def bytes_per_second(self) -> float | None:
        """Bytes that layers must move in each second of the forward; None where it was not measured."""
        return self._a_second(None if self.root.roof is None else self.root.roof.moved_bytes)

    def _a_second(self, amount: int | None) -> float | None:
        seconds = None if self.timing is None else self.timing.forward_seconds
        return None if amount is None or not seconds else amount / seconds

    @property
    def bound(self) -> float | None:
        """Seconds that a forward takes at least on the machine of `roof`; None where that is not known.

        Of a rank of many what it sends is taken to be sent while it computes: the longer of both.
        """
        busy = self.busiest_forward
        return self.rows_bound if busy is None else max(self.rows_bound or 0.0, busy.seconds)

    @property
    def rows_bound(self) -> float | None:
        """The sum of the bounds of its rows, each of arithmetic and memory: `bound` without links."""
        return None if self.root.roof is None else self.root.roof.seconds

    @property
    def step_bound(self) -> float | None:
        """Seconds that a rank's step of training takes at least; None where not known, or none was run.

        Of the backward only its products are counted, at the machine's peak, beside all that is sent.
        """
        if self.ranks is None or not self.ranks.trained:
            return None
        busy, computed = self.busiest(), self.step_work_bound
        return computed if busy is None else max(computed or 0.0, busy.seconds)

    @property
    def step_work_bound(self) -> float | None:
        """`step_bound` without links."""
        if self.ranks is None or self.roof is None or self.rows_bound is None or not self.ranks.trained:
            return None
        macs = self.ranks.own.backward_macs
        return self.ranks.microbatches * self.rows_bound + (ratio(2 * (macs or 0), self.roof.peak) or 0.0)

    def network_seconds(self, rank: Sends | None) -> float | None:
        """The least seconds of what that sends in a forward; None without links, or without their rates."""
        if self.ranks is None or self.roof is None or self.roof.links is None:
            return None
        sent = () if rank is None else rank.traffic
        found = self.busiest("forward", traffic=sent)
        if found is not None:
            return found.seconds
        return None if any(one.wire_bytes and one.phase == "forward" for one in sent) else 0.0

    def loads(self, *phases: str, traffic: tuple[Traffic, ...] | None = None) -> tuple[Load, ...]:
        """What the rank, or a row of it, sends by each link along each axis, in those phases or in all."""
        if self.ranks is None or self.roof is None or self.roof.links is None:
            return ()
        from netscope.report.measured.links import loads

        sent = self.ranks.own.traffic if traffic is None else traffic
        return loads(sent, self.ranks.mesh, self.roof.links, phases)

    def busiest(self, *phases: str, traffic: tuple[Traffic, ...] | None = None) -> Busiest | None:
        """The link that takes longest over that; None where nothing is sent, or no rate is known."""
        found = self.loads(*phases, traffic=traffic)
        if not found:
            return None
        from netscope.report.measured.links import busiest

        return busiest(found)

    @property
    def busiest_forward(self) -> Busiest | None:
        """The link that takes longest over a forward: of a pipeline that of one microbatch, as rows are."""
        rank = self.root.rank
        if self.ranks is None or self.ranks.microbatches == 1 or rank is None:
            return self.busiest("forward")
        return self.busiest("forward", traffic=rank.traffic)

    @property
    def efficiency(self) -> float | None:
        """The part of the forward's measured time that was necessary; None without times or a bound."""
        return None if self.timing is None else ratio(self.bound, self.timing.forward_seconds)

    @property
    def bounds(self) -> dict[str, float]:
        """{"compute": 0.8, "memory": 0.2}: the parts of the rows' bound by what limits them."""
        whole = self.rows_bound
        found: dict[str, float] = {}
        for layer in self.layers if whole else ():
            roof = layer.roof
            if whole and roof is not None and roof.limited_by is not None and roof.own_seconds is not None:
                found[roof.limited_by] = found.get(roof.limited_by, 0.0) + roof.own_seconds / whole
        return found

    @property
    def beats_roof(self) -> bool:
        """Whether a layer took less time than the machine is said to need for it."""
        return any(
            layer.roof is not None
            and layer.timing is not None
            and 0 < layer.timing.own.forward < (layer.roof.own_seconds or 0.0)
            for layer in self.layers
        )

    @property
    def fused(self) -> int:
        """Layers that ran inside a kernel of one around, so that their times cannot be told apart."""
        if self.timing is None or self.timing.reconciliation is None:
            return 0
        return sum([layer.timing is None for layer in self.layers])

    def share(self, macs: int) -> float | None:
        """The part that so many MACs are of those that could be counted; None if that is not the whole."""
        if not self.whole:
            return None
        return ratio(macs, self.counted_macs) if self.counted_macs or self.macs is None else 0.0

    def time_share(self, seconds: float | None) -> float | None:
        """The part that so many seconds are of all work of the forward and the backward."""
        parts = None if self.timing is None else self.timing.reconciliation
        return None if parts is None else ratio(seconds, parts.layers + parts.unattributed)

    def bound_share(self, seconds: float | None) -> float | None:
        """The part that so many seconds are of the bound of all rows."""
        return ratio(seconds, self.rows_bound)

    @cached_property
    def weight_layer_counts(self) -> dict[str, int]:
        """Distinct convolutions and linears that take part, by kind: {"conv": 5, "linear": 3}."""
        counts: dict[str, int] = {}
        for layer in self.layers:
            kind = layer.weight_kind
            if kind and layer.shared_with is None and layer.used:
                counts[kind] = counts.get(kind, 0) + 1
        return counts

    @property
    def weight_layers(self) -> int | None:
        """Convolutions + linears ("AlexNet is 8 layers: 5 + 3"); None where more may take part."""
        return sum(self.weight_layer_counts.values()) if self._all_calls_seen else None

    @property
    def _all_calls_seen(self) -> bool:
        return self.error is None and UNCALLED not in self.unknown

    @property
    def inference_peak(self) -> int | None:
        """Bytes alive at most in a forward, without parameters and buffers; None where not asked for."""
        return None if self.memory is None else self.memory.inference_peak

    @property
    def saved_for_backward(self) -> int | None:
        """Bytes that autograd keeps after a forward in training; None where not asked for."""
        return None if self.memory is None else self.memory.saved_for_backward

    @property
    def training_peak(self) -> int | None:
        """Bytes alive at most in a step of training, all included; None where not asked for."""
        return None if self.memory is None else self.memory.training_peak

    @property
    def kv_bytes_per_token(self) -> float | None:
        """Bytes of a decoder's cache for each token of a sequence; None where not asked for, or not known."""
        cache = None if self.memory is None else self.memory.cache
        return None if cache is None else cache.bytes_per_token

    @property
    def timeline(self) -> tuple[Moment, ...] | None:
        """What is alive when in the step, or else the forward; None where not asked for."""
        return None if self.memory is None else self.memory.step.timeline

    @property
    def wire_bytes(self) -> int | None:
        """Bytes that the rank sends in a step, at the least; None for a network that is not divided."""
        return None if self.ranks is None else self.ranks.own.wire_bytes

    @property
    def verb(self) -> str:
        """Its page: that of a summary, of a profile once it was measured, of a roofline, or of its memory."""
        if self.memory is not None:
            return "memory"
        return "profile" if self.timing is not None else "roofline" if self.roof is not None else "summary"

    def to_memory_snapshot(self, path: str | PathLike[str] | None = None) -> bytes:
        """A predicted step as torch's memory snapshot, for pytorch.org/memory_viz; also written to `path`.

        Raises:
            UsageError: the report has no step: it is no answer of `netscope.memory`, or was saved.
            StoreError: the file cannot be written.
        """
        made: bytes = self._export("snapshot", path)
        return made

    def to_chrome_trace(self, path: str | PathLike[str] | None = None) -> str:
        """A profile's instrumented pass as a Chrome trace, for Perfetto; also written to `path` when given.

        Raises:
            UsageError: the report has no events: it is no profile, or was saved.
            StoreError: the file cannot be written.
        """
        made: str = self._export("chrome", path)
        return made
