"""Reports made by hand, so that what shows them is tested without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from netscope.base.cost import VectorOps
from netscope.machine.profiling.join import with_roof, with_times
from netscope.report.layer import Layer, Parameter, Shape, Tensor
from netscope.report.measured.breakdown import LayerTime, Reconciliation, Work
from netscope.report.measured.device import Device
from netscope.report.measured.samples import Measurement, Round
from netscope.report.measured.timing import Roof, Timing
from netscope.report.report import Report

NO_VECTOR = VectorOps()


def tensor(*shape: int, place: str = "", dtype: str = "float32") -> Tensor:
    """A tensor leaf."""
    return Tensor(place, shape, dtype)


def parameter(name: str, *shape: int, trainable: bool = True, shared_with: str | None = None) -> Parameter:
    """A float32 parameter."""
    return Parameter(name, shape, "float32", trainable, 4 * math.prod(shape), shared_with)


def leaf(
    path: str,
    type: str,
    took: Shape,
    gave: Shape,
    *,
    parameters: Sequence[Parameter] = (),
    macs: int | None = 0,
    vector: VectorOps | None = NO_VECTOR,
    in_place: bool = False,
    **other: Any,
) -> Layer:
    """A module without children; its figures follow from its shapes."""
    params = sum(p.numel for p in parameters if p.shared_with is None)
    output_bytes = 0 if in_place else 4 * math.prod(gave)
    return Layer(
        **{
            "path": path,
            "type": type,
            "base": type,
            "depth": path.count(".") + 1 if path else 0,
            "inputs": (Tensor("0", took, "float32"),),
            "outputs": (Tensor("", gave, "float32"),),
            "parameters": tuple(parameters),
            "params": sum(p.numel for p in parameters),
            "trainable_params": sum(p.numel for p in parameters if p.trainable),
            "param_bytes": sum(p.stored_bytes for p in parameters),
            "macs": macs,
            "counted_macs": macs or 0,
            "causal_macs": macs or 0,
            "vector": vector,
            "output_bytes": output_bytes,
            "own_params": params,
            "own_macs": macs or 0,
            "own_vector": vector or NO_VECTOR,
            "own_output_bytes": output_bytes,
            **other,
        }
    )


def around(path: str, type: str, inside: Sequence[Layer], **other: Any) -> list[Layer]:
    """A container's row before those of its children, with their sums; `other` may add its own."""
    first = Layer(path=path, type=type, base="Sequential" if type == "Sequential" else "", **other)
    rows = [first, *inside]
    unknown: dict[str, int] = {}
    for row in rows:
        for name, calls in row.operators.items():
            if name in row.unknown:
                unknown[name] = unknown.get(name, 0) + calls
    called = [row for row in inside if row.inputs]
    counted: dict[int, tuple[Parameter, ...]] = {
        i: tuple(p for p in row.parameters if p.shared_with is None) if row.own_params else ()
        for i, row in enumerate(rows)
    }
    everything = [p for some in counted.values() for p in some]
    vector = VectorOps()
    for row in rows:
        vector = vector + row.own_vector
    macs = sum(row.own_macs for row in rows)
    total = replace(
        first,
        depth=path.count(".") + 1 if path else 0,
        inputs=first.inputs or (called[0].inputs if called else ()),
        outputs=first.outputs or (called[-1].outputs if called else ()),
        params=sum(row.own_params for row in rows),
        trainable_params=sum(p.numel for p in everything if p.trainable),
        param_bytes=sum(p.stored_bytes for p in everything),
        buffer_bytes=sum(b.stored_bytes for row in rows for b in row.buffers),
        macs=None if unknown else macs,
        counted_macs=macs,
        causal_macs=macs,
        vector=None if unknown else vector,
        output_bytes=sum(row.own_output_bytes for row in rows),
        unknown=unknown,
    )
    return [total, *inside]


