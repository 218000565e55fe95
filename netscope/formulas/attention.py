"""Attention, fused and not, forward and backward.

For B x H heads, L queries and S keys of E features, and values of Ev features:

    scores  = scale * Q @ K.T            B*H*L*S*E  MACs
    weights = softmax(scores + mask)
    output  = weights @ V                B*H*L*S*Ev MACs

so B*H*L*S*(E + Ev). With grouped queries (fewer key heads) each query head still meets S keys, so H
counts the query heads. Causal attention is counted full, as the field does, and `causal_macs` says
what the triangle alone would take. The vector arithmetic per score is: scale (mul); an additive mask
(add), a boolean or causal one (cmp); softmax (maximum, subtraction, exp, sum, division); dropout (div
and mul, as in pointwise.py). Every backend's operator counts the same.
"""

from __future__ import annotations

from typing import Final

from netscope.base.cost import Cost, VectorOps
from netscope.base.workload import TensorSpec
from netscope.formulas.registry import (
    arg,
    broadcast,
    contraction,
    formula,
    optional_tensor,
    packet_of,
    product,
    tensor,
)
from netscope.formulas.softmax import softmax_ops
from netscope.trace.facts import Operator

Shape = tuple[int, ...]


def attention_cost(
    query: Shape,
    key: Shape,
    value: Shape,
    *,
    mask: TensorSpec | None = None,
    causal: bool = False,
    bottom_right: bool = False,
    dropout: bool = False,
) -> Cost:
    """The forward cost for shapes (.., L, E), (.., S, E) and (.., S, Ev)."""
    heads = _heads(query[:-2], key[:-2])
    length, keys = query[-2], key[-2]
    width = query[-1] + value[-1]
    rows = heads * length
    scores = rows * keys
    vector = VectorOps(mul=scores) + softmax_ops(scores, rows)
    if mask is not None:
        vector += VectorOps(cmp=scores) if mask.dtype == "bool" else VectorOps(add=scores)
    if causal:
        vector += VectorOps(cmp=scores)
    if dropout:
        vector += VectorOps(div=scores, mul=scores)
    needed = heads * causal_pairs(length, keys, bottom_right=bottom_right) * width if causal else None
    return contraction(scores * width, vector, needed)


def causal_pairs(length: int, keys: int, *, bottom_right: bool = False) -> int:
    """How many (query, key) pairs a causal mask leaves.

    Aligned top left, as `is_causal` is, query i sees min(i + 1, S) keys. Aligned bottom right the last
    query sees all S, so query i sees S - L + i + 1 of them, where that is positive.
    """
    if bottom_right:
        visible = min(length, keys)  # queries that see anything; the last of them sees all keys
        return visible * keys - visible * (visible - 1) // 2
    triangle = min(length, keys)
    return triangle * (triangle + 1) // 2 + (length - triangle) * keys


def _heads(query: Shape, key: Shape) -> int:
    """Batch x heads: dimensions broadcast, and the head dimension is the query's (it has more)."""
    short, long = sorted((query, key), key=len)
    padded = (1,) * (len(long) - len(short)) + short
    return product(broadcast(padded, long))


def _qkv(op: Operator, first: int = 0) -> tuple[Shape, Shape, Shape]:
    q, k, v = (tensor(op, first + i, name) for i, name in enumerate(("query", "key", "value")))
    return q.shape, k.shape, v.shape


# Where the backends keep their mask, dropout_p and is_causal.
_LAYOUT: Final[dict[str, tuple[int, int, int]]] = {
    "scaled_dot_product_attention": (3, 4, 5),
    "_scaled_dot_product_attention_math": (3, 4, 5),
    "_scaled_dot_product_attention_math_for_mps": (3, 4, 5),
    "_scaled_dot_product_fused_attention_overrideable": (3, 4, 5),
    "_scaled_dot_product_efficient_attention": (3, 5, 6),
    "_scaled_dot_product_cudnn_attention": (3, 5, 6),
    "_scaled_dot_product_flash_attention_for_cpu": (-1, 3, 4),
    "_scaled_dot_product_flash_attention": (-1, 3, 4),
}


@formula(*(f"aten.{name}" for name in _LAYOUT))
def scaled_dot_product_attention(op: Operator) -> Cost:
    """F.scaled_dot_product_attention and the operators that it chooses among."""
    mask_at, dropout_at, causal_at = _LAYOUT[packet_of(op)]
    if op.name.endswith(".quantized"):  # three descaling factors go before dropout_p
        dropout_at, causal_at = dropout_at + 3, causal_at + 3
    mask = op.kwargs.get("attn_mask", op.kwargs.get("attn_bias"))
    if mask is None and mask_at >= 0:
        mask = arg(op, mask_at, "attn_mask")
    return attention_cost(
        *_qkv(op),
        mask=mask if isinstance(mask, TensorSpec) else None,
        causal=bool(arg(op, causal_at, "is_causal", False)),
        dropout=float(arg(op, dropout_at, "dropout_p", 0.0)) > 0,
    )


@formula("flex_attention")
def flex_attention(op: Operator) -> Cost:
    """The higher-order operator (query, key, value), with `visible_pairs` where its mask could be asked.

    Counted full, as causal attention is: what the mask leaves stands beside it. The user's score_mod is not
    arithmetic that the specs show.
    """
    query, key, value = _qkv(op)
    cost = attention_cost(query, key, value)
    pairs = op.kwargs.get("visible_pairs")
    if pairs is None:
        return cost
    return contraction(cost.macs, cost.vector, pairs * (query[-1] + value[-1]))


