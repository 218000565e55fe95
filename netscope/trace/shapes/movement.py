"""Operators that allocate, copy or rearrange."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from netscope.trace.shapes.layout import Layout, Made, channels_last, contiguous, contiguous_strides, like
from netscope.trace.shapes.registry import rule

_STRIDED_FORMATS = (None, torch.contiguous_format, torch.preserve_format)


def _default(dtype: torch.dtype | None) -> torch.dtype:
    return dtype or torch.get_default_dtype()


@rule(
    "empty.memory_format", "zeros.default", "ones.default", "rand.default", "randn.default", "empty.default"
)
def allocate(size: Sequence[int], *, dtype: Any = None, memory_format: Any = None, **_: Any) -> Made | None:
    """A new tensor of that size."""
    return contiguous(size, _default(dtype)) if memory_format in _STRIDED_FORMATS else None


@rule("new_empty.default", "new_zeros.default", "new_ones.default", "new_full.default")
def allocate_as(x: Layout, size: Sequence[int], *_: Any, dtype: Any = None, **__: Any) -> Made:
    """A new tensor of that size, of the dtype of another."""
    return contiguous(size, dtype or x.dtype)


@rule("empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like", "clone", "_to_copy")
def copy_of(x: Layout, *_: Any, dtype: Any = None, memory_format: Any = None, **__: Any) -> Made | None:
    """Same shape and, unless asked otherwise, same order of dimensions."""
    if memory_format is torch.contiguous_format:
        return contiguous(x.shape, dtype or x.dtype)
    return like(x, dtype) if memory_format in _STRIDED_FORMATS else None


@rule("scalar_tensor")
def scalar_tensor(value: Any, *, dtype: Any = None, **_: Any) -> Made:
    """A number as a 0-d tensor."""
    return contiguous((), _default(dtype))


@rule("full.default")
def full(size: Sequence[int], value: Any, *, dtype: Any = None, **_: Any) -> Made | None:
    """A new tensor of one value, whose type decides the dtype."""
    if dtype is None:
        if isinstance(value, complex):
            return None
        dtype = (
            torch.bool
            if isinstance(value, bool)
            else torch.int64
            if isinstance(value, int)
            else torch.get_default_dtype()
        )
    return contiguous(size, dtype)


@rule("arange.default", "arange.start", "arange.start_step")
def arange(*bounds: Any, dtype: Any = None, **_: Any) -> Made | None:
    """ceil((end - start) / step) numbers."""
    start, end, step = {1: (0, *bounds, 1), 2: (*bounds, 1), 3: bounds}[len(bounds)]
    if not all(type(b) in (int, float) for b in (start, end, step)):
        return None
    count = math.ceil((end - start) / step)
    if count < 0:
        return None
    if dtype is None:
        whole = all(isinstance(b, int) for b in (start, end, step))
        dtype = torch.int64 if whole else torch.get_default_dtype()
    return contiguous((count,), dtype)


@rule("cat")
def concatenate(tensors: Sequence[Layout], dim: int = 0) -> Made | None:
    """Joined along a dimension, channels-last if all are; 1-d empties and mixed dtypes are left to torch."""
    first = tensors[0]
    dtype, ndim = first.dtype, len(first.shape)
    dim %= ndim
    before, after = first.shape[:dim], first.shape[dim + 1 :]
    total = 0
    for t in tensors:
        shape = t.shape
        if t.dtype is not dtype or len(shape) != ndim or shape[:dim] != before or shape[dim + 1 :] != after:
            return None
        total += shape[dim]
    make = channels_last if all(t.is_channels_last for t in tensors) else contiguous
    return make((*before, total, *after), dtype)


@rule("stack")
def stack(tensors: Sequence[Layout], dim: int = 0) -> Made | None:
    """Joined along a new dimension."""
    first = tensors[0]
    if any(t.dtype != first.dtype or t.shape != first.shape for t in tensors):
        return None
    # With one more dimension they may be taken for channels-last, which the result then is.
    if first.ndim in (3, 4, 5) and any(t.stride != contiguous_strides(t.shape) for t in tensors):
        return None
    dim %= first.ndim + 1
    return contiguous((*first.shape[:dim], len(tensors), *first.shape[dim:]), first.dtype)


@rule("constant_pad_nd")
def pad(x: Layout, padding: Sequence[int], value: Any = 0) -> Made | None:
    """Sides grow by (before, after), last dimension first."""
    if x.stride != contiguous_strides(x.shape):
        return None  # may count as channels-last, which the result then is
    shape = list(x.shape)
    for index in range(len(padding) // 2):
        dim = x.ndim - 1 - index
        shape[dim] += padding[2 * index] + padding[2 * index + 1]
        if shape[dim] < 0:
            return None
    return contiguous(shape, x.dtype)


@rule("embedding")
def embedding(weight: Layout, ids: Layout, *_: Any, **__: Any) -> Made | None:
    """One row of the table for each id."""
    if weight.ndim != 2 or ids.dtype not in (torch.int64, torch.int32):
        return None
    return contiguous((*ids.shape, weight.shape[1]), weight.dtype)


@rule("roll", "flip")
def rearrange(x: Layout, *_: Any) -> Made | None:
    """Same shape, other places."""
    return contiguous(x.shape, x.dtype) if x.is_row_major else None


@rule("repeat")
def repeat(x: Layout, times: Sequence[int]) -> Made | None:
    """Tiled."""
    lead = len(times) - x.ndim
    if lead < 0:
        return None
    return contiguous([s * t for s, t in zip((1,) * lead + x.shape, times, strict=True)], x.dtype)


@rule("index_select")
def index_select(x: Layout, dim: int, index: Layout) -> Made | None:
    """Chosen positions along a dimension."""
    if not x.ndim or index.ndim != 1 or not x.is_contiguous:
        return None
    dim %= x.ndim
    return contiguous((*x.shape[:dim], index.shape[0], *x.shape[dim + 1 :]), x.dtype)


@rule("index.Tensor")
def index(x: Layout, indices: Sequence[Layout | None]) -> Made | None:
    """Chosen rows, as from a table of position biases; every other way of indexing is left to torch."""
    (rows,) = indices
    if rows is None or rows.dtype not in (torch.int64, torch.int32) or not x.ndim:
        return None
    if not (x.is_contiguous and rows.is_contiguous):
        return None
    return contiguous((*rows.shape, *x.shape[1:]), x.dtype)


@rule("tril", "triu")
def triangle(x: Layout, diagonal: int = 0) -> Made | None:
    """Same shape, one side zeroed."""
    return contiguous(x.shape, x.dtype) if x.is_contiguous else None
