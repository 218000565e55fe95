"""The one list of columns. Help, CSV headers, the README's reference and every table derive from it.

A column is one entry of `COLUMNS`: its key is the attribute's name on a `Layer` where that has one, its value
is raw, and its `kind` says how the value reads. A figure that adds up (params, MACs, bytes) also says how to
get it from `Figures`, the part that belongs to one row of a table and to no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from netscope import operators, opnames, units
from netscope.figures import Figures, MachineFigures
from netscope.layer import Layer
from netscope.measured import LayerRoof, LayerTiming
from netscope.report import Report
from netscope.suggest import look_up

Kind = Literal[
    "text",
    "name",
    "count",
    "metric",
    "bytes",
    "share",
    "shape",
    "shapes",
    "sides",
    "parameters",
    "counts",
    "mapping",
    "seconds",
    "rate",
    "number",
    "percent",
]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of every table.

    key:
        the attribute's name, as on `Layer`, in JSON and in CSV.
    title, help:
        the heading, and one sentence that defines the quantity and its unit.
    kind:
        how a value reads: a key of `KINDS`.
    get:
        the raw value of a layer with everything inside it.
    own:
        for a figure that adds up: its value from the row's own `Figures`.
    display:
        what a person should see instead of the raw value, where that says more.
    zero:
        the text for 0 in a table; None shows the number.
    default:
        whether it is shown unless columns are named.
    adds:
        whether the `own` values of all rows add up to the whole network's; ratios do not.
    machine:
        whether only reports have it that know of a machine: profiles and rooflines.
    drop:
        when the terminal is narrow, higher ones leave first; 0 stays.
    floor:
        how narrow its texts may be shortened; 0 for never.
    """

    key: str
    title: str
    help: str
    kind: Kind
    get: Callable[[Layer, Report], Any]
    own: Callable[[Figures, Report], Any] | None = None
    display: Callable[[Layer], Any] | None = None
    zero: str | None = None
    default: bool = False
    adds: bool = True
    machine: bool = False
    drop: int = 50
    floor: int = 0

    @property
    def right(self) -> bool:
        """Whether its texts stand at the right: numbers do."""
        return self.kind in _NUMBERS

    @property
    def bounded(self) -> bool:
        """Whether an uncounted operator makes its figure a lower bound."""
        return self.key in _BOUNDED


_NUMBERS: Final = frozenset(
    {"count", "metric", "bytes", "share", "sides", "seconds", "rate", "number", "percent"}
)
_BOUNDED: Final = frozenset({"macs", "flops", "vector"})

Leaf = tuple[int, ...] | str


def _parameters(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """{"weight": (96, 3, 11, 11), "bias": (96,)} -> "96×3×11×11 + 96", the same shape twice as "2(…)"."""
    runs: list[list[Any]] = []
    for sizes in shapes.values():
        text = units.shape(sizes)
        if runs and runs[-1][0] == text and len(shapes) > 4:
            runs[-1][1] += 1
        else:
            runs.append([text, 1])
    return " + ".join(text if n == 1 else f"{n}·({text})" for text, n in runs)


def _leaves(leaves: tuple[Leaf, ...]) -> str:
    """Shapes and the names of what is no tensor, the first three."""
    texts = [leaf if isinstance(leaf, str) else units.shape(leaf) for leaf in leaves[:3]]
    if len(leaves) > 3:
        texts.append(f"+{len(leaves) - 3}")
    return ", ".join(texts)


def _mapping(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key}={units.shape(v) if isinstance(v, tuple) and v and all(type(x) is int for x in v) else v}"
        for key, v in values.items()
    )


