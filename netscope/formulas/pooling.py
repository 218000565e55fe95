"""Pooling. A maximum of k elements takes k-1 comparisons, a mean k-1 additions and a division.

Windows that reach over the border count whole, as padding does in convolutions; adaptive windows,
whose sizes vary, are summed exactly.
"""

from __future__ import annotations

from netscope.base.cost import Cost
from netscope.formulas.registry import arg, as_dims, formula, output, product, tensor, vector
from netscope.trace.facts import Operator

_SPATIAL = {"1d": 1, "2d": 2, "3d": 3}


def _kernel(op: Operator) -> int:
    """Elements of one window; a single side stands for all of them."""
    sides = as_dims(arg(op, 1, "kernel_size"))
    dims = next(n for suffix, n in _SPATIAL.items() if suffix in op.name)
    return int(product(sides if len(sides) == dims else sides * dims))


@formula(
    "aten.max_pool2d_with_indices",
    "aten.max_pool3d_with_indices",
    "aten.max_pool1d_with_indices",
    "aten.max_pool1d",
    "aten.max_pool2d",
    "aten.max_pool3d",
    "aten.mkldnn_max_pool2d",
    "aten.mkldnn_max_pool3d",
    "aten.quantized_max_pool1d",
    "aten.quantized_max_pool2d",
    "aten.quantized_max_pool3d",
    "aten.fractional_max_pool2d",
    "aten.fractional_max_pool3d",
)
def max_pool(op: Operator) -> Cost:
    """k - 1 comparisons per output."""
    return vector(output(op).numel, cmp=max(_kernel(op) - 1, 0))


@formula("aten.avg_pool1d", "aten.avg_pool2d", "aten.avg_pool3d")
def avg_pool(op: Operator) -> Cost:
    """k - 1 additions and a division per output."""
    return vector(output(op).numel, add=max(_kernel(op) - 1, 0), div=1)


def adaptive_window_elements(before: tuple[int, ...], after: tuple[int, ...]) -> int:
    """Elements of all windows of one plane together.

    Along a side, output i of o covers floor(i*n/o) up to ceil((i+1)*n/o) of the n inputs; windows are
    products of sides, so their sum is the product of the sides' sums.
    """
    return product(
        sum(-(-(i + 1) * n // o) - i * n // o for i in range(o)) for n, o in zip(before, after, strict=True)
    )


def _adaptive(op: Operator) -> tuple[int, int]:
    """Outputs, and the elements of their windows."""
    x, out = tensor(op, 0, "self"), output(op)
    dims = next(n for suffix, n in _SPATIAL.items() if suffix in op.name)
    planes = product(x.shape[:-dims])
    return out.numel, planes * adaptive_window_elements(x.shape[-dims:], out.shape[-dims:])


@formula(
    "aten._adaptive_avg_pool2d",
    "aten._adaptive_avg_pool3d",
    "aten.adaptive_avg_pool1d",
    "aten.adaptive_avg_pool2d",
    "aten.adaptive_avg_pool3d",
    "aten.mkldnn_adaptive_avg_pool2d",
)
def adaptive_avg_pool(op: Operator) -> Cost:
    """As `avg_pool`, over windows of varying size; one output per plane is the mean of the plane."""
    outputs, elements = _adaptive(op)
    return vector(1, add=max(elements - outputs, 0), div=outputs)


@formula("aten.adaptive_max_pool1d", "aten.adaptive_max_pool2d", "aten.adaptive_max_pool3d")
def adaptive_max_pool(op: Operator) -> Cost:
    """As `max_pool`, over windows of varying size."""
    outputs, elements = _adaptive(op)
    return vector(1, cmp=max(elements - outputs, 0))
