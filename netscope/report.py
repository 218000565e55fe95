"""What a network is and costs: a `Report` of `Layer` rows. Frozen, raw base units, no torch needed.

Two kinds of figure stand side by side on a row. Plain names (`params`, `macs`, `vector`,
`output_bytes`) are inclusive: the layer with everything inside it. The `own_` names are the part that
belongs to this row and to no other, so the `own_` figures of all rows add up to the report's totals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

from netscope.cost import NO_VECTOR_OPS, VectorOps
from netscope.measured import LayerRoof, LayerTiming, Roof, Timing

if TYPE_CHECKING:
    import pandas

    from netscope.timing.events import Event
    from netscope.trace.facts import Trace

SCHEMA_VERSION: Final = 2

# The last component of the path of a row that holds a module's own functional work.
FUNCTIONAL: Final = "(functional)"

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One leaf of what goes into or comes out of a layer.

    place:
        where in the arguments or results: "" for a lone tensor, "0", "logits", "boxes.1".
    shape, dtype:
        None for a leaf that is no tensor; `opaque` then names its type ("Categorical", "int").
    """

    place: str
    shape: Shape | None
    dtype: str | None
    opaque: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter or buffer of a layer.

    shared_with:
        where the same storage was met first ("embed.weight"), for a tied or shared weight.
    stored_bytes:
        the bytes really kept, less than the shape says for packed (quantised) weights.
    """

    name: str
    shape: Shape
    dtype: str
    trainable: bool
    stored_bytes: int
    shared_with: str | None = None
    packed: bool = False

    @property
    def numel(self) -> int:
        """Number of (logical) elements."""
        count = 1
        for side in self.shape:
            count *= side
        return count


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the input that one position of a layer's output sees; one entry per spatial dimension.

    sides:
        of the receptive field in input pixels: everything that can have an influence, not clipped at
        borders. Of the largest one where branches, or neighbouring positions, see different amounts.
    start:
        the first pixel that the first position sees; negative where that lies in the padding.
    jump, largest_jump:
        input pixels from one position to the next (the effective stride): the smallest and the largest
        where branches disagree, else equal. None when no position is left.
    sees_all:
        every element depends on the whole map, as after global pooling, a linear layer over positions
        or attention. `sides` and `start` then are what all of it covers of the input.
    """

    sides: tuple[int, ...]
    start: tuple[int, ...]
    jump: tuple[float, ...] | None
    largest_jump: tuple[float, ...] | None
    sees_all: bool = False


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One row: a module at one place in the network, or a module's functional work.

    path:
        qualified name, "" for the root; "encoder.(functional)" for operators that `encoder` ran
        outside any submodule.
    type, base:
        its class, and the torch.nn class that it is or derives from ("" if none).
    kind:
        "module" or "functional".
    calls:
        times it was called in one forward; 0 for a module that never was.
    used:
        False for a module that was never called and whose parameters no operator read.
    shared_with:
        the path of the row that counts this module, when it is reached a second time by another name.
    operators:
        {operator: calls} that this row ran itself, not its children.
    macs, vector:
        inclusive over all calls; None when an operator within could not be counted (see `unknown`).
    counted_macs:
        the same without the unknown operators: a lower bound, never None.
    causal_macs:
        what `counted_macs` would be if causal attention were counted as the half it needs.
    output_bytes:
        bytes of new storages that its rows handed on; in-place results and views add none.
    window:
        what one position of the first tensor returned sees of the first image-like input; None where
        that is not known, or there is none. Worked out when it is first asked for.
    timing:
        what it took in a profile; None in other reports, and where its share of its parent's fused
        kernel cannot be told.
    roof:
        the least that it could take; None in reports that were held against no machine.
    """

    path: str
    type: str
    base: str = ""
    kind: str = "module"
    depth: int = 0
    calls: int = 1
    used: bool = True
    completed: bool = True
    registered: bool = True
    training: bool = False
    shared_with: str | None = None
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    detail: str = ""
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    buffers: tuple[Parameter, ...] = ()
    operators: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)

    params: int = 0
    trainable_params: int = 0
    param_bytes: int = 0
    buffer_bytes: int = 0
    macs: int | None = 0
    counted_macs: int = 0
    causal_macs: int = 0
    vector: VectorOps | None = NO_VECTOR_OPS
    output_bytes: int = 0

    own_params: int = 0
    own_macs: int = 0
    own_vector: VectorOps = NO_VECTOR_OPS
    own_output_bytes: int = 0

    window: Window | None = None
    timing: LayerTiming | None = None
    roof: LayerRoof | None = None

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Layer:
        """The layer of all these fields, for which the constructor takes four times as long."""
        layer = object.__new__(cls)
        window = fields.pop("window")
        object.__setattr__(layer, "__dict__", fields)
        object.__setattr__(layer, "window", window)
        return layer

    @property
    def receptive_field(self) -> tuple[int, ...] | None:
        """Sides of the input window that one output position sees, (height, width) for an image."""
        return None if self.window is None else self.window.sides

    @property
    def jump(self) -> tuple[float, ...] | None:
        """Input pixels between the windows of neighbouring positions; the smallest where branches differ."""
        return None if self.window is None else self.window.jump

    @property
    def rf_start(self) -> tuple[int, ...] | None:
        """First pixel of the first position's window; negative where that lies in the padding."""
        return None if self.window is None else self.window.start

    @property
    def sees_all(self) -> bool:
        """Whether every output element depends on the whole map: a global receptive field."""
        return self.window is not None and self.window.sees_all

    @property
    def name(self) -> str:
        """The last component of the path."""
        return self.path.rpartition(".")[2]

    @property
    def flops(self) -> int | None:
        """2 x MACs."""
        return None if self.macs is None else 2 * self.macs

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """Shapes of the tensors among the arguments, batch included."""
        return tuple(t.shape for t in self.inputs if t.shape is not None)

    @property
    def output_shapes(self) -> tuple[Shape, ...]:
        """Shapes of the tensors among the results, batch included."""
        return tuple(t.shape for t in self.outputs if t.shape is not None)

    @property
    def output_shape(self) -> Shape | None:
        """Shape of the first tensor returned; None when there was none."""
        shapes = self.output_shapes
        return shapes[0] if shapes else None

    @property
    def parameter_shapes(self) -> dict[str, Shape]:
        """The layer's own parameters, by the name that the module gives them."""
        return {p.name: p.shape for p in self.parameters}

    @property
    def weight_shape(self) -> Shape | None:
        """Shape of the parameter named `weight`, None without one."""
        return self.parameter_shapes.get("weight")

    @property
    def bias_shape(self) -> Shape | None:
        """Shape of the parameter named `bias`, None without one."""
        return self.parameter_shapes.get("bias")

    @property
    def weight_kind(self) -> str | None:
        """ "conv" or "linear" for a weight layer, else None."""
        return WEIGHT_KINDS.get(self.base)


