"""Dense linear algebra, by the leading term that every textbook gives, as vector arithmetic.

Not MACs: factorisations are no contractions, and FLOPs here mean the latter. n is the side of a
square matrix; the count is half multiplications, half additions, as the inner loops of all of these
are a -= b * c. Iterations whose number is data (eigenvalues, singular values) are unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from netscope.base.cost import Cost, VectorOps
from netscope.formulas.registry import arg, formula, ops, output, packet_of, product, tensor
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
