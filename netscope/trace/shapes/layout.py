"""Shape, strides and dtype of a tensor, and how torch lays out what an operator makes."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from netscope.base.workload import Stored, TensorSpec

if TYPE_CHECKING:
    import torch

Sizes = tuple[int, ...]

# Dimensions of images and of volumes in the order in which channels-last steps grow.
_CHANNELS_LAST: Final = {4: (1, 3, 2, 0), 5: (1, 4, 3, 2, 0)}


class Layout:
    """What a kernel must know of a tensor. Compared by identity: the recorder interns them.

    is_contiguous:
        row-major without gaps.
    is_channels_last:
        torch takes it for channels-last, and mostly makes what comes of it so too. With sides of size 1 a
        tensor can be this and contiguous at once.
    numel:
        number of elements.
    nbytes:
        size of the smallest storage that holds it.
    spec:
        the same without strides, for the record; it says what a sparse tensor stores.
    """

    __slots__ = ("dtype", "is_channels_last", "is_contiguous", "nbytes", "numel", "shape", "spec", "stride")

    def __init__(self, shape: Sizes, stride: Sizes, dtype: torch.dtype, stored: Stored | None = None) -> None:
        self.shape = shape
        self.stride = stride
        self.dtype = dtype
        self.numel = math.prod(shape)
        plain = stride == contiguous_strides(shape)
        self.is_contiguous = plain or _steps_without_gaps(shape, stride)
        self.is_channels_last = not plain and _steps_as_channels_last(shape, stride)
        if self.is_contiguous:
            extent = self.numel
        elif 0 in shape:
            extent = 0
        else:
            extent = 1 + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
        self.nbytes = extent * dtype.itemsize if stored is None else stored.nbytes
        self.spec = TensorSpec(shape, dtype_name(dtype), stored)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def is_row_major(self) -> bool:
        """Contiguous, and torch takes it for nothing else."""
        return self.is_contiguous and not self.is_channels_last

    @property
    def is_dense(self) -> bool:
        """Every element of the extent is used once, in whatever order of dimensions."""
        if self.is_contiguous:
            return True
        expected = 1
        for step, size in sorted(
            (step, size) for size, step in zip(self.shape, self.stride, strict=True) if size != 1
        ):
            if step != expected:
                return False
            expected *= size
        return True


def _steps_without_gaps(shape: Sizes, stride: Sizes, order: Sequence[int] | None = None) -> bool:
    """Row-major, or in that order of dimensions, as torch sees it: steps of sides of 1 do not matter."""
    if 0 in shape:
        return True
    expected = 1
    for dim in order or range(len(shape) - 1, -1, -1):
        if shape[dim] != 1:
            if stride[dim] != expected:
                return False
            expected *= shape[dim]
    return True


def _steps_as_channels_last(shape: Sizes, stride: Sizes) -> bool:
    """Whether steps do not shrink from the second dimension by the last ones to the first.

    That is how torch guesses the format, gaps or not (`is_channels_last_strides_2d_s4` in
    c10/core/MemoryFormat.h); where sides of size 1 leave it open, it is row-major.
    """
    order = _CHANNELS_LAST.get(len(shape))
    if order is None or 0 in shape or not stride[1]:
        return False
    least = 0
    for dim in order:
        if stride[dim] < least or (dim == 0 and least == stride[1]):
            return False
        least = stride[dim] * shape[dim]
    return True


@functools.cache
def dtype_name(dtype: torch.dtype) -> str:
    """ "float32" for torch.float32."""
    return str(dtype).removeprefix("torch.")


Made = tuple[Sizes, Sizes, "torch.dtype"]


@functools.lru_cache(maxsize=4096)
def contiguous_strides(shape: Sizes) -> Sizes:
    """Row-major strides. A side of size 0 steps as if it were 1, as in torch."""
    strides = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= size or 1
    return tuple(reversed(strides))


def contiguous(shape: Sequence[int], dtype: torch.dtype) -> Made:
    """A new row-major tensor."""
    shape = tuple(shape)
    return shape, contiguous_strides(shape), dtype


def channels_last(shape: Sequence[int], dtype: torch.dtype) -> Made:
    """A new channels-last tensor, of four or five dimensions."""
    shape = tuple(shape)
    strides = [0] * len(shape)
    step = 1
    for dim in _CHANNELS_LAST[len(shape)]:
        strides[dim] = step
        step *= shape[dim] or 1
    return shape, tuple(strides), dtype


def broadcast(shapes: Sequence[Sizes]) -> Sizes | None:
    """The common shape under torch's broadcasting, None where there is none."""
    ndim = max(map(len, shapes))
    result = [1] * ndim
    for shape in shapes:
        for dim, size in enumerate(shape, ndim - len(shape)):
            if size != 1:
                if result[dim] not in (1, size):
                    return None
                result[dim] = size
    return tuple(result)


def like(source: Layout, dtype: torch.dtype | None = None) -> Made:
    """A new tensor with `preserve_format`: the strides of a dense source, else its order of dims."""
    dtype = dtype or source.dtype
    if source.is_dense:
        return source.shape, source.stride, dtype
    return source.shape, elementwise_strides(source.shape, [source]), dtype


def elementwise_strides(shape: Sizes, operands: Sequence[Layout]) -> Sizes:
    """Strides of the result of an elementwise operator, as TensorIterator chooses them.

    Operands of one shape that are all contiguous, all channels-last images, or of equal dense strides hand
    these on (aten/src/ATen/TensorIterator.cpp, `compute_fast_setup_type`). Otherwise dimensions are ordered
    by the operands' strides, smallest fastest, ties and broadcast sides leaving the order as it is
    (`reorder_dimensions`).
    """
    first = operands[0]
    if all(op.shape == shape for op in operands):
        if all(op.is_contiguous for op in operands):
            return contiguous_strides(shape)
        if len(shape) == 4 and all(
            _steps_without_gaps(shape, op.stride, _CHANNELS_LAST[4]) for op in operands
        ):
            return channels_last(shape, first.dtype)[1]
        if all(op.stride == first.stride for op in operands) and first.is_dense:
            return first.stride
    order = _fastest_first(shape, [_steps(op, shape) for op in operands])
    strides = [0] * len(shape)
    step = 1
    for dim in order:
        strides[dim] = step
        step *= shape[dim] or 1
    return tuple(strides)


def _steps(operand: Layout, shape: Sizes) -> list[int]:
    """The operand's strides along the dimensions of the common shape, 0 where it is broadcast."""
    lead = len(shape) - len(operand.shape)
    return [0] * lead + [
        0 if size == 1 and size != full else step
        for size, step, full in zip(operand.shape, operand.stride, shape[lead:], strict=True)
    ]


def _fastest_first(shape: Sizes, steps: Sequence[list[int]]) -> list[int]:
    """Dimensions in the order of their strides: an insertion sort, since the order is only partial."""

    def compare(left: int, right: int) -> int:
        for step in steps:
            a, b = step[left], step[right]
            if a == 0 or b == 0:
                continue
            if a != b:
                return -1 if a < b else 1
            if shape[left] > shape[right]:
                return 1
        return 0

    order = list(reversed(range(len(shape))))
    for index in range(1, len(order)):
        current = index
        for other in range(index - 1, -1, -1):
            verdict = compare(order[other], order[current])
            if verdict > 0:
                order[other], order[current] = order[current], order[other]
                current = other
            elif verdict < 0:
                break
    return order