class _Late:
    """A field that may be given as a function, which is called when the field is first read.

    Receptive fields cost as much as a tenth of a trace, and few readers ask for them.
    """

    def __init__(self, name: str) -> None:
        self._key = f"_{name}"

    def __get__(self, layer: Layer | None, _: type | None = None) -> Any:
        if layer is None:
            return None
        value = layer.__dict__.get(self._key)
        if callable(value):
            value = layer.__dict__[self._key] = value()
        return value

    def __set__(self, layer: Layer, value: Any) -> None:
        layer.__dict__[self._key] = value


# After the class was made, so that its fields, and what is derived from them, show plain types.
Layer.window = _Late("window")  # type: ignore[assignment]

# torch.nn classes whose instances count as weight layers ("AlexNet is 8 layers: 5 + 3").
WEIGHT_KINDS: Final[dict[str, str]] = {
    **{f"Conv{n}d": "conv" for n in (1, 2, 3)},
    **{f"ConvTranspose{n}d": "conv" for n in (1, 2, 3)},
    **{f"LazyConv{n}d": "conv" for n in (1, 2, 3)},
    **{f"LazyConvTranspose{n}d": "conv" for n in (1, 2, 3)},
    "Linear": "linear",
    "LazyLinear": "linear",
    "NonDynamicallyQuantizableLinear": "linear",
    "Bilinear": "linear",
}


