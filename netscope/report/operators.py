"""The text of the operator column: "Conv2d 11×11 /4", "MaxPool2d 3×3 /2", "LRN n=5".

`describe` looks a layer's torch.nn class up in one table of describers; each returns the few words that
follow the type's name. Only what differs from the default is said. A row of functional work lists the
operators that it ran, those that compute first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from netscope.base import units
from netscope.base.opnames import operator_list
from netscope.report.layer import Layer

Hyper = Mapping[str, Any]
Describer = Callable[[Hyper], list[str]]

# Names that people shorten.
SHORT: Final = {
    "LocalResponseNorm": "LRN",
    "NonDynamicallyQuantizableLinear": "Linear",
}

# An unknown module's extra_repr() is shown up to here; the full text is the column `detail`.
DETAIL: Final = 28


def describe(layer: Layer) -> str:
    """What a row is: its type with the hyperparameters that matter, or the operators it ran."""
    if layer.kind == "functional":
        return operator_list(layer.operators)
    name = SHORT.get(layer.type, layer.type)
    describer = DESCRIBERS.get(layer.base) or DESCRIBERS.get(layer.type)
    if describer is not None:
        words = describer(layer.hyperparameters)
    elif layer.detail and layer.base not in CONTAINERS:
        words = [layer.detail if len(layer.detail) <= DETAIL else layer.detail[: DETAIL - 1] + "…"]
    else:
        words = []
    return " ".join([name, *words])


def _sizes(value: Any) -> str:
    """3 -> "3"; (3, 3) -> "3×3"; a tuple of one reads as its element."""
    return units.TIMES.join(map(str, value)) if isinstance(value, tuple) else str(value)


def _even(value: Any) -> str:
    """(2, 2) -> "2"; (1, 2) -> "1×2"."""
    if isinstance(value, tuple) and value and all(side == value[0] for side in value):
        return str(value[0])
    return _sizes(value)


def _is(value: Any, *plain: Any) -> bool:
    """Whether value, or every side of it, is one of the defaults."""
    sides = value if isinstance(value, tuple) else (value,)
    return all(side in plain for side in sides)


def _window(hyper: Hyper, *, show_stride: bool, dims: int = 1) -> list[str]:
    """The words that convolutions and pools have in common: kernel, stride, padding, dilation.

    A side given once for all `dims` directions is written out: 3 -> "3×3".
    """
    words = []
    kernel, stride = hyper.get("kernel_size"), hyper.get("stride")
    if kernel is not None:
        words.append(_sizes(kernel if isinstance(kernel, tuple) else (kernel,) * dims))
    if stride is not None and (show_stride or not _is(stride, 1)):
        words.append(f"/{_even(stride)}")
    padding = hyper.get("padding")
    if isinstance(padding, str):
        words.append(f"p={padding}")
    elif padding is not None and not _is(padding, 0):
        words.append(f"p{_even(padding)}")
    dilation = hyper.get("dilation")
    if dilation is not None and not _is(dilation, 1):
        words.append(f"d{_even(dilation)}")
    return words


def _conv(hyper: Hyper) -> list[str]:
    words = _window(hyper, show_stride=False)
    output_padding = hyper.get("output_padding")
    if output_padding is not None and not _is(output_padding, 0):
        words.append(f"op{_even(output_padding)}")
    if hyper.get("groups", 1) != 1:
        words.append(f"g{hyper['groups']}")
    if hyper.get("padding_mode", "zeros") != "zeros":
        words.append(str(hyper["padding_mode"]))
    return words


def _pool(dims: int) -> Describer:
    def describer(hyper: Hyper) -> list[str]:
        return _window(hyper, show_stride=True, dims=dims) + (["ceil"] if hyper.get("ceil_mode") else [])

    return describer


def _adaptive(dims: int) -> Describer:
    def describer(hyper: Hyper) -> list[str]:
        size = hyper.get("output_size")
        if size is None:
            return []
        sides = size if isinstance(size, tuple) else (size,) * dims
        return ["→" + units.TIMES.join("same" if side is None else str(side) for side in sides)]

    return describer


def _recurrent(hyper: Hyper) -> list[str]:
    words = [_sizes(hyper["hidden_size"])] if "hidden_size" in hyper else []
    if hyper.get("num_layers", 1) != 1:
        words.append(f"{hyper['num_layers']} layers")
    if hyper.get("bidirectional"):
        words.append("both ways")
    return words


def _upsample(hyper: Hyper) -> list[str]:
    size, factor = hyper.get("size"), hyper.get("scale_factor")
    words = [f"→{_sizes(size)}"] if size is not None else []
    if factor is not None:
        factors = factor if isinstance(factor, tuple) else (factor,)
        words.append(units.TIMES + _even(tuple(str(f).removesuffix(".0") for f in factors)))
    if hyper.get("mode", "nearest") != "nearest":
        words.append(str(hyper["mode"]))
    return words


def _padding(hyper: Hyper) -> list[str]:
    padding = hyper.get("padding")
    return (
        []
        if padding is None
        else [",".join(map(str, padding)) if isinstance(padding, tuple) else str(padding)]
    )


def _flatten(hyper: Hyper) -> list[str]:
    start, end = hyper.get("start_dim", 1), hyper.get("end_dim", -1)
    return [] if (start, end) == (1, -1) else [f"{start}…{end}"]


def _only(key: str, default: Any = None, form: str = "{}") -> Describer:
    """A describer that says one hyperparameter when it is not the default."""

    def describer(hyper: Hyper) -> list[str]:
        value = hyper.get(key, default)
        return [] if value == default else [form.format(_even(value))]

    return describer


def _nothing(hyper: Hyper) -> list[str]:
    return []


CONTAINERS: Final = frozenset(
    {"", "Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"}
)

_DIMS = (1, 2, 3)

# torch.nn class -> the words after its name. A newcomer adds a line.
DESCRIBERS: Final[dict[str, Describer]] = {
    **{
        f"{kind}{n}d": _conv
        for kind in ("Conv", "ConvTranspose", "LazyConv", "LazyConvTranspose")
        for n in _DIMS
    },
    **{f"{kind}{n}d": _pool(n) for kind in ("MaxPool", "AvgPool", "LPPool", "MaxUnpool") for n in _DIMS},
    **{f"FractionalMaxPool{n}d": _pool(n) for n in (2, 3)},
    **{f"Adaptive{kind}Pool{n}d": _adaptive(n) for kind in ("Avg", "Max") for n in _DIMS},
    **{
        f"{kind}Norm{n}d": _only("affine", True, "no affine") for kind in ("Batch", "Instance") for n in _DIMS
    },
    **{
        f"{kind}Pad{n}d": _padding
        for kind in ("Zero", "Constant", "Reflection", "Replication")
        for n in _DIMS
    },
    **dict.fromkeys(("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"), _recurrent),
    **dict.fromkeys(
        ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout"), _only("p", form="p={}")
    ),
    **dict.fromkeys(("Softmax", "LogSoftmax", "Softmin", "GLU"), _only("dim", form="dim={}")),
    **dict.fromkeys(("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d"), _upsample),
    **dict.fromkeys(("PixelShuffle",), _only("upscale_factor", form="×{}")),
    **dict.fromkeys(("PixelUnshuffle",), _only("downscale_factor", form="÷{}")),
    **dict.fromkeys(("Fold", "Unfold"), lambda hyper: _window(hyper, show_stride=True, dims=2)),
    **dict.fromkeys(("Linear", "Bilinear", "LazyLinear", "NonDynamicallyQuantizableLinear"), _nothing),
    **dict.fromkeys(("ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Sigmoid", "Tanh", "Hardswish"), _nothing),
    **dict.fromkeys(("Identity", "Hardsigmoid", "Softsign", "PReLU", "RMSNorm", "LayerNorm"), _nothing),
    **dict.fromkeys(("TransformerEncoderLayer", "TransformerDecoderLayer", "EmbeddingBag"), _nothing),
    "LocalResponseNorm": _only("size", form="n={}"),
    "GroupNorm": _only("num_groups", form="g{}"),
    "MultiheadAttention": _only("num_heads", form="{} heads"),
    "Embedding": _only("padding_idx", form="pad={}"),
    "LeakyReLU": _only("negative_slope", form="{}"),
    "ELU": _only("alpha", 1.0, "α={}"),
    "CELU": _only("alpha", 1.0, "α={}"),
    "GELU": _only("approximate", "none"),
    "ChannelShuffle": _only("groups", form="g{}"),
    "Flatten": _flatten,
}
