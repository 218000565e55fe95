"""Operators that look at the same memory in another way: shapes and strides, nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence

from netscope.trace.shapes.layout import Layout, Made, contiguous, contiguous_strides
from netscope.trace.shapes.registry import rule


@rule("detach.default", "alias.default")
def same(x: Layout) -> Made:
    """The tensor itself."""
    return x.shape, x.stride, x.dtype


@rule("view.default", "_unsafe_view.default")
def view(x: Layout, size: Sequence[int]) -> Made | None:
    """Another shape for the same elements, of what steps as if it were new; the rest is left to torch."""
    if x.stride != contiguous_strides(x.shape) or x.numel == 0:
        return None
    shape = list(size)
    if shape.count(-1) == 1:
        rest = math.prod(side for side in shape if side != -1)
        if rest <= 0 or x.numel % rest:
            return None
        shape[shape.index(-1)] = x.numel // rest
    if math.prod(shape) != x.numel or min(shape, default=1) < 0:
        return None
    return contiguous(shape, x.dtype)


@rule("t.default")
def matrix_transpose(x: Layout) -> Made | None:
    """Rows become columns."""
    return (x.shape[::-1], x.stride[::-1], x.dtype) if x.ndim == 2 else None


@rule("permute.default")
def permute(x: Layout, dims: Sequence[int]) -> Made | None:
    """Dimensions in another order."""
    order = [dim % x.ndim for dim in dims]
    return _reordered(x, order) if sorted(order) == list(range(x.ndim)) else None


def _reordered(x: Layout, order: Sequence[int]) -> Made:
    return tuple([x.shape[d] for d in order]), tuple([x.stride[d] for d in order]), x.dtype


@rule("transpose.int")
def transpose(x: Layout, first: int, second: int) -> Made | None:
    """Two dimensions exchanged."""
    if not (-x.ndim <= first < x.ndim and -x.ndim <= second < x.ndim):
        return None
    order = list(range(x.ndim))
    order[first], order[second] = order[second], order[first]
    return _reordered(x, order)


@rule("unsqueeze.default")
def unsqueeze(x: Layout, dim: int) -> Made | None:
    """A new side of 1, with the step that the side after it takes as a whole."""
    if not -x.ndim - 1 <= dim <= x.ndim:
        return None
    dim %= x.ndim + 1
    step = x.shape[dim] * x.stride[dim] if dim < x.ndim else 1
    return (
        (*x.shape[:dim], 1, *x.shape[dim:]),
        (*x.stride[:dim], step, *x.stride[dim:]),
        x.dtype,
    )


@rule("select.int")
def select(x: Layout, dim: int, index: int) -> Made | None:
    """One place along a dimension, which goes."""
    if not -x.ndim <= dim < x.ndim or not -x.shape[dim] <= index < x.shape[dim]:
        return None
    dim %= x.ndim
    return (*x.shape[:dim], *x.shape[dim + 1 :]), (*x.stride[:dim], *x.stride[dim + 1 :]), x.dtype


@rule("slice.Tensor")
def cut(
    x: Layout, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Made | None:
    """A range along a dimension."""
    if not -x.ndim <= dim < x.ndim or step < 1:
        return None
    dim %= x.ndim
    count = len(range(*slice(start, end, step).indices(x.shape[dim])))
    shape = (*x.shape[:dim], count, *x.shape[dim + 1 :])
    stride = (*x.stride[:dim], x.stride[dim] * step, *x.stride[dim + 1 :])
    return shape, stride, x.dtype


@rule("expand.default")
def expand(x: Layout, size: Sequence[int], *, implicit: bool = False) -> Made | None:
    """Sides of 1 repeated without copying: a step of 0."""
    lead = len(size) - x.ndim
    if lead < 0:
        return None
    shape, stride = list(size[:lead]), [0] * lead
    for side, step, wanted in zip(x.shape, x.stride, size[lead:], strict=True):
        if wanted in (-1, side):
            shape.append(side)
            stride.append(step)
        elif side == 1:
            shape.append(wanted)
            stride.append(0)
        else:
            return None
    if any(side < 0 for side in shape) or lead:
        return None  # torch gives leading sides steps of its own
    return tuple(shape), tuple(stride), x.dtype
