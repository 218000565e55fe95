"""Operators that slide a window: convolution, pooling, resampling."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch

from netscope.trace.shapes.layout import Layout, Made, contiguous, contiguous_strides
from netscope.trace.shapes.registry import rule


def _each(value: int | Sequence[int], dims: int) -> tuple[int, ...]:
    """One number for every spatial dimension."""
    if isinstance(value, int):
        return (value,) * dims
    return tuple(value) * dims if len(value) == 1 else tuple(value)


@rule("convolution")
def convolution(
    x: Layout,
    weight: Layout,
    bias: Layout | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Made | None:
    """(N, C, *in) -> (N, C', *out); channels-last tensors are left to torch."""
    dims = weight.ndim - 2
    if x.ndim != weight.ndim or not dims or x.dtype != weight.dtype:
        return None
    if not (x.is_row_major and weight.is_row_major) or min(x.shape) == 0:
        return None
    # Torch makes images of sequences, which may then be taken for channels-last.
    if dims == 1 and any(t.stride != contiguous_strides(t.shape) for t in (x, weight)):
        return None
    kernel = weight.shape[2:]
    stride, padding, dilation = _each(stride, dims), _each(padding, dims), _each(dilation, dims)
    channels = weight.shape[1] * groups if transposed else weight.shape[0]
    reads = weight.shape[0] if transposed else weight.shape[1] * groups
    if x.shape[1] != reads or (bias is not None and bias.shape != (channels,)) or channels % groups:
        return None
    sides = []
    for dim, side in enumerate(x.shape[2:]):
        reach = dilation[dim] * (kernel[dim] - 1)
        if transposed:
            grown = (side - 1) * stride[dim] - 2 * padding[dim] + reach
            sides.append(grown + _each(output_padding, dims)[dim] + 1)
        else:
            sides.append((side + 2 * padding[dim] - reach - 1) // stride[dim] + 1)
        if sides[-1] <= 0:
            return None
    return contiguous((x.shape[0], channels, *sides), x.dtype)


def _pooled(
    x: Layout,
    dims: int,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil_mode: bool,
) -> Made | None:
    """Pooling over the last `dims` dimensions of a batched or single contiguous tensor."""
    if x.ndim not in (dims + 1, dims + 2) or not x.is_row_major or not x.dtype.is_floating_point:
        return None
    kernel, padding, dilation = _each(kernel, dims), _each(padding, dims), _each(dilation, dims)
    stride = _each(stride, dims) if stride else kernel
    sides = []
    for dim, side in enumerate(x.shape[-dims:]):
        if 2 * padding[dim] > kernel[dim]:
            return None
        span = side + 2 * padding[dim] - dilation[dim] * (kernel[dim] - 1) - 1
        count = span // stride[dim] + 1
        # With ceil_mode a last, partial window counts if it starts inside the input or left padding.
        if ceil_mode and span % stride[dim] and count * stride[dim] < side + padding[dim]:
            count += 1
        if count <= 0:
            return None
        sides.append(count)
    return contiguous((*x.shape[:-dims], *sides), x.dtype)


def _max_pool(dims: int) -> Any:
    def pool(
        x: Layout,
        kernel: Sequence[int],
        stride: Sequence[int] = (),
        padding: Sequence[int] = (0,),
        dilation: Sequence[int] = (1,),
        ceil_mode: bool = False,
    ) -> Sequence[Made] | None:
        values = _pooled(x, dims, kernel, stride, padding, dilation, ceil_mode)
        return None if values is None else [values, (*values[:2], torch.int64)]

    return pool


def _avg_pool(dims: int) -> Any:
    def pool(
        x: Layout,
        kernel: Sequence[int],
        stride: Sequence[int] = (),
        padding: Sequence[int] = (0,),
        ceil_mode: bool = False,
        *_: Any,
    ) -> Made | None:
        if dims == 3 and any(map(operator.gt, _each(kernel, 3), x.shape[-3:])):
            return None  # torch wants each side as large as the kernel here, padding or not
        return _pooled(x, dims, kernel, stride, padding, (1,), ceil_mode)

    return pool


rule("max_pool2d_with_indices")(_max_pool(2))
rule("max_pool3d_with_indices")(_max_pool(3))
rule("avg_pool2d")(_avg_pool(2))
rule("avg_pool3d")(_avg_pool(3))


@rule("_adaptive_avg_pool2d", "_adaptive_avg_pool3d")
def adaptive_average(x: Layout, size: Sequence[int]) -> Made | None:
    """Averages over windows that tile the input in `size` places."""
    if x.ndim not in (len(size) + 1, len(size) + 2) or not x.is_row_major:
        return None
    return contiguous((*x.shape[: -len(size)], *size), x.dtype)


@rule("adaptive_max_pool2d", "adaptive_max_pool3d")
def adaptive_maximum(x: Layout, size: Sequence[int]) -> Sequence[Made] | None:
    """The same with maxima, and their positions."""
    values = adaptive_average(x, size)
    return None if values is None else [values, (*values[:2], torch.int64)]  # type: ignore[list-item]


@rule(
    "upsample_nearest1d.default",
    "upsample_nearest2d.default",
    "upsample_nearest3d.default",
    "upsample_bilinear2d.default",
    "upsample_bicubic2d.default",
    "upsample_linear1d.default",
    "upsample_trilinear3d.default",
)
def resample(x: Layout, size: Sequence[int], *_: Any) -> Made | None:
    """(N, C, *in) -> (N, C, *size)."""
    if x.ndim != len(size) + 2 or not x.is_row_major:
        return None
    return contiguous((*x.shape[:2], *size), x.dtype)
