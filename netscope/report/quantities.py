"""What of a network can be compared and limited: one list for diff, compare, budgets and their help.

A quantity is a key, what it is called, and how to read it from a report and from a layer. A value that
is not known is None, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple

from netscope.base.suggest import look_up
from netscope.report import partial
from netscope.report.layer import Layer
from netscope.report.report import Report

Number = int | float


class Quantity(NamedTuple):
    """One number that a whole network has, and often each layer too.

    key:
        as in JSON, on the command line and, mostly, the attribute of `Report` and `Layer`.
    kind:
        how it reads: "count" exactly, "metric" in K/M/G, "bytes" in KiB/MiB/GiB, "seconds" in ms, "rate" in
        K/M/G a second.
    of_report:
        the whole network's; None when it is not known.
    of_layer:
        a layer's with everything inside it; None for a quantity that only a whole network has.
    follows:
        the key of a quantity that it mostly changes with; it is told of by default only where it does not.
    at_least:
        a lower bound for a layer of a report, the root for the whole network, where the value is not known.
    of:
        what must be asked for to have it: "profile" or "memory"; "network" for nothing more than a trace,
        "ranks" for that of a rank of many.
    """

    key: str
    title: str
    kind: Literal["count", "metric", "bytes", "seconds", "rate"]
    help: str
    of_report: Callable[[Report], Number | None]
    of_layer: Callable[[Layer], Number | None] | None = None
    follows: str = ""
    at_least: Callable[[Report, Layer], Number] | None = None
    of: Literal["network", "profile", "memory", "ranks"] = "network"


class Delta(NamedTuple):
    """A quantity before and after; None where it is not known, or there is no such layer."""

    before: Number | None
    after: Number | None

    @property
    def change(self) -> Number | None:
        """after - before, in base units."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def ratio(self) -> float | None:
        """The change as a part of what was before; None when that is not known, or was 0."""
        change = self.change
        return None if change is None or not self.before else change / self.before


def _counted_vector(report: Report, layer: Layer) -> Number:
    return sum(row.own_vector.total for row in _within(report, layer))


def _counted_output_bytes(report: Report, layer: Layer) -> Number:
    return sum(row.own_output_bytes for row in _within(report, layer))


def _within(report: Report, layer: Layer) -> Iterator[Layer]:
    """The row and all rows inside it."""
    inside = f"{layer.path}." if layer.path else ""
    return (row for row in report.layers if row is layer or row.path.startswith(inside))


def _made(of_report: Callable[[Report], int]) -> Callable[[Report], int | None]:
    """A figure of parameters or buffers, which is not known while lazy layers have not made theirs."""
    return lambda report: None if partial.unmade(report) else of_report(report)


QUANTITIES: Final[tuple[Quantity, ...]] = (
    Quantity("params", "params", "count", "elements of unique parameter tensors",
             _made(lambda r: r.params), lambda x: x.params, at_least=lambda _, x: x.params),
    Quantity("trainable_params", "trainable", "count", "the part of params that requires a gradient",
             _made(lambda r: r.trainable_params), lambda x: x.trainable_params, follows="params",
             at_least=lambda _, x: x.trainable_params),
    Quantity("macs", "MACs", "metric", "multiply-accumulates of contractions",
             lambda r: r.macs, lambda x: x.macs, at_least=lambda _, x: x.counted_macs),
    Quantity("flops", "FLOPs", "metric", "2 × MACs",
             lambda r: r.flops, lambda x: x.flops, follows="macs", at_least=lambda _, x: 2 * x.counted_macs),
    Quantity("vector", "vector ops", "metric", "arithmetic outside contractions",
             lambda r: None if r.vector is None else r.vector.total,
             lambda x: None if x.vector is None else x.vector.total,
             follows="macs", at_least=_counted_vector),
    Quantity("output_bytes", "outputs", "bytes", "new memory that layers returned",
             lambda r: r.output_bytes, lambda x: x.output_bytes, at_least=_counted_output_bytes),
    Quantity("param_bytes", "param mem", "bytes", "bytes that the parameters take",
             _made(lambda r: r.param_bytes), lambda x: x.param_bytes, follows="params",
             at_least=lambda _, x: x.param_bytes),
    Quantity("buffer_bytes", "buffer mem", "bytes", "bytes that the buffers take",
             _made(lambda r: r.buffer_bytes), lambda x: x.buffer_bytes, follows="params",
             at_least=lambda _, x: x.buffer_bytes),
    Quantity("weight_layers", "weight layers", "count", "convolutions + linears",
             lambda r: r.weight_layers, follows="params",
             at_least=lambda r, _: sum(r.weight_layer_counts.values())),
    Quantity("wire_bytes", "on the wire", "bytes", "bytes that a rank of many sends in a step",
             lambda r: r.wire_bytes, lambda x: x.wire_bytes, of="ranks"),
    Quantity("latency", "latency", "seconds", "median time of a step, measured",
             lambda r: r.latency, of="profile"),
    Quantity("throughput", "samples/s", "rate", "samples a second, measured",
             lambda r: r.throughput, of="profile"),
    Quantity("peak_memory", "peak mem", "bytes", "memory of a step beyond weights and inputs, measured",
             lambda r: r.peak_memory, of="profile"),
    Quantity("inference_peak", "inference peak", "bytes", "activations alive at most in a forward, predicted",
             lambda r: r.inference_peak, of="memory"),
    Quantity("saved_for_backward", "saved", "bytes", "what autograd keeps when a forward is over, predicted",
             lambda r: r.saved_for_backward, lambda x: x.saved, of="memory"),
    Quantity("training_peak", "training peak", "bytes", "all that is alive at most in a step, predicted",
             lambda r: r.training_peak, of="memory"),
    Quantity("kv_bytes_per_token", "KV a token", "bytes", "a decoder's cache for each token of a sequence",
             lambda r: r.kv_bytes_per_token, of="memory"),
)  # fmt: skip

BY_KEY: Final[dict[str, Quantity]] = {quantity.key: quantity for quantity in QUANTITIES}


# Those that a step of training has.
OF_CACHE: Final = "kv_bytes_per_token"
OF_TRAINING: Final = frozenset({"saved_for_backward", "training_peak"})


def find(key: str) -> Quantity:
    """The quantity of that key.

    Raises:
        UsageError: there is none; the hint names the nearest ones.
    """
    return look_up(key, BY_KEY, "quantity", "quantities")
