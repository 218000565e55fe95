"""Operators that are several in one, which count what their parts would.

oneDNN's, which torch.compile writes into CPU graphs: a convolution or a linear with an elementwise tail, an
activation that goes by its name, and in the `binary` overloads a second input added (or otherwise combined)
before it. And the inference paths of nn.MultiheadAttention and nn.TransformerEncoderLayer.
"""

from __future__ import annotations

from typing import Any, Final

from netscope.base.cost import Cost, VectorOps
from netscope.base.workload import TensorSpec
from netscope.formulas.attention import Shape, attention_cost
from netscope.formulas.contractions import bias_add, conv_macs
from netscope.formulas.normalization import layer_norm_ops
from netscope.formulas.pointwise import POINTWISE
from netscope.formulas.registry import (
    Uncountable,
    arg,
    contraction,
    formula,
    optional_tensor,
    output,
    packet_of,
    product,
    tensor,
)
from netscope.trace.facts import Operator

# oneDNN's names, where they are not ATen's.
_ALIASES: Final = {"swish": "silu"}


@formula(
    "mkldnn._linear_pointwise",
    "mkldnn._convolution_pointwise",
    "mkldnn._convolution_transpose_pointwise",
)
def fused(op: Operator) -> Cost:
    """(X, W, B, ..., attr, ...), or (X, other, W, B, ..., attr, ...) with a second input.

    The in-place `_convolution_pointwise_` has the second input first: (other, X, W, B, ...).
    """
    binary = op.name.endswith(".binary")
    swapped = "_pointwise_." in op.name
    x = tensor(op, 1 if swapped else 0, "X")
    weight, bias = tensor(op, 1 + binary, "W"), optional_tensor(op, 2 + binary, "B")
    out = output(op)
    if "linear" in op.name:
        macs = out.numel * x.shape[-1]
    else:
        macs = conv_macs(x, weight, out, transposed="transpose" in packet_of(op))
    tail = bias_add(bias, out.numel) + VectorOps(add=out.numel * binary)
    for name in filter(None, map(_activation, op.args)):
        tail += POINTWISE[name] * out.numel
    return contraction(macs, tail)


def _activation(value: Any) -> str | None:
    """The elementwise operator that a string argument names, if it names one."""
    name = _ALIASES.get(value, value) if isinstance(value, str) else None
    return name if name in POINTWISE and name != "none" else None


@formula("aten._native_multi_head_attention", "aten._triton_multi_head_attention")
def multi_head_attention(op: Operator) -> Cost:
    """(query, key, value, embed_dim D, num_head H, qkv_weight, qkv_bias, proj_weight, proj_bias, mask).

    Three projections of D x D, the attention of H heads of D/H features, the output projection, and a
    bias for each of the four. Averaging the returned weights is not counted.
    """
    query, key = tensor(op, 0, "query"), tensor(op, 1, "key")
    heads, mask = int(arg(op, 4, "num_head")), optional_tensor(op, 9, "mask")
    return multi_head_cost(query.shape, key.shape, heads, mask)


def multi_head_cost(query: Shape, key: Shape, heads: int, mask: TensorSpec | None) -> Cost:
    """Attention with its four projections, for (batch, length, features)."""
    if len(query) != 3:
        raise Uncountable("nested tensors have no shape")
    batch, length, features = query
    keys = key[1]
    queried, looked_up = (batch, heads, length, features // heads), (batch, heads, keys, features // heads)
    core = attention_cost(queried, looked_up, looked_up, mask=mask)
    projected = batch * (2 * length + 2 * keys) * features  # elements of q, k, v and the output
    return contraction(projected * features + core.macs, VectorOps(add=projected) + core.vector)


@formula("aten._transformer_encoder_layer_fwd")
def encoder_layer(op: Operator) -> Cost:
    """(src, embed_dim, num_heads, .. 14: ffn_weight_1, .. 18: mask).

    Self-attention, two linears with an activation between, two layer norms, two residual additions.
    """
    src = tensor(op, 0, "src")
    mask = optional_tensor(op, 18, "mask")
    attention = multi_head_cost(src.shape, src.shape, int(arg(op, 2, "num_heads")), mask)
    width, tokens = src.shape[-1], product(src.shape[:-1])
    hidden = tensor(op, 14, "ffn_weight_1").shape[0]
    activation = POINTWISE["gelu" if arg(op, 7, "use_gelu") else "relu"]
    vector = attention.vector + activation * (tokens * hidden)
    vector += VectorOps(add=tokens * (hidden + width))  # the linears' biases
    vector += VectorOps(add=2 * src.numel)  # the residuals
    vector += layer_norm_ops(src.numel, tokens, weight=True, bias=True) * 2
    return contraction(attention.macs + 2 * tokens * hidden * width, vector)
