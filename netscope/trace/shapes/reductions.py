"""Normalisation, softmax and reductions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from netscope.trace.shapes.layout import Layout, Made, channels_last, contiguous
from netscope.trace.shapes.registry import rule


@rule("native_batch_norm.default")
def batch_norm(
    x: Layout,
    weight: Layout | None,
    bias: Layout | None,
    mean: Layout | None,
    variance: Layout | None,
    training: bool,
    *_: Any,
) -> Sequence[Made] | None:
    """Normalised input, and the batch's statistics, which are empty outside training."""
    channels = x.shape[1]
    if any(t is not None and t.shape != (channels,) for t in (weight, bias, mean, variance)):
        return None
    if not (x.is_contiguous or x.is_channels_last) or not x.dtype.is_floating_point:
        return None
    dtype = torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype
    statistics = contiguous((channels if training else 0,), dtype)
    make = contiguous if x.is_contiguous else channels_last
    return [make(x.shape, x.dtype), statistics, statistics]


@rule("native_layer_norm")
def layer_norm(
    x: Layout, shape: Sequence[int], weight: Layout | None, bias: Layout | None, eps: float
) -> Sequence[Made] | None:
    """Normalised input, means and inverse deviations over the trailing `shape`."""
    lead = x.ndim - len(shape)
    if lead < 0 or x.shape[lead:] != tuple(shape) or not x.dtype.is_floating_point:
        return None
    if any(t is not None and (t.shape != tuple(shape) or t.dtype != x.dtype) for t in (weight, bias)):
        return None
    dtype = torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype
    statistics = contiguous((*x.shape[:lead], *(1,) * len(shape)), dtype)
    return [contiguous(x.shape, x.dtype), statistics, statistics]


@rule("native_group_norm")
def group_norm(
    x: Layout,
    weight: Layout | None,
    bias: Layout | None,
    batch: int,
    channels: int,
    area: int,
    groups: int,
    eps: float,
) -> Sequence[Made] | None:
    """Normalised input, means and inverse deviations of each group."""
    if not x.is_row_major or not x.dtype.is_floating_point:
        return None
    if any(t is not None and t.dtype != x.dtype for t in (weight, bias)):
        return None
    statistics = contiguous((batch, groups), x.dtype)
    return [contiguous(x.shape, x.dtype), statistics, statistics]


@rule("_softmax", "_log_softmax", "_safe_softmax")
def softmax(x: Layout, dim: int, *args: Any, dtype: Any = None) -> Made | None:
    """Probabilities along `dim`."""
    if dtype is not None or (args and args[0] is True) or not x.dtype.is_floating_point:
        return None
    return contiguous(x.shape, x.dtype) if x.is_contiguous else None


@rule("mean.dim", "sum.dim_IntList", "amax", "amin", "var.correction")
def reduction(x: Layout, *args: Any, **kwargs: Any) -> Made | None:
    """Fewer dimensions, or sides of 1. Only where result and input keep dtype and order."""
    return _reduced(x, *args, **kwargs)


def _reduced(
    x: Layout, dims: int | Sequence[int] | None = None, keepdim: bool = False, *args: Any, **kwargs: Any
) -> Made | None:
    if args or kwargs.get("dtype") is not None or not x.dtype.is_floating_point:
        return None
    keepdim = bool(kwargs.get("keepdim", keepdim))
    chosen = range(x.ndim) if dims is None or dims == [] else [dims] if isinstance(dims, int) else dims
    gone = {dim % x.ndim if x.ndim else 0 for dim in chosen}
    # What is left of another layout is in its order, which shows where two sides are left.
    if not x.is_contiguous and sum(side > 1 for d, side in enumerate(x.shape) if d not in gone) > 1:
        return None
    if keepdim:
        return contiguous([1 if d in gone else s for d, s in enumerate(x.shape)], x.dtype)
    return contiguous([s for d, s in enumerate(x.shape) if d not in gone], x.dtype)


@rule("linalg_vector_norm", "norm.ScalarOpt_dim")
def vector_norm(x: Layout, order: Any = 2, dims: Any = None, keepdim: bool = False, **kw: Any) -> Made | None:
    """A norm along dimensions."""
    if kw.get("dtype") is not None:
        return None
    return _reduced(x, dims, keepdim)


@rule("cumsum")
def running_sum(x: Layout, dim: int, **kwargs: Any) -> Made | None:
    """Same shape."""
    if kwargs.get("dtype") is not None or not x.dtype.is_floating_point or not x.is_contiguous:
        return None
    return contiguous(x.shape, x.dtype)
