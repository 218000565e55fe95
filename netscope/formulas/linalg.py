"""Dense linear algebra, by the leading term that every textbook gives, as vector arithmetic.

Not MACs: factorisations are no contractions, and FLOPs here mean the latter. n is the side of a
square matrix; the count is half multiplications, half additions, as the inner loops of all of these
are a -= b * c. Iterations whose number is data (eigenvalues, singular values) are unknown. Fourier
transforms come last.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from netscope.base.cost import Cost, VectorOps
from netscope.base.workload import TensorSpec
from netscope.formulas.registry import arg, as_dims, formula, ops, output, packet_of, product, tensor
from netscope.trace.facts import Operator

# Multiply-subtract pairs for a square matrix of side n.
_PAIRS: Final[dict[str, Callable[[int], int]]] = {
    "linalg_cholesky_ex": lambda n: n**3 // 6,
    "linalg_lu_factor_ex": lambda n: n**3 // 3,
    "linalg_lu": lambda n: n**3 // 3,
    "_linalg_det": lambda n: n**3 // 3,
    "_linalg_slogdet": lambda n: n**3 // 3,
    "linalg_ldl_factor_ex": lambda n: n**3 // 6,
    "linalg_inv_ex": lambda n: n**3,
    "cholesky_inverse": lambda n: n**3 // 3,
}


@formula(*(f"aten.{name}" for name in _PAIRS))
def factorisation(op: Operator) -> Cost:
    """What the table says, for each matrix of the batch, and a division per pivot row."""
    a = tensor(op, 0, "self")
    n, batch = a.shape[-1], product(a.shape[:-2])
    pairs = _PAIRS[packet_of(op)](n)
    return ops(VectorOps(mul=pairs, add=pairs, div=n * (n - 1) // 2) * batch)


@formula("aten.linalg_qr", "aten.geqrf")
def qr(op: Operator) -> Cost:
    """Householder, m x n: m*n*n - n^3/3 pairs for R, and as many again for an explicit Q."""
    a = tensor(op, 0, "A")
    m, n, batch = *a.shape[-2:], product(a.shape[:-2])
    k = min(m, n)
    pairs = m * n * k - k * k * max(m, n) // 3
    explicit = "qr" in op.name and "geqrf" not in op.name and arg(op, 1, "mode", "reduced") != "r"
    return ops(VectorOps(mul=pairs, add=pairs) * (batch * (2 if explicit else 1)))


@formula(
    "aten.linalg_solve_triangular",
    "aten.triangular_solve",
    "aten.cholesky_solve",
    "aten._cholesky_solve_helper",
)
def solve_triangular(op: Operator) -> Cost:
    """n*n/2 pairs and n divisions per right-hand side; a Cholesky factor is solved with twice."""
    a, b = tensor(op, 0, "A"), output(op)
    if "linalg" not in op.name:
        a = tensor(op, 1, "A")
    n = a.shape[-1]
    times = 2 if "cholesky" in op.name else 1
    columns = b.numel // n if n else 0
    pairs = n * (n - 1) // 2
    return ops(VectorOps(mul=pairs, add=pairs, div=n) * (columns * times))


@formula("aten._linalg_solve_ex", "aten.linalg_lu_solve")
def solve(op: Operator) -> Cost:
    """A factorisation (n^3/3 pairs, unless it is given) and two triangular solves."""
    given = "lu_solve" in op.name
    a, b = tensor(op, 0, "A"), output(op)
    n, batch = a.shape[-1], product(a.shape[:-2])
    columns = b.numel // n if n else 0
    pairs = n * (n - 1) * columns
    factor = 0 if given else batch * n**3 // 3
    return ops(VectorOps(mul=pairs + factor, add=pairs + factor, div=2 * n * columns))


# Fourier transforms, counted as the radix-2 algorithm: 5 n log2 n real operations.
#
# A transform of n complex points is (n/2) * log2 n butterflies of one complex product (4 mul, 2 add) and
# two complex sums (4 add): 2 n log2 n mul and 3 n log2 n add. Transforms over several dimensions do this
# along each, which sums to the logarithm of the product of the sizes. Real input or output takes half.
# Lengths that are no powers of two are counted by the same formula, rounded.


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
