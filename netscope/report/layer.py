"""What one row of a report is: a `Layer`. Frozen, raw base units, no torch needed.

Two kinds of figure stand side by side on a row. Plain names (`params`, `macs`, `vector`,
`output_bytes`) are inclusive: the layer with everything inside it. The `own_` names are the part that
belongs to this row and to no other, so the `own_` figures of all rows add up to the report's totals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

from netscope.base.cost import NO_VECTOR_OPS, VectorOps
from netscope.base.units import ratio

if TYPE_CHECKING:
    from netscope.report.measured.timing import LayerRoof, LayerTiming
    from netscope.report.memory import LayerMemory
    from netscope.report.ranks import LayerRank

# The last component of the path of a row that holds a module's own functional work.
FUNCTIONAL: Final = "(functional)"

# What is unknown of a row that a failed forward did not complete or did not reach.
UNDONE: Final = "work after the failure"
# What is unknown of a row without a call, in a network that did work which was not seen.
UNCALLED: Final = "a layer that may have run unseen"

Shape = tuple[int, ...]


class Tensor(NamedTuple):
    """One leaf of what goes into or comes out of a layer.

    place:
        where in the arguments or results: "" for a lone tensor, "0", "logits", "boxes.1".
    shape, dtype:
        None for a leaf that is no tensor; `opaque` then names its type ("Categorical", "int").
    layout:
        of a sparse tensor, by torch's name ("sparse_coo"); None for any other.
    """

    place: str
    shape: Shape | None
    dtype: str | None
    opaque: str | None = None
    layout: str | None = None


class Parameter(NamedTuple):
    """One parameter or buffer of a layer.

    shared_with:
        where the same storage was met first ("embed.weight"), for a tied or shared weight.
    stored_bytes:
        the bytes really kept: less than the shape says for packed (quantised) weights, those of what is
        stored and of its indices for sparse ones.
    layout:
        of a sparse tensor, by torch's name ("sparse_coo"); None for any other.
    overlaps:
        another one, met first, that lies in part of the same memory. The elements of both are counted.
    """

    name: str
    shape: Shape
    dtype: str
    trainable: bool
    stored_bytes: int
    shared_with: str | None = None
    packed: bool = False
    layout: str | None = None
    overlaps: str | None = None

    @property
    def numel(self) -> int:
        """Number of (logical) elements."""
        count = 1
        for side in self.shape:
            count *= side
        return count


class Window(NamedTuple):
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


Found = TypeVar("Found")


def later(find: Callable[[], Found]) -> Found:
    """What is looked for when it is first read, such as a layer's window.

    The windows of all layers, found in one go, take a tenth of a first summary of resnet50 and four tenths
    of densenet201's, and few readers ask for them.
    """
    return cast(Found, find)


class Late:
    """The default of a field that may be given as a function, which is called when the field is first read.

    Dataclasses know of defaults that are descriptors: what the constructor is given comes to `__set__`, and
    what `__get__` returns without an object is the default, or the descriptor itself where a `field` has it.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._key = f"_{name}"

    def __get__(self, layer: Any, _: type | None = None) -> Any:
        if layer is None:
            return None
        value = layer.__dict__[self._key]
        if callable(value):
            value = layer.__dict__[self._key] = value()
        return value

    def __set__(self, layer: Any, value: Any) -> None:
        layer.__dict__[self._key] = None if value is self else value