@dataclass(frozen=True, kw_only=True, repr=False)
class Report:
    """A network at one input: its rows in preorder, execution order among siblings.

    `report["features.0"]` is a row; `report.layers[0]` is the root, whose inclusive figures are the
    totals. `environment` holds versions; `timing` is None for a report that was not measured, `roof` for
    one that was held against no machine.
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
    schema_version: int = SCHEMA_VERSION

    def __repr__(self) -> str:
        """Short: a debugger or an assertion would else print every layer."""
        return f"<Report of {self.name}: {len(self.layers):,} layers, {self.params:,} params>"

    @property
    def facts(self) -> Trace | None:
        """The trace that it was made from; None for a report that was saved or changed."""
        return self.__dict__.get("_facts")

    @property
    def events(self) -> tuple[Event, ...] | None:
        """All that ran in a profile's instrumented pass; None for another report, or one that was saved."""
        return self.__dict__.get("_events")

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
        except KeyError:
            from netscope.suggest import nearest

            close = nearest(path, self._by_path)
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
    def buffer_bytes(self) -> int:
        """Bytes that the buffers take."""
        return self.root.buffer_bytes

    @property
    def macs(self) -> int | None:
        """Multiply-accumulates of contractions; None while an operator is unknown."""
        return self.root.macs

    @property
    def counted_macs(self) -> int:
        """`macs` without the unknown operators: a lower bound when there are any."""
        return self.root.counted_macs

    @property
    def flops(self) -> int | None:
        """2 x MACs."""
        return self.root.flops

    @property
    def vector(self) -> VectorOps | None:
        """Arithmetic outside contractions; None while an operator is unknown."""
        return self.root.vector

    @property
    def output_bytes(self) -> int:
        """Bytes of all layers' new outputs."""
        return self.root.output_bytes

    @property
    def unknown(self) -> dict[str, int]:
        """{operator: calls} that nothing could count; empty is the goal."""
        return self.root.unknown

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
        macs = None if self.timing.work is None else self.timing.work.macs
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
        """Seconds that a forward takes at least on the machine of `roof`; None where that is not known."""
        return None if self.root.roof is None else self.root.roof.seconds

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
    def weight_layers(self) -> int:
        """Convolutions + linears ("AlexNet is 8 layers: 5 + 3")."""
        return sum(self.weight_layer_counts.values())

    # What follows hands out the report in other forms. Those are made on higher floors, which are
    # imported here when they are needed and no sooner.

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """The whole report as JSON text, also written to `path` when given; `netscope.load` reads it.

        Raises:
            StoreError: the file cannot be written.
        """
        from netscope import store

        return store.to_json(self, path)

    def to_chrome_trace(self, path: str | PathLike[str] | None = None) -> str:
        """A profile's instrumented pass as a Chrome trace, for Perfetto; also written to `path` when given.

        Raises:
            UsageError: the report has no events: it is no profile, or was saved.
            StoreError: the file cannot be written.
        """
        from netscope import export

        return export.to_chrome_trace(self, path)

    def to_markdown(self) -> str:
        """The table as GitHub-flavoured Markdown."""
        from netscope import export

        return export.to_markdown(self)

    def to_csv(self) -> str:
        """All columns of all layers as CSV, in raw base units."""
        from netscope import export

        return export.to_csv(self)

    def to_pandas(self) -> pandas.DataFrame:
        """One row a layer and one column a quantity, raw; the `own_` columns add up to the totals."""
        from netscope import export

        return export.to_pandas(self)

    def __str__(self) -> str:
        """The table of `netscope summary` in 100 columns."""
        from netscope import export

        return export.to_text(self)

    def _repr_html_(self) -> str:
        from netscope import export

        return export.to_notebook(self)