@formula("flex_attention_backward")
def flex_attention_backward(op: Operator) -> Cost:
    """(query, key, value, ..): as `attention_backward`."""
    return _backward_cost(*_qkv(op))


def _heads_first(shape: Shape) -> Shape:
    """(batch, length, heads, features) -> (batch, heads, length, features)."""
    batch, length, heads, features = shape
    return batch, heads, length, features


@formula("aten._flash_attention_forward")
def flash_attention_forward(op: Operator) -> Cost | None:
    """The kernel below SDPA, (batch, length, heads, features).

    Unknown with `cum_seq_q`: sequences packed end to end, whose lengths are data. A causal mask is
    aligned bottom right here. A sliding window is counted full, like a causal mask.
    """
    if isinstance(arg(op, 3, "cum_seq_q"), TensorSpec):
        return None
    return attention_cost(
        *map(_heads_first, _qkv(op)),
        causal=bool(arg(op, 8, "is_causal", False)),
        bottom_right=True,
        dropout=float(arg(op, 7, "dropout_p", 0.0)) > 0,
    )


@formula("aten._cudnn_attention_forward")
def cudnn_attention_forward(op: Operator) -> Cost | None:
    """The same for cuDNN, which keeps (batch, heads, length, features) and takes a mask."""
    if isinstance(arg(op, 4, "cum_seq_q"), TensorSpec):
        return None
    return attention_cost(
        *_qkv(op),
        mask=optional_tensor(op, 3, "attn_bias"),
        causal=bool(arg(op, 10, "is_causal", False)),
        dropout=float(arg(op, 9, "dropout_p", 0.0)) > 0,
    )


@formula("aten._efficient_attention_forward")
def efficient_attention_forward(op: Operator) -> Cost | None:
    """The memory-efficient kernel: custom_mask_type 1 is causal from the top left, 2 bottom right."""
    if isinstance(arg(op, 4, "cu_seqlens_q"), TensorSpec):
        return None
    q, k, v = (_heads_first(shape) for shape in _qkv(op))
    mask_type = int(arg(op, 9, "custom_mask_type", 0))
    return attention_cost(
        q,
        k,
        v,
        mask=optional_tensor(op, 3, "bias"),
        causal=mask_type > 0,
        bottom_right=mask_type == 2,
        dropout=float(arg(op, 8, "dropout_p", 0.0)) > 0,
    )


# Where each backward keeps is_causal (or its mask type, for which 1 and 2 are causal); grad_out,
# query, key and value are always the first four.
_BACKWARD_CAUSAL: Final[dict[str, int]] = {
    "_scaled_dot_product_flash_attention_backward": 11,
    "_scaled_dot_product_flash_attention_for_cpu_backward": 7,
    "_scaled_dot_product_efficient_attention_backward": 11,
    "_scaled_dot_product_cudnn_attention_backward": 14,
    "_scaled_dot_product_fused_attention_overrideable_backward": 13,
    "_cudnn_attention_backward": 14,
    "_flash_attention_backward": 11,
    "_efficient_attention_backward": 14,
}

# These are (batch, length, heads, features), and may hold sequences packed end to end.
_HEADS_LAST: Final = ("_flash_attention_backward", "_efficient_attention_backward")


@formula(*(f"aten.{name}" for name in _BACKWARD_CAUSAL))
def attention_backward(op: Operator) -> Cost | None:
    """Five products, for the kernels keep no scores.

        scores again = Q @ K.T   L*S*E        dV = P.T @ dO   L*S*Ev       dP = dO @ V.T   L*S*Ev
        dQ = dS @ K              L*S*E        dK = dS.T @ Q   L*S*E

    Per score also: scale, subtract the log-sum-exp, exp; dS = P * (dP - delta), scale again. delta is
    the row sum of dO * O.
    """
    packet = packet_of(op)
    q, k, v = _qkv(op, first=1)
    if packet in _HEADS_LAST:
        if isinstance(arg(op, 6, "cum_seq_q"), TensorSpec):
            return None
        q, k, v = _heads_first(q), _heads_first(k), _heads_first(v)
    mask_type = int(arg(op, _BACKWARD_CAUSAL[packet], "is_causal", 0))
    bottom_right = mask_type == 2 or packet == "_flash_attention_backward"
    return _backward_cost(q, k, v, causal=mask_type > 0, bottom_right=bottom_right)


def _backward_cost(q: Shape, k: Shape, v: Shape, *, causal: bool = False, bottom_right: bool = False) -> Cost:
    heads, length, keys = _heads(q[:-2], k[:-2]), q[-2], k[-2]
    features, width = q[-1], v[-1]
    scores, rows = heads * length * keys, heads * length
    per_pair = 3 * features + 2 * width
    vector = VectorOps(mul=3, add=2, exp=1) * scores
    vector += VectorOps(mul=width, add=max(width - 1, 0)) * rows
    needed = heads * causal_pairs(length, keys, bottom_right=bottom_right) * per_pair
    return contraction(scores * per_pair, vector, needed if causal else None)
