"""Fourier transforms, counted as the radix-2 algorithm: 5 n log2 n real operations.

A transform of n complex points is (n/2) * log2 n butterflies of one complex product (4 mul, 2 add) and
two complex sums (4 add): 2 n log2 n mul and 3 n log2 n add. Transforms over several dimensions do this
along each, which sums to the logarithm of the product of the sizes. Real input or output takes half.
Lengths that are no powers of two are counted by the same formula, rounded.
"""

from __future__ import annotations

import math

from netscope.base.cost import Cost, VectorOps
from netscope.base.workload import TensorSpec
from netscope.formulas.registry import arg, as_dims, formula, ops, output, product, tensor
from netscope.trace.facts import Operator


def fft_ops(elements: int, points: int, *, real: bool = False) -> VectorOps:
    """Transforms of `points` points each, over `elements` in all."""
    if points < 2:
        return VectorOps()
    steps = elements * math.log2(points) / (2 if real else 1)
    return VectorOps(mul=round(2 * steps), add=round(3 * steps))


def _scaling(op: Operator, out: TensorSpec) -> VectorOps:
    """`normalization` 0 leaves the result alone, others scale it (both parts of a complex one)."""
    if not int(arg(op, 2, "normalization", 0)):
        return VectorOps()
    return VectorOps(mul=out.numel * (2 if out.dtype.startswith("complex") else 1))


@formula("aten._fft_r2c", "aten._fft_c2c", "aten._fft_c2r")
def fft(op: Operator) -> Cost:
    """(self, dim, normalization, ...); the real side tells the size of half-complex transforms."""
    x, out = tensor(op, 0, "self"), output(op)
    real = "c2c" not in op.name
    full = out if "c2r" in op.name else x
    points = product(full.shape[dim] for dim in as_dims(arg(op, 1, "dim")))
    return ops(fft_ops(full.numel, points, real=real), _scaling(op, out))