# How each kind of value reads. None is unknown for a number, and simply not there for the rest.
KINDS: Final[dict[str, Callable[[Any], str]]] = {
    "text": lambda value: "" if value is None else str(value),
    "name": str,
    "count": units.count,
    "metric": units.metric,
    "bytes": units.binary,
    "share": units.share,
    "shape": lambda value: "" if value is None else units.shape(value),
    "shapes": _leaves,
    "sides": lambda value: "" if value is None else value if isinstance(value, str) else units.sides(value),
    "parameters": _parameters,
    "counts": lambda value: opnames.operator_list(value, all_of_them=True),
    "mapping": _mapping,
    "seconds": units.seconds,
    "rate": units.rate,
    "number": units.number,
    "percent": units.percent,
}


def _returned(layer: Layer) -> tuple[Leaf, ...]:
    return tuple(t.shape if t.shape is not None else t.opaque or "?" for t in layer.outputs)


def _received(layer: Layer) -> tuple[Leaf, ...]:
    return tuple(t.shape if t.shape is not None else t.opaque or "?" for t in layer.inputs)


def _dtype(layer: Layer, report: Report) -> str | None:
    return next((t.dtype for t in layer.outputs if t.dtype is not None), None)


def _share(macs: int, report: Report) -> float | None:
    return macs / report.counted_macs if report.counted_macs else 0.0 if report.macs == 0 else None


def _field(layer: Layer) -> tuple[int, ...] | str | None:
    return "all" if layer.sees_all else layer.receptive_field


def _jumps(layer: Layer) -> tuple[float, ...] | str | None:
    """The jump, and the largest behind it where branches disagree: "4..8"."""
    window = layer.window
    if window is None or window.jump is None or window.largest_jump is None:
        return None
    if window.jump == window.largest_jump:
        return window.jump
    return f"{units.sides(window.jump)}..{units.sides(window.largest_jump)}"


def _ratio(over: float | None, under: float | None) -> float | None:
    """None where either is not known, or there is nothing to divide by."""
    return None if over is None or not under else over / under


def _measured(figures: Figures) -> MachineFigures | None:
    machine = figures.machine
    return machine if machine is not None and machine.measured else None


def _of_time(value: Callable[[MachineFigures], float]) -> Callable[[Figures, Report], float | None]:
    """A row's own figure from what was measured; None where nothing was."""

    def own(figures: Figures, report: Report) -> float | None:
        machine = _measured(figures)
        return None if machine is None else value(machine)

    return own


def _own_seconds(figures: Figures) -> float | None:
    machine = _measured(figures)
    return None if machine is None else machine.seconds


def _forward(figures: Figures) -> float | None:
    machine = _measured(figures)
    return None if machine is None else machine.forward


def _bound(figures: Figures) -> float | None:
    machine = figures.machine
    return None if machine is None or not machine.bounded else machine.bound


def _moved(figures: Figures) -> int | None:
    return None if figures.machine is None else figures.machine.moved_bytes


def _of_timing(value: Callable[[LayerTiming], float]) -> Callable[[Layer, Report], float | None]:
    """A layer's figure from its timing; None without one."""
    return lambda layer, _: None if layer.timing is None else value(layer.timing)


def _of_roof(value: Callable[[LayerRoof], Any]) -> Callable[[Layer, Report], Any]:
    """A layer's figure from its roof; None without one."""
    return lambda layer, _: None if layer.roof is None else value(layer.roof)


def _seconds(layer: Layer) -> float | None:
    return None if layer.timing is None else layer.timing.seconds


def _bound_of(layer: Layer) -> float | None:
    return None if layer.roof is None else layer.roof.seconds


def _work(report: Report) -> float | None:
    """Seconds of all work of a step that has a layer or could have one."""
    parts = None if report.timing is None else report.timing.reconciliation
    return None if parts is None else parts.layers + parts.unattributed


def _flops_a_second(layer: Layer, report: Report) -> float | None:
    return None if layer.timing is None else _ratio(layer.flops, layer.timing.whole.forward)


def _intensity(layer: Layer, report: Report) -> float | None:
    return None if layer.roof is None else _ratio(layer.flops, layer.roof.moved_bytes)