def conv(
    path: str, took: Shape, gave: Shape, kernel: int, *, stride: int = 1, padding: int = 0, groups: int = 1
) -> Layer:
    """A Conv2d with a bias."""
    weight = (gave[1], took[1] // groups, kernel, kernel)
    outputs = math.prod(gave)
    return leaf(
        path,
        "Conv2d",
        took,
        gave,
        parameters=(parameter("weight", *weight), parameter("bias", gave[1])),
        macs=outputs * math.prod(weight[1:]),
        vector=VectorOps(add=outputs),
        hyperparameters={
            "in_channels": took[1],
            "out_channels": gave[1],
            "kernel_size": (kernel, kernel),
            "stride": (stride, stride),
            "padding": (padding, padding),
            "dilation": (1, 1),
            "groups": groups,
            "padding_mode": "zeros",
            "output_padding": (0, 0),
        },
        operators={"aten.convolution.default": 1},
    )


def linear(path: str, took: Shape, gave: Shape, *, shared_with: str | None = None, **other: Any) -> Layer:
    """A Linear with a bias, or a bias-free one whose weight is tied."""
    weight = parameter("weight", gave[-1], took[-1], shared_with=shared_with)
    outputs = math.prod(gave)
    return leaf(
        path,
        "Linear",
        took,
        gave,
        parameters=(weight,) if shared_with else (weight, parameter("bias", gave[-1])),
        macs=outputs * took[-1],
        vector=VectorOps() if shared_with else VectorOps(add=outputs),
        hyperparameters={"in_features": took[-1], "out_features": gave[-1]},
        operators={"aten.addmm.default": 1},
        **other,
    )


def uncalled(path: str, *, used: bool = False) -> Layer:
    """A Linear that was never called."""
    row = linear(path, (1, 4), (1, 4))
    nothing: dict[str, Any] = {"inputs": (), "outputs": (), "operators": {}, "vector": NO_VECTOR}
    nothing |= dict.fromkeys(("macs", "counted_macs", "own_macs", "output_bytes", "own_output_bytes"), 0)
    return replace(row, calls=0, used=used, own_vector=NO_VECTOR, **nothing)


def relu(path: str, shape: Shape) -> Layer:
    """An in-place ReLU."""
    return leaf(
        path, "ReLU", shape, shape, vector=VectorOps(cmp=math.prod(shape)), in_place=True,
        hyperparameters={"inplace": True},
    )  # fmt: skip


def pool(path: str, took: Shape, gave: Shape, kernel: int = 3, stride: int = 2) -> Layer:
    """A MaxPool2d."""
    return leaf(
        path, "MaxPool2d", took, gave, vector=VectorOps(cmp=math.prod(gave) * (kernel**2 - 1)),
        hyperparameters={"kernel_size": kernel, "stride": stride, "padding": 0, "dilation": 1},
    )  # fmt: skip


def lrn(path: str, shape: Shape) -> Layer:
    """A LocalResponseNorm over 5 maps."""
    return leaf(
        path, "LocalResponseNorm", shape, shape,
        vector=VectorOps(mul=6 * math.prod(shape), exp=math.prod(shape)),
        hyperparameters={"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 2.0},
    )  # fmt: skip


def alexnet() -> Report:
    """AlexNet as one stream at 227 pixels: 62,378,344 parameters, 1,135,256,096 MACs."""
    features = around(
        "features",
        "Sequential",
        [
            conv("features.conv1", (1, 3, 227, 227), (1, 96, 55, 55), 11, stride=4),
            relu("features.relu1", (1, 96, 55, 55)),
            lrn("features.norm1", (1, 96, 55, 55)),
            pool("features.pool1", (1, 96, 55, 55), (1, 96, 27, 27)),
            conv("features.conv2", (1, 96, 27, 27), (1, 256, 27, 27), 5, padding=2),
            relu("features.relu2", (1, 256, 27, 27)),
            lrn("features.norm2", (1, 256, 27, 27)),
            pool("features.pool2", (1, 256, 27, 27), (1, 256, 13, 13)),
            conv("features.conv3", (1, 256, 13, 13), (1, 384, 13, 13), 3, padding=1),
            relu("features.relu3", (1, 384, 13, 13)),
            conv("features.conv4", (1, 384, 13, 13), (1, 384, 13, 13), 3, padding=1),
            relu("features.relu4", (1, 384, 13, 13)),
            conv("features.conv5", (1, 384, 13, 13), (1, 256, 13, 13), 3, padding=1),
            relu("features.relu5", (1, 256, 13, 13)),
            pool("features.pool5", (1, 256, 13, 13), (1, 256, 6, 6)),
        ],
    )
    flatten = leaf(
        "flatten", "Flatten", (1, 256, 6, 6), (1, 9216), in_place=True, operators={"aten.view.default": 1}
    )
    dropout: dict[str, Any] = {"hyperparameters": {"p": 0.5, "inplace": False}, "in_place": True}
    classifier = around(
        "classifier",
        "Sequential",
        [
            linear("classifier.fc6", (1, 9216), (1, 4096)),
            relu("classifier.relu6", (1, 4096)),
            leaf("classifier.drop6", "Dropout", (1, 4096), (1, 4096), **dropout),
            linear("classifier.fc7", (1, 4096), (1, 4096)),
            relu("classifier.relu7", (1, 4096)),
            leaf("classifier.drop7", "Dropout", (1, 4096), (1, 4096), **dropout),
            linear("classifier.fc8", (1, 4096), (1, 1000)),
        ],
    )
    return report("alexnet", "AlexNet", [*features, flatten, *classifier])


def report(name: str, type: str, inside: Sequence[Layer], **other: Any) -> Report:
    """A whole network around these rows."""
    own = {key: other.pop(key) for key in ("parameters", "own_params") if key in other}
    layers = around("", type, inside, **own)
    return Report(
        **{
            "name": name,
            "source": "zoo",
            "description": "Krizhevsky et al. 2012, single stream",
            "layers": tuple(layers),
            "inputs": layers[0].inputs,
            "trace_seconds": 0.00295,
            "environment": {"torch": "2.14.1", "python": "3.11.9"},
            **other,
        }
    )


def block(path: str, side: int = 8) -> list[Layer]:
    """A transformer-like block of two linears and functional work between them."""
    shape = (1, 4, side)
    return around(
        path,
        "Block",
        [
            linear(f"{path}.up", shape, (1, 4, 4 * side)),
            functional(
                f"{path}.(functional)", (1, 4, 4 * side), {"aten.gelu.default": 1, "aten.view.default": 2}
            ),
            linear(f"{path}.down", (1, 4, 4 * side), shape),
        ],
    )


def functional(path: str, shape: Shape, operators: dict[str, int], **other: Any) -> Layer:
    """A row of functional work."""
    return leaf(
        path,
        "(functional)",
        shape,
        shape,
        **{
            "base": "",
            "kind": "functional",
            "operators": operators,
            "vector": VectorOps(exp=math.prod(shape)),
            **other,
        },
    )


def stack(n: int = 12) -> Report:
    """`n` identical blocks between two linears that are tied."""
    layers = [linear("embed", (1, 4, 8), (1, 4, 8))]
    blocks = [row for i in range(n) for row in block(f"layers.{i}")]
    layers += around("layers", "ModuleList", blocks, calls=0)
    layers.append(linear("head", (1, 4, 8), (1, 4, 8), shared_with="embed.weight"))
    return report("stack", "Stack", layers)


# Profiles, with every figure planted


def measured(
    *rounds: Sequence[float], phases: dict[str, Sequence[Sequence[float]]] | None = None, **other: Any
) -> Measurement:
    """Rounds of samples; of each phase, rounds of the same lengths."""
    named = phases or {}
    taken = [
        Round(tuple(samples), phases=tuple(tuple(times[i]) for times in named.values()), wall=sum(samples))
        for i, samples in enumerate(rounds)
    ]
    return Measurement(
        **{
            "kind": "latency",
            "rounds": tuple(taken),
            "phases": tuple(named),
            "warmup": (rounds[0][0],),
            **other,
        }
    )


def steady(seconds: float, spread: float = 0.001) -> Measurement:
    """Eight rounds of six steps around a median, which converged."""
    around = [seconds * (1 + spread * off) for off in (-2, -1, 0, 0, 1, 2)]
    return measured(*[[step * (1 + spread * (i % 3 - 1)) for step in around] for i in range(9)])


def profiled(
    report: Report,
    times: dict[str, LayerTime],
    *,
    latency: Measurement,
    unattributed: Sequence[Work] = (),
    idle: float = 0.0,
    moved: dict[str, int] | None = None,
    roof: Roof | None = None,
    **other: Any,
) -> Report:
    """The report as a profile would leave it: these times are each module's own."""
    made = with_roof(report, moved or {}, roof)
    made = with_times(made, times, {layer.path for layer in report.layers})
    layers = sum(time.seconds for time in times.values())
    homeless = sum(work.seconds for work in unattributed)
    timing = Timing(
        **{
            "device": Device("cpu", "A processor (2 threads)", 2**34, (("torch", "2.14.1"),)),
            "dtype": "fp32",
            "batch": 1,
            "called": latency,
            "threads": 1,
            "reconciliation": Reconciliation(latency.median, layers, homeless, 0.0, 0.0, idle),
            "unattributed": tuple(unattributed),
            "peak_memory": 2**20,
            **other,
        }
    )
    return replace(made, timing=timing)


ROOF = Roof("box", "A box", "fp32", 1e12, 1e11, "made up")
