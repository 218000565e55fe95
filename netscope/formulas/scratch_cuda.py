"""What kernels of CUDA allocate for themselves while they run, by operator.

Read off torch's own allocator, operator by operator (torch 2.14, compute capability 9.0). What cuDNN takes
for a convolution hangs on the algorithm that it chooses on the device, and is not here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from netscope.base.workload import TensorSpec
from netscope.trace.facts import Operator

_FLOAT: Final = 4


def of_cuda(operator: Operator) -> int:
    """Bytes that are gone when the kernel returns; 0 where none are known of."""
    known = _KNOWN.get(operator.name)
    return 0 if known is None else known(operator)


def _flash_backward(operator: Operator) -> int:
    """Gradients of the queries in float32, and the sums of the softmax, both of whole blocks of rows."""
    query = _spec(operator, 1)
    batch, heads, rows, size = query.shape
    rows, size = _up(rows, 128), _up(size, 32)
    return batch * heads * rows * (size + 1) * _FLOAT


def _efficient_backward(operator: Operator) -> int:
    """The product of gradient and output for their sums, or those and the gradients of queries in blocks."""
    query, out = _spec(operator, 1), _spec(operator, 5)
    batch, heads, rows, size = query.shape
    sums = _up(batch * heads * rows * _FLOAT, 1)
    blocks = -(-rows // 64)
    wide = 64 if size <= 64 else 128 if size <= 128 else _up(size, 64)
    workspace = batch * heads * (blocks * 64 * wide * _FLOAT + 16 * blocks)
    return sums + max(math.prod(out.shape) * _FLOAT, sums + workspace)


def _product(operator: Operator) -> int:
    """Gradient times result, before it is summed."""
    return _spec(operator, 0).nbytes


def _spec(operator: Operator, place: int) -> TensorSpec:
    found = operator.args[place]
    assert isinstance(found, TensorSpec)
    return found


def _up(size: int, step: int) -> int:
    return -(-size // step) * step


_KNOWN: Final[dict[str, Callable[[Operator], int]]] = {
    "aten._scaled_dot_product_flash_attention_backward.default": _flash_backward,
    "aten._scaled_dot_product_efficient_attention_backward.default": _efficient_backward,
    "aten._softmax_backward_data.default": _product,
}