@dataclass(frozen=True, kw_only=True, repr=False)
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
    used_by:
        paths of the rows that read the parameters of a module that was never called, so that its work is
        counted where they ran.
    operators:
        {operator: calls} that this row ran itself, not its children.
    unknown:
        {what: times} of all within that nothing could count: operators by name, and `unseen`.
    unseen:
        the part of `unknown` that is in words: what the trace did not see or the forward, once it had failed,
        did not do. Not even what came of it is known.
    macs, vector:
        inclusive over all calls; None when something within could not be counted (see `unknown`), or the
        work is its users' (see `used_by`).
    counted_macs:
        the same without what is unknown: a lower bound, never None.
    causal_macs:
        what `counted_macs` would be if causal attention were counted as the half it needs.
    output_bytes:
        bytes of new storages that its rows handed on; in-place results and views add none. None where
        something within was not seen, or is its users'; the `own_output_bytes` within are a lower bound.
    window:
        what one position of the first tensor returned sees of the first image-like input; None where
        that is not known, or there is none. Worked out when it is first asked for.
    timing:
        what it took in a profile; None in other reports, and where its share of its parent's fused
        kernel cannot be told.
    roof:
        the least that it could take; None in reports that were held against no machine.
    memory:
        what it takes of memory; None in reports of which that was not asked, and where it was not called.
    rank:
        what one rank of many has of it; None in reports of networks that are not divided.
    """

    path: str
    type: str
    base: str = ""
    kind: str = "module"
    depth: int = 0
    calls: int = 1
    used: bool = True
    used_by: tuple[str, ...] = ()
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
    unseen: dict[str, int] = field(default_factory=dict)

    params: int = 0
    trainable_params: int = 0
    param_bytes: int = 0
    buffer_bytes: int = 0
    macs: int | None = 0
    counted_macs: int = 0
    causal_macs: int = 0
    vector: VectorOps | None = NO_VECTOR_OPS
    output_bytes: int | None = 0

    own_params: int = 0
    own_macs: int = 0
    own_vector: VectorOps = NO_VECTOR_OPS
    own_output_bytes: int = 0

    window: Window | None = Late()  # type: ignore[assignment]
    timing: LayerTiming | None = None
    roof: LayerRoof | None = None
    memory: LayerMemory | None = None
    rank: LayerRank | None = None

    @classmethod
    def made(cls, **fields: Any) -> Layer:
        """`Layer(**fields)` in a third of the time, which is 5% of a summary of densenet201.

        The constructor of a frozen dataclass sets each of forty fields by a call.

        Raises:
            TypeError: a field has another name, or one that has no default is missing.
        """
        whole = {**_DEFAULTS, **fields}
        if whole.keys() != _NAMES:
            raise TypeError(f"fields of a layer: {', '.join(sorted(whole.keys() ^ _NAMES))}")
        whole["_window"] = whole.pop("window")
        layer = object.__new__(cls)
        object.__setattr__(layer, "__dict__", whole)
        return layer

    def but(self, **changed: Any) -> Layer:
        """The same row with other values of some fields; what is to be worked out later still is."""
        copy = object.__new__(Layer)
        object.__setattr__(copy, "__dict__", {**self.__dict__, **changed})
        return copy

    def __repr__(self) -> str:
        """Short: a debugger or an assertion would else print every field."""
        return f"<Layer {self.path or '(root)'}: {self.type}, {self.params:,} params>"

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
    def read_elsewhere(self) -> bool:
        """Whether it was never called and others read its parameters; old reports do not say which."""
        return bool(self.used_by) or (not self.calls and self.macs is None and not self.unknown)

    @property
    def flops(self) -> int | None:
        """2 x MACs."""
        return None if self.macs is None else 2 * self.macs

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """Shapes of the tensors among the arguments, batch included."""
        return tuple(t.shape for t in self.inputs if t.shape is not None)

    @property
    def input_shape(self) -> Shape | None:
        """Shape of the first tensor among the arguments; None when there was none."""
        shapes = self.input_shapes
        return shapes[0] if shapes else None

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
    def dtype(self) -> str | None:
        """Element type of the first tensor returned; None when there was none."""
        return next((t.dtype for t in self.outputs if t.dtype is not None), None)

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

    @property
    def time(self) -> float | None:
        """Seconds in a step, forward and backward; None where they were not measured or cannot be told."""
        return None if self.timing is None else self.timing.seconds

    @property
    def forward_time(self) -> float | None:
        """The forward's part of `time`."""
        return None if self.timing is None else self.timing.whole.forward

    @property
    def backward_time(self) -> float | None:
        """The backward's part of `time`."""
        return None if self.timing is None else self.timing.whole.backward

    @property
    def kernels(self) -> float | None:
        """Pieces of work a step, in both passes; None where they were not counted."""
        return None if self.timing is None else self.timing.kernels

    @property
    def moved_bytes(self) -> int | None:
        """Bytes that the forward must move; None in a report that was held against no machine."""
        return None if self.roof is None else self.roof.moved_bytes

    @property
    def bound(self) -> float | None:
        """Seconds that the forward takes at least; None where that is not known."""
        return None if self.roof is None else self.roof.seconds

    @property
    def limited_by(self) -> str | None:
        """What the bound of the row's own work is of, "compute" or "memory"; None where it has none."""
        return None if self.roof is None else self.roof.limited_by

    @property
    def flops_per_second(self) -> float | None:
        """FLOPs of the forward in each second of it."""
        return ratio(self.flops, self.forward_time)

    @property
    def intensity(self) -> float | None:
        """Arithmetic intensity: FLOPs for each byte that must be moved."""
        return ratio(self.flops, self.moved_bytes)

    @property
    def saved(self) -> int | None:
        """Bytes kept for the backward within it; None where that was not asked for."""
        return None if self.memory is None else self.memory.saved

    @property
    def live(self) -> int | None:
        """Bytes of activations alive when its forward is over; None where that was not asked for."""
        return None if self.memory is None else self.memory.live

    @property
    def peak(self) -> int | None:
        """Bytes of activations alive at most while it runs; None where that was not asked for."""
        return None if self.memory is None else self.memory.peak

    @property
    def global_shape(self) -> Shape | None:
        """Shape of the first tensor returned, of all ranks together; None where it is the rank's own."""
        return None if self.rank is None or self.rank.output is None else self.rank.output.shape

    @property
    def output_placements(self) -> dict[str, str]:
        """How that tensor is laid out on each axis of a mesh: {"dp": "S(0)", "tp": "R"}."""
        return {} if self.rank is None or self.rank.output is None else self.rank.output.placements

    @property
    def global_parameter_shapes(self) -> dict[str, Shape]:
        """Shapes that the layer's own parameters have undivided, by name; empty without ranks."""
        if self.rank is None:
            return {}
        own = self.parameter_shapes
        return own | {part.name: part.shape for part in self.rank.parameters if part.name in own}

    @property
    def placements(self) -> dict[str, dict[str, str]]:
        """How each of its parameters is laid out on each axis of a mesh."""
        if self.rank is None:
            return {}
        own = self.parameter_shapes
        return {part.name: part.placements for part in self.rank.parameters if part.name in own}

    @property
    def global_macs(self) -> int | None:
        """`macs` of the layer undivided, on the same input; None where not known, or without ranks."""
        return None if self.rank is None else self.rank.global_macs

    @property
    def backward_macs(self) -> int | None:
        """MACs of the rank in the backward; None where not known, or none was run."""
        return None if self.rank is None else self.rank.backward_macs

    @property
    def rank_share(self) -> float | None:
        """macs / global_macs: the part of the layer's work that the rank does."""
        return ratio(self.macs, self.global_macs)

    @property
    def wire_bytes(self) -> int | None:
        """Bytes that the rank sends for it in a step, at the least; None without ranks."""
        return None if self.rank is None else sum([one.wire_bytes for one in self.rank.traffic])

    @property
    def collectives(self) -> dict[str, int]:
        """`wire_bytes` by what is done along which axis: {"all_reduce tp": 7_340_032}."""
        from netscope.report.ranks import by_collective  # few networks are divided

        return {} if self.rank is None else by_collective(self.rank.traffic)

    @property
    def efficiency(self) -> float | None:
        """bound / forward_time: the part of the measured time that was necessary."""
        return ratio(self.bound, self.forward_time)


# What `Layer.made` starts from. A mutable default is nobody's to share, so it has to be given there.
_NAMES: Final = frozenset(spec.name for spec in fields(Layer))
_DEFAULTS: Final = {spec.name: spec.default for spec in fields(Layer) if spec.default is not MISSING}

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
