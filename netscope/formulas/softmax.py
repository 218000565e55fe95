"""Softmax and its kin: normalised exponentials along rows."""

from __future__ import annotations

from netscope.base.cost import Cost, VectorOps
from netscope.formulas.registry import arg, formula, ops, tensor
from netscope.trace.facts import Operator


def softmax_ops(elements: int, rows: int) -> VectorOps:
    """exp(x - max) / sum(exp(x - max)) over `rows` rows.

    Per row of n: n-1 comparisons for the maximum, n subtractions, n exponentials, n-1 additions,
    n divisions.
    """
    pairs = max(elements - rows, 0)
    return VectorOps(cmp=pairs, add=elements + pairs, exp=elements, div=elements)


def log_softmax_ops(elements: int, rows: int) -> VectorOps:
    """x - max - log(sum(exp(x - max))): two subtractions per element, a logarithm per row."""
    pairs = max(elements - rows, 0)
    return VectorOps(cmp=pairs, add=2 * elements + pairs, exp=elements + rows)


def _rows(op: Operator) -> tuple[int, int]:
    """Elements, and how many rows they make along the dimension of the second argument."""
    x = tensor(op, 0, "self")
    if not x.shape:
        return 1, 1
    size = x.shape[int(arg(op, 1, "dim"))]
    return x.numel, x.numel // size if size else 0


@formula("aten._softmax", "aten.softmax", "aten._safe_softmax", "aten.special_softmax")
def softmax(op: Operator) -> Cost:
    """Softmax along one dimension; the safe one also looks for rows that are masked throughout."""
    elements, rows = _rows(op)
    safe = VectorOps(cmp=2 * elements) if "_safe_" in op.name else VectorOps()
    return ops(softmax_ops(elements, rows), safe)


@formula("aten._log_softmax", "aten.log_softmax", "aten.special_log_softmax")
def log_softmax(op: Operator) -> Cost:
    """Logarithm of softmax along one dimension."""
    return ops(log_softmax_ops(*_rows(op)))


@formula("aten._softmax_backward_data")
def softmax_backward(op: Operator) -> Cost:
    """(g - sum(g * y)) * y along rows: two products, a sum and a subtraction."""
    elements, rows = _backward_rows(op)
    return ops(VectorOps(mul=2 * elements, add=2 * elements - rows))


@formula("aten._log_softmax_backward_data")
def log_softmax_backward(op: Operator) -> Cost:
    """g - exp(y) * sum(g) along rows."""
    elements, rows = _backward_rows(op)
    return ops(VectorOps(mul=elements, exp=elements, add=2 * elements - rows))


def _backward_rows(op: Operator) -> tuple[int, int]:
    grad = tensor(op, 0, "grad_output")
    size = grad.shape[int(arg(op, 2, "dim"))] if grad.shape else 1
    return grad.numel, grad.numel // size if size else 0