def _efficiency(layer: Layer, report: Report) -> float | None:
    if layer.roof is None or layer.timing is None:
        return None
    return _ratio(layer.roof.seconds, layer.timing.whole.forward)


COLUMNS: Final[tuple[Column, ...]] = (
    Column(
        "path", "layer", "Qualified name of the layer, empty for the root.", "name",
        lambda layer, _: layer.path, default=True, drop=0, floor=22,
    ),
    Column(
        "type", "type", "The layer's class.", "text",
        lambda layer, _: layer.type, drop=60, floor=12,
    ),
    Column(
        "operator", "operator",
        "The layer's class and what matters of it: kernel, /stride, p padding, d dilation, g groups.",
        "text", lambda layer, _: operators.describe(layer), default=True, drop=20, floor=15,
    ),
    Column(
        "input_shape", "input", "Shape of the first tensor among the arguments, batch included.", "shape",
        lambda layer, _: layer.input_shapes[0] if layer.input_shapes else None, drop=45,
    ),
    Column(
        "input_shapes", "inputs", "Shapes of all tensors among the arguments, batch included.", "shapes",
        lambda layer, _: layer.input_shapes, display=_received, drop=45, floor=14,
    ),
    Column(
        "output_shape", "output", "Shape of the first tensor returned, batch included.", "shape",
        lambda layer, _: layer.output_shape, drop=5,
    ),
    Column(
        "output_shapes", "output",
        "Shapes of all tensors returned, batch included; tables name the type of what is no tensor.",
        "shapes", lambda layer, _: layer.output_shapes, display=_returned, default=True, drop=5, floor=14,
    ),
    Column(
        "weight_shape", "weight", "Shape of the parameter named weight.", "shape",
        lambda layer, _: layer.weight_shape, drop=48,
    ),
    Column(
        "bias_shape", "bias", "Shape of the parameter named bias.", "shape",
        lambda layer, _: layer.bias_shape, drop=49,
    ),
    Column(
        "parameter_shapes", "weight + bias", "Shapes of the layer's own parameters, by name.", "parameters",
        lambda layer, _: layer.parameter_shapes, default=True, drop=40, floor=13,
    ),
    Column(
        "params", "params",
        "Elements of unique parameter tensors; tied weights count once, where they are met first.",
        "count", lambda layer, _: layer.params, lambda own, _: own.params, zero="", default=True, drop=2,
    ),
    Column(
        "trainable_params", "trainable", "The part of params with requires_grad.", "count",
        lambda layer, _: layer.trainable_params, lambda own, _: own.trainable_params, zero="", drop=35,
    ),
    Column(
        "param_bytes", "param mem", "Bytes that the parameters take as stored.", "bytes",
        lambda layer, _: layer.param_bytes, lambda own, _: own.param_bytes, zero="", drop=36,
    ),
    Column(
        "buffer_bytes", "buffer mem", "Bytes that the buffers take.", "bytes",
        lambda layer, _: layer.buffer_bytes, lambda own, _: own.buffer_bytes, zero="", drop=37,
    ),
    Column(
        "macs", "MACs",
        "Multiply-accumulates of contractions (convolution, matmul, attention, RNN cells), biases apart.",
        "metric", lambda layer, _: layer.macs, lambda own, _: own.macs, zero="", default=True, drop=1,
    ),
    Column(
        "flops", "FLOPs", "2 x MACs.", "metric",
        lambda layer, _: layer.flops, lambda own, _: 2 * own.macs, zero="", drop=3,
    ),
    Column(
        "share", "%", "The fraction of the network's MACs; in tables in percent.", "share",
        lambda layer, report: _share(layer.counted_macs, report),
        lambda own, report: _share(own.macs, report), zero="", default=True, drop=44,
    ),
    Column(
        "vector", "vector ops",
        "Arithmetic outside contractions (bias, activation, norm, pool, ...), one per operation per element.",
        "metric", lambda layer, _: None if layer.vector is None else layer.vector.total,
        lambda own, _: own.vector.total, zero="", drop=30,
    ),
    Column(
        "output_bytes", "out mem",
        "Bytes of new storages that a layer returned; in-place results and views add none.",
        "bytes", lambda layer, _: layer.output_bytes, lambda own, _: own.output_bytes, zero="·",
        default=True, drop=25,
    ),
    Column(
        "rf", "rf",
        "Receptive field: sides in pixels of the input window that one output position sees, not clipped at "
        "borders; tables show one number for a square, and all where every position sees everything.",
        "sides", lambda layer, _: layer.receptive_field, display=_field, drop=46,
    ),
    Column(
        "jump", "jump",
        "Effective stride: input pixels between the windows of neighbouring positions; the smallest where "
        "branches differ.", "sides", lambda layer, _: layer.jump, display=_jumps, drop=47,
    ),
    Column(
        "calls", "calls", "How often it was called in one forward.", "count",
        lambda layer, _: layer.calls, drop=55,
    ),
    Column(
        "dtype", "dtype", "Element type of the first tensor returned.", "text",
        _dtype, drop=56,
    ),
    Column(
        "depth", "depth", "Nesting depth, 0 for the root.", "count",
        lambda layer, _: layer.depth, drop=57,
    ),
    Column(
        "training", "training", "Whether the layer was in training mode.", "text",
        lambda layer, _: layer.training, drop=58,
    ),
    Column(
        "operators", "operators",
        "Operators that the layer ran itself, outside its children, with their calls.", "counts",
        lambda layer, _: layer.operators, drop=61, floor=16,
    ),
    Column(
        "unknown", "uncounted", "Operators within that nothing could count, with their calls.", "counts",
        lambda layer, _: layer.unknown, drop=54, floor=16,
    ),
    Column(
        "hyperparameters", "hyperparameters", "The module's plain attributes.", "mapping",
        lambda layer, _: layer.hyperparameters, drop=62, floor=16,
    ),
    Column(
        "shared_with", "shared with",
        "The layer that counts this module, when it is reached a second time.", "text",
        lambda layer, _: layer.shared_with, drop=63, floor=12,
    ),
    Column(
        "time", "time", "Measured seconds of the layer in a step, from the instrumented pass; of profiles.",
        "seconds", _of_timing(lambda t: t.seconds), _of_time(lambda m: m.seconds),
        zero="", machine=True, drop=1,
    ),
    Column(
        "time_share", "time %", "The fraction of the time of all work of the forward and the backward.",
        "share", lambda layer, report: _ratio(_seconds(layer), _work(report)),
        lambda own, report: _ratio(_own_seconds(own), _work(report)), zero="", machine=True, drop=2,
    ),
    Column(
        "forward_time", "forward", "The forward's part of the time.", "seconds",
        _of_timing(lambda t: t.whole.forward), _of_time(lambda m: m.forward), zero="", machine=True, drop=10,
    ),
    Column(
        "backward_time", "backward", "The backward's part of the time.", "seconds",
        _of_timing(lambda t: t.whole.backward),
        _of_time(lambda m: m.backward),
        zero="", machine=True, drop=11,
    ),
    Column(
        "kernels", "kernels",
        "Pieces of work a step: kernels on a device, innermost operators on the host.", "number",
        _of_timing(lambda t: t.kernels),
        _of_time(lambda m: m.kernels),
        zero="", machine=True, drop=43,
    ),
    Column(
        "flops_per_second", "FLOP/s", "FLOPs of the forward in each second of it.", "rate",
        _flops_a_second,
        lambda own, _: None if own.unknown else _ratio(2 * own.macs, _forward(own)) if own.macs else 0,
        zero="", adds=False, machine=True, drop=15,
    ),
    Column(
        "moved_bytes", "moved",
        "Bytes that the forward must move: what a layer reads of others (inputs, parameters; of a table the "
        "rows looked up) and hands to others, each once a call.", "bytes",
        _of_roof(lambda roof: roof.moved_bytes), lambda own, _: _moved(own), zero="", machine=True, drop=22,
    ),
    Column(
        "intensity", "FLOPs/B", "Arithmetic intensity: FLOPs for each byte that must be moved.", "number",
        _intensity,
        lambda own, _: None if own.unknown else _ratio(2 * own.macs, _moved(own)) if own.macs else 0,
        zero="", adds=False, machine=True, drop=42,
    ),
    Column(
        "bound", "bound",
        "The least seconds of the forward on the machine of the roof: max(FLOPs/peak, moved "
        "bytes/bandwidth), summed over rows. A lower bound and never a prediction.", "seconds",
        _of_roof(lambda roof: roof.seconds), lambda own, _: _bound(own), zero="", machine=True, drop=18,
    ),
    Column(
        "bound_share", "bound %", "The fraction of the network's bound.", "share",
        lambda layer, report: _ratio(_bound_of(layer), report.bound),
        lambda own, report: _ratio(_bound(own), report.bound), zero="", machine=True, drop=19,
    ),
    Column(
        "limited_by", "limited by", "What the bound of a row is of: compute or memory.", "text",
        _of_roof(lambda roof: roof.limited_by), machine=True, drop=41,
    ),
    Column(
        "efficiency", "efficiency",
        "Bound / forward: the part of the measured time that was necessary; 1 is the machine at its limit.",
        "percent", _efficiency, lambda own, _: _ratio(_bound(own), _forward(own)) if _bound(own) else 0,
        zero="", adds=False, machine=True, drop=12,
    ),
)  # fmt: skip

