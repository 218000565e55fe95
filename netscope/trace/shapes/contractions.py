"""Matrix products and attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netscope.trace.shapes.layout import Layout, Made, contiguous, like
from netscope.trace.shapes.registry import rule


def _product(left: Layout, right: Layout, bias: Layout | None = None) -> Made | None:
    """(..., n, k) @ (..., k, m) of equal rank; `bias` only has to be broadcastable."""
    if left.ndim != right.ndim or left.shape[:-2] != right.shape[:-2] or left.dtype != right.dtype:
        return None
    if left.shape[-1] != right.shape[-2]:
        return None
    shape = (*left.shape[:-1], right.shape[-1])
    if bias is not None:
        sizes = zip(reversed(bias.shape), reversed(shape), strict=False)
        if bias.ndim > len(shape) or bias.dtype != left.dtype or any(b not in (1, s) for b, s in sizes):
            return None
    return contiguous(shape, left.dtype)


@rule("mm", "bmm")
def matrix_product(left: Layout, right: Layout) -> Made | None:
    """(n, k) @ (k, m), or the same over a batch."""
    return _product(left, right) if left.ndim == right.ndim in (2, 3) else None


@rule("addmm", "baddbmm")
def biased_product(bias: Layout, left: Layout, right: Layout, **_: Any) -> Made | None:
    """bias + left @ right."""
    return _product(left, right, bias) if left.ndim == right.ndim in (2, 3) else None


@rule("_grouped_mm")
def grouped_product(
    left: Layout, right: Layout, offsets: Layout | None = None, bias: Layout | None = None, *_: Any
) -> Made | None:
    """Rows in groups, each with a matrix of its own: (n, k) @ (groups, k, m), or both with groups.

    For mixtures of experts in float32: torch's meta kernel takes bfloat16 alone, its CPU kernel any.
    """
    if bias is not None or left.dtype != right.dtype or right.ndim != 3 or left.shape[-1] != right.shape[1]:
        return None
    if (left.ndim == 2) != (offsets is not None) or (left.ndim == 3 and left.shape[0] != right.shape[0]):
        return None
    if offsets is not None and offsets.shape != right.shape[:1]:
        return None
    if left.ndim not in (2, 3) or any(side * left.dtype.itemsize % 16 for side in right.shape[1:]):
        return None
    return contiguous((*left.shape[:-1], right.shape[-1]), left.dtype)


@rule("mv")
def matrix_vector(matrix: Layout, vector: Layout) -> Made | None:
    """(n, k) @ (k)."""
    if matrix.ndim != 2 or matrix.shape[1:] != vector.shape or matrix.dtype != vector.dtype:
        return None
    return contiguous(matrix.shape[:1], matrix.dtype)


@rule("dot", "vdot")
def inner_product(left: Layout, right: Layout) -> Made | None:
    """(k) . (k)."""
    if left.ndim != 1 or left.shape != right.shape or left.dtype != right.dtype:
        return None
    return contiguous((), left.dtype)


@rule("scaled_dot_product_attention")
def attention(
    query: Layout,
    key: Layout,
    value: Layout,
    attn_mask: Layout | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Made | None:
    """(..., heads, L, E), (..., heads, S, E), (..., heads, S, Ev) -> (..., heads, L, Ev).

    With `enable_gqa` the key's heads divide the query's. The fused kernels give the result the query's
    order of dimensions; where they do not apply, the product is contiguous.
    """
    if not query.ndim == key.ndim == value.ndim >= 3 or not query.dtype == key.dtype == value.dtype:
        return None
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        return None
    if enable_gqa:
        heads, groups = query.shape[-3], key.shape[-3]
        if query.ndim != 4 or heads % groups or value.shape[-3] != groups:
            return None
        leading = [query.shape[:1], key.shape[:1], value.shape[:1]]
    else:
        leading = [query.shape[:-2], key.shape[:-2], value.shape[:-2]]
    if any(lead != leading[0] for lead in leading):
        return None
    if attn_mask is not None:
        scores = (*query.shape[:-1], key.shape[-2])
        mask = attn_mask.shape
        if len(mask) > len(scores) or any(
            m not in (1, s) for m, s in zip(reversed(mask), reversed(scores), strict=False)
        ):
            return None
    shape = (*query.shape[:-1], value.shape[-1])
    fused = (
        query.ndim == 4
        and dropout_p == 0
        and query.shape[-1] == value.shape[-1]
        and min(query.shape[-2], key.shape[-2]) > 0
        and all(t.stride[-1] == 1 for t in (query, key, value))
    )
    if not fused:
        return contiguous(shape, query.dtype)
    return like(query)


def _recurrent(data: Layout, hidden: Sequence[Layout], bidirectional: bool, by_batch: bool) -> Sequence[Made]:
    """Output and final states. The state's width is that of `hidden`, which may be projected."""
    width = hidden[0].shape[-1] * (2 if bidirectional else 1)
    shape = (*data.shape[:-1], width)
    output = contiguous(shape, data.dtype)
    if by_batch:  # computed with time first, and turned round
        batch, _, features = shape
        output = shape, (features, batch * features, 1), data.dtype
    return [output, *(contiguous(state.shape, data.dtype) for state in hidden)]


@rule("lstm.input")
def lstm(
    data: Layout,
    hidden: Sequence[Layout],
    weights: Sequence[Layout],
    has_biases: bool,
    layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> Sequence[Made]:
    """Dense sequence: (T, N, F) or (N, T, F) -> output, h, c."""
    return _recurrent(data, hidden, bidirectional, by_batch=batch_first)


@rule("lstm.data")
def packed_lstm(
    data: Layout,
    batch_sizes: Layout,
    hidden: Sequence[Layout],
    weights: Sequence[Layout],
    has_biases: bool,
    layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
) -> Sequence[Made]:
    """Packed sequence: (sum of lengths, F) -> output, h, c."""
    return _recurrent(data, hidden, bidirectional, by_batch=False)


@rule("gru.input", "rnn_tanh.input", "rnn_relu.input")
def recurrent(
    data: Layout,
    hidden: Layout,
    weights: Sequence[Layout],
    has_biases: bool,
    layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> Sequence[Made]:
    """Dense sequence -> output, h."""
    return _recurrent(data, [hidden], bidirectional, by_batch=batch_first)


@rule("gru.data", "rnn_tanh.data", "rnn_relu.data")
def packed_recurrent(
    data: Layout,
    batch_sizes: Layout,
    hidden: Layout,
    weights: Sequence[Layout],
    has_biases: bool,
    layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
) -> Sequence[Made]:
    """Packed sequence -> output, h."""
    return _recurrent(data, [hidden], bidirectional, by_batch=False)
