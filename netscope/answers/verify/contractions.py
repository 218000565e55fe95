"""Multiply-accumulates of contractions by shapes alone, apart from `netscope.formulas`.

A reason for a difference must not rest on the figure that it explains: were a formula of netscope's wrong,
the reason would be wrong by as much, and the two would agree. So what a peer leaves out is worked out here
once more, from what went in and what came out, and a formula that is wrong leaves a rest without a reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from netscope.base.workload import TensorSpec

# (arguments by position, tensors returned) -> multiply-accumulates
Rule = Callable[[Sequence[Any], Sequence[TensorSpec]], int]

# A complex product is four real ones.
_COMPLEX: Final = 4


def macs_of(
    operator: str, args: Sequence[Any], outputs: Sequence[TensorSpec], *, as_dense: bool = False
) -> int:
    """Of one call; 0 of what is no contraction.

    Args:
        as_dense: as if sparse factors stored all of their elements.
        operator: its name without namespace and overload: "mm", "convolution".
        args: by position, with a TensorSpec for each tensor, in lists too.
        outputs: the tensors returned.
    """
    rule = RULES.get(operator)
    if rule is None:
        return 0
    try:
        macs = rule(args, outputs)
    except (AttributeError, IndexError, TypeError, ValueError, ZeroDivisionError):
        return 0  # arguments of another form: what they cost is then a rest without a reason
    sparse = [arg for arg in args if isinstance(arg, TensorSpec) and arg.stored is not None]
    if sparse and not as_dense:
        # Each element that is stored meets what it would meet in a dense factor; of two nobody knows.
        factor, *others = sparse
        assert factor.stored is not None
        macs = 0 if others else macs * factor.stored.elements // max(factor.numel, 1)
    return macs * (_COMPLEX if outputs and outputs[0].dtype.startswith("complex") else 1)


def bare(name: str) -> str:
    """ "mm" of "aten.mm.default" and of "aten::mm"."""
    packet = name.replace("::", ".").split(".")
    return packet[1] if len(packet) > 1 else packet[0]


def _product(place: int) -> Rule:
    """Of a matrix product whose first factor is at that place: its width for each element that comes out."""

    def rule(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
        width: int = args[place].shape[-1]
        return outputs[0].numel * width

    return rule


def _summed_product(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
    """addbmm: one result of all matrices of a batch."""
    return int(outputs[0].numel * math.prod(args[1].shape[:1] + args[1].shape[-1:]))


def _slides(place: int) -> Rule:
    """The kernel at each place of one side: the output's (-1), or transposed the input's (0)."""

    def rule(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
        side: TensorSpec = outputs[0] if place else args[0]
        packed = isinstance(args[1], (list, tuple))  # a quantised weight and its bias
        weight: TensorSpec = args[1][0] if packed else args[1]
        return side.numel * weight.numel // weight.shape[0]

    return rule


def _convolution(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
    """The general form, which says whether it is transposed."""
    return _slides(0 if len(args) > 6 and args[6] else -1)(args, outputs)


def _attention(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
    """Each query meets each key over the features, and each weight its value."""
    query, key, value = args[:3]
    queries = outputs[0].numel // value.shape[-1]
    return int(queries * key.shape[-2] * (query.shape[-1] + value.shape[-1]))


def _fused_attention(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
    """nn.MultiheadAttention in one: (query, key, ...); four projections around the attention."""
    batch, length, width = args[0].shape
    keys = args[1].shape[1]
    return int(batch * width * (2 * length * width + 2 * keys * width + 2 * length * keys))


def _fused_layer(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
    """nn.TransformerEncoderLayer in one: every token meets four matrices, and each other token twice."""
    batch, length, width = args[0].shape
    matrices = sum(args[place].numel for place in (3, 5, 14, 16))
    return int(batch * length * (matrices + 2 * length * width))


def _heads_last(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
    """The same of (batch, length, heads, features)."""
    query, key, value = args[:3]
    queries = query.numel // query.shape[-1]
    return int(queries * key.shape[1] * (query.shape[-1] + value.shape[-1]))


def _recurrent(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
    """Every matrix of the stack, for every token. A packed sequence has its lengths in second place."""
    packed = isinstance(args[1], TensorSpec) and isinstance(args[3], (list, tuple))
    weights = args[3] if packed else args[2]
    tokens = args[0].numel // args[0].shape[-1]
    return int(tokens * sum(weight.numel for weight in weights if len(weight.shape) == 2))


def _cell(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
    """Two matrices, for every sample."""
    x, inner, outer = args[0], args[2], args[3]
    return int(x.numel // x.shape[-1] * (inner.numel + outer.numel))


def _recurrent_layer(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
    """One layer in one direction: (x, inner matrix, outer matrix, ...)."""
    x, inner, outer = args[:3]
    return int(x.numel // x.shape[-1] * (inner.numel + outer.numel))


def _grouped(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
    """Each row with the matrix of its group."""
    rows, matrices = args[0], args[1]
    groups = 1 if len(matrices.shape) == 2 or len(rows.shape) == 2 else rows.shape[0]
    return int(groups * rows.shape[-2] * rows.shape[-1] * matrices.shape[-1])


def _einsum(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
    """Of two tensors: all letters, but for those that one of them sums up alone. Of more: not known."""
    equation, tensors = str(args[0]).replace(" ", ""), list(args[1])
    if len(tensors) != 2 or "." in equation:
        raise ValueError(equation)
    given, _, result = equation.partition("->")
    one, other = given.split(",")
    if "->" not in equation:
        result = "".join(sorted(letter for letter in {*one, *other} if given.count(letter) == 1))
    left, right = (
        dict(zip(side, t.shape, strict=True)) for side, t in zip((one, other), tensors, strict=True)
    )
    shared = [letter for letter in left if letter in right]
    if not any(letter not in result and left[letter] > 1 < right[letter] for letter in shared):
        return 0  # nothing is summed up: torch multiplies element by element
    sizes = {letter: max(left.get(letter, 1), right.get(letter, 1)) for letter in {*left, *right}}
    return math.prod(n for letter, n in sizes.items() if letter in result or letter in shared)


def _bilinear(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
    """b*k*i*j, then b*k*j."""
    x, weight = args[0], args[2]
    return int(x.numel // x.shape[-1] * (weight.numel + weight.shape[0] * weight.shape[2]))


def _trilinear(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
    """As nn.Bilinear has it: (x, weight, z)."""
    x, weight = args[0], args[1]
    return int(x.numel // x.shape[-1] * (weight.numel + weight.shape[0] * weight.shape[2]))


def _distances(args: Sequence[Any], outputs: Sequence[TensorSpec]) -> int:
    """Euclidean ones: a product for each coordinate of each pair. Others have none."""
    power = args[2] if len(args) > 2 else 2.0
    return int(outputs[0].numel * args[0].shape[-1]) if float(power) == 2.0 else 0


RULES: Final[dict[str, Rule]] = {
    **dict.fromkeys(("mm", "bmm", "matmul", "mv", "dot", "vdot", "_int_mm", "linear"), _product(0)),
    **dict.fromkeys(("addmm", "addmv", "baddbmm", "_addmm_activation"), _product(1)),
    **dict.fromkeys(("linear_dynamic", "linear_relu_dynamic", "linear_relu"), _product(0)),
    **dict.fromkeys(("_scaled_mm", "_weight_int8pack_mm", "_weight_int4pack_mm"), _product(0)),
    **dict.fromkeys(("convolution", "_convolution", "convolution_overrideable"), _convolution),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "_convolution_mode", "_slow_conv2d_forward"), _slides(-1)),
    **{f"conv{n}d{tail}": _slides(-1) for n in (1, 2, 3) for tail in ("_relu", "_add", "_add_relu")},
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _slides(0)),
    **dict.fromkeys(
        (
            "scaled_dot_product_attention",
            "_scaled_dot_product_attention_math",
            "_scaled_dot_product_flash_attention",
            "_scaled_dot_product_flash_attention_for_cpu",
            "_scaled_dot_product_efficient_attention",
            "_scaled_dot_product_cudnn_attention",
            "_scaled_dot_product_fused_attention_overrideable",
            "flex_attention",
        ),
        _attention,
    ),
    **dict.fromkeys(("_flash_attention_forward", "_efficient_attention_forward"), _heads_last),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrent),
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), _cell),
    **dict.fromkeys(("_grouped_mm", "_scaled_grouped_mm"), _grouped),
    **dict.fromkeys(("cdist", "_cdist_forward", "_euclidean_dist"), _distances),
    "_native_multi_head_attention": _fused_attention,
    "_transformer_encoder_layer_fwd": _fused_layer,
    "mkldnn_rnn_layer": _recurrent_layer,
    "addbmm": _summed_product,
    "einsum": _einsum,
    "bilinear": _bilinear,
    "_trilinear": _trilinear,
}