BY_KEY: Final[dict[str, Column]] = {column.key: column for column in COLUMNS}
DEFAULT: Final[tuple[Column, ...]] = tuple(column for column in COLUMNS if column.default)

_ROOFLINE: Final = "path operator macs moved_bytes intensity bound bound_share limited_by"
_PROFILE: Final = "path operator time time_share kernels flops_per_second intensity limited_by efficiency"
_TRAINING: Final = (
    "path operator time time_share forward_time backward_time kernels flops_per_second efficiency"
)


def default(report: Report) -> tuple[Column, ...]:
    """The columns that are shown of a report unless columns are named."""
    if report.timing is None and report.roof is None:
        return DEFAULT
    keys = _ROOFLINE if report.timing is None else _TRAINING if report.training else _PROFILE
    without = () if report.roof is not None else ("limited_by", "efficiency")
    return tuple(BY_KEY[key] for key in keys.split() if key not in without)


def known_to(report: Report) -> tuple[Column, ...]:
    """All columns that a report can fill: those of a machine only where it knows of one."""
    machine = report.timing is not None or report.roof is not None
    return tuple(column for column in COLUMNS if machine or not column.machine)


def choose(keys: tuple[str, ...] | list[str]) -> tuple[Column, ...]:
    """The columns of these keys, `path` always first, each once.

    Raises:
        UsageError: there is no such column; the hint names the nearest ones.
    """
    chosen = dict.fromkeys([BY_KEY["path"], *map(find, keys)])
    return tuple(chosen)


def find(key: str) -> Column:
    """The column of that key.

    Raises:
        UsageError: there is none; the hint names the nearest ones.
    """
    return look_up(key, BY_KEY, "column", "columns")


def column_reference() -> str:
    """The columns as a Markdown table, for the README."""
    lines = ["| column | heading | meaning |", "|---|---|---|"]
    for column in COLUMNS:
        shown = "" if column.default else ", of profiles" if column.machine else ", on request"
        lines.append(f"| `{column.key}` | {column.title}{shown} | {column.help} |")
    return "\n".join(lines) + "\n"
