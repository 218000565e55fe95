"""Reductions, scans, sorting. Combining n elements into one takes n - 1 operations.

So N elements reduced to M results take N - M. Sorting is counted as n * ceil(log2 n) comparisons, the
bound of merge sort: kernels differ (radix, bitonic), the order of magnitude does not.
"""

from __future__ import annotations

from typing import Any, Final

from netscope.base.cost import Cost, VectorOps
from netscope.base.workload import TensorSpec
from netscope.formulas.registry import (
    arg,
    as_dims,
    ceil_log2,
    formula,
    ops,
    optional_tensor,
    output,
    packet_of,
    tensor,
    vector,
)
from netscope.trace.facts import Operator


def _sizes(op: Operator) -> tuple[int, int]:
    """Elements reduced, and how many combinations that takes."""
    elements = tensor(op, 0, "self").numel
    return elements, max(elements - output(op).numel, 0)


# Per element before combining, and the kind of the combination.
_COMBINED_BY: Final[dict[str, tuple[VectorOps, str]]] = {
    "sum": (VectorOps(), "add"),
    "nansum": (VectorOps(cmp=1), "add"),
    "count_nonzero": (VectorOps(cmp=1), "add"),
    "trace": (VectorOps(), "add"),
    "prod": (VectorOps(), "mul"),
    "amax": (VectorOps(), "cmp"),
    "amin": (VectorOps(), "cmp"),
    "argmax": (VectorOps(), "cmp"),
    "argmin": (VectorOps(), "cmp"),
    "any": (VectorOps(), "cmp"),
    "all": (VectorOps(), "cmp"),
}


@formula(*(f"aten.{name}" for name in _COMBINED_BY))
def reduction(op: Operator) -> Cost:
    """N - M combinations, as the table says."""
    elements, combined = _sizes(op)
    first, kind = _COMBINED_BY[packet_of(op)]
    if op.name.startswith("aten.trace"):
        combined = max(min(tensor(op, 0, "self").shape) - 1, 0)
    return ops(first * elements, VectorOps(**{kind: combined}))


@formula("aten.max", "aten.min")
def extremum(op: Operator) -> Cost:
    """A reduction, or elementwise where the second argument is a tensor."""
    if optional_tensor(op, 1, "other") is not None:
        return vector(output(op).numel, cmp=1)
    return vector(1, cmp=_sizes(op)[1])


@formula("aten.aminmax", "aten._aminmax")
def aminmax(op: Operator) -> Cost:
    """Both extrema."""
    return vector(2, cmp=_sizes(op)[1])


@formula("aten.mean", "aten.nanmean")
def mean(op: Operator) -> Cost:
    """A sum, and a division per result."""
    return vector(1, add=_sizes(op)[1], div=output(op).numel)


@formula("aten.var", "aten.std", "aten.var_mean", "aten.std_mean")
def variance(op: Operator) -> Cost:
    """The mean, the centred squares and their mean; a root for the deviation."""
    elements, combined = _sizes(op)
    results = output(op).numel
    roots = results if ".std" in op.name else 0
    return vector(1, add=2 * combined + elements, mul=elements, div=2 * results + roots)


@formula("aten.linalg_vector_norm", "aten.norm", "aten.linalg__powsum")
def vector_norm(op: Operator) -> Cost:
    """(sum |x|^p)^(1/p), written out for the orders that need no power."""
    order = arg(op, 1, "ord", 2)
    p = float(order) if isinstance(order, (int, float)) else 2.0
    return ops(norm_ops(p, *_sizes(op), output(op).numel))


def norm_ops(p: float, elements: int, combined: int, results: int) -> VectorOps:
    """The operations of `results` norms of order p over `elements`, in `combined` combinations."""
    if p == 2:
        return VectorOps(mul=elements, add=combined, div=results)
    if p in (float("inf"), float("-inf")):
        return VectorOps(cmp=elements + combined)
    if p in (0, 1):  # elements that are not zero, absolute values
        return VectorOps(cmp=elements, add=combined)
    return VectorOps(cmp=elements, exp=elements + results, add=combined)


@formula("aten.dist")
def dist(op: Operator) -> Cost:
    """The norm of a difference."""
    x = tensor(op, 0, "self")
    p = float(arg(op, 2, "p", 2.0))
    return ops(VectorOps(add=x.numel), norm_ops(p, x.numel, max(x.numel - 1, 0), 1))


@formula("aten.logsumexp", "aten.special_logsumexp")
def logsumexp(op: Operator) -> Cost:
    """max + log(sum(exp(x - max)))."""
    elements, combined = _sizes(op)
    results = output(op).numel
    return vector(1, cmp=combined, add=elements + combined + results, exp=elements + results)


_SCANNED_BY: Final[dict[str, VectorOps]] = {
    "cumsum": VectorOps(add=1),
    "cumprod": VectorOps(mul=1),
    "cummax": VectorOps(cmp=1),
    "cummin": VectorOps(cmp=1),
    "_cummax_helper": VectorOps(cmp=1),
    "_cummin_helper": VectorOps(cmp=1),
    "logcumsumexp": VectorOps(cmp=1, add=2, exp=2),  # as logaddexp
}


@formula(*(f"aten.{name}" for name in _SCANNED_BY))
def scan(op: Operator) -> Cost:
    """n - 1 combinations along each line of n."""
    x = tensor(op, 0, "self")
    return ops(_SCANNED_BY[packet_of(op)] * (x.numel - _lines(x, arg(op, 1, "dim", 0))))


def _lines(x: TensorSpec, dim: Any) -> int:
    """How many lines along `dim` (all of the tensor for None) there are; 0 when it is empty."""
    if dim is None or not x.shape:
        return min(x.numel, 1)
    size = x.shape[int(dim)]
    return x.numel // size if size else 0


def sort_cmps(x: TensorSpec, dim: Any) -> int:
    """Comparisons to sort each line along `dim`: n * ceil(log2 n)."""
    lines = _lines(x, dim)
    return x.numel * ceil_log2(x.numel // lines) if lines else 0


@formula("aten.sort", "aten.argsort", "aten.msort")
def sort(op: Operator) -> Cost:
    """Every line along `dim`, the last one by default."""
    stable = ".stable" in op.name
    dim = op.kwargs.get("dim", -1) if stable else arg(op, 1, "dim", -1)
    return vector(1, cmp=sort_cmps(tensor(op, 0, "self"), 0 if "msort" in op.name else dim))


@formula("aten.topk")
def topk(op: Operator) -> Cost:
    """A heap of the k best: every element is compared ceil(log2 k) times, at least once."""
    x = tensor(op, 0, "self")
    return vector(x.numel, cmp=max(ceil_log2(int(arg(op, 1, "k"))), 1))


@formula("aten.median", "aten.nanmedian", "aten.mode", "aten.kthvalue")
def order_statistic(op: Operator) -> Cost:
    """Counted as a sort of each line (of the whole tensor where no dimension is named)."""
    kth = "kthvalue" in op.name
    whole = not kth and "mode" not in op.name and not as_dims(arg(op, 1, "dim"))
    dim = None if whole else arg(op, 2 if kth else 1, "dim", -1)
    return vector(1, cmp=sort_cmps(tensor(op, 0, "self"), dim))


@formula("aten._unique", "aten._unique2", "aten.unique_dim", "aten.unique_consecutive")
def unique(op: Operator) -> Cost:
    """A sort (unless equal elements already stand together) and a comparison of neighbours."""
    x = tensor(op, 0, "self")
    steps = 0 if "consecutive" in op.name else ceil_log2(x.numel)
    return vector(x.numel, cmp=steps + 1)


@formula("aten.searchsorted", "aten.bucketize")
def searchsorted(op: Operator) -> Cost:
    """A binary search per result, over the n boundaries: ceil(log2(n + 1)) comparisons."""
    boundaries = tensor(op, 0 if "searchsorted" in op.name else 1, "boundaries")
    size = boundaries.shape[-1] if boundaries.shape else 1
    return vector(output(op).numel, cmp=ceil_log2(size + 1))


@formula("aten.isin")
def isin(op: Operator) -> Cost:
    """The test elements are sorted, then each element is looked up among them."""
    elements = optional_tensor(op, 0, "elements")
    tests = optional_tensor(op, 1, "test_elements")
    queries, size = (elements.numel if elements else 1), (tests.numel if tests else 1)
    return vector(1, cmp=size * ceil_log2(size) + queries * ceil_log2(size + 1))


@formula("aten.nonzero", "aten.nonzero_numpy", "aten.nonzero_static", "aten.argwhere")
def nonzero(op: Operator) -> Cost:
    """One comparison per element."""
    return vector(tensor(op, 0, "self").numel, cmp=1)


@formula("aten.masked_select", "aten.masked_scatter")
def masked_select(op: Operator) -> Cost:
    """One decision per element of the mask, broadcast."""
    x, mask = tensor(op, 0, "self"), tensor(op, 1, "mask")
    return vector(max(x.numel, mask.numel), cmp=1)


@formula("aten.bincount")
def bincount(op: Operator) -> Cost:
    """One count per element."""
    return vector(tensor(op, 0, "self").numel, add=1)


@formula("aten.histc")
def histc(op: Operator) -> Cost:
    """Each element is placed, (x - low) * bins / range within bounds, and counted."""
    return vector(tensor(op, 0, "self").numel, add=2, mul=1, div=1, cmp=2)


@formula("aten.allclose", "aten.isclose")
def isclose(op: Operator) -> Cost:
    """|a - b| <= atol + rtol * |b|."""
    return vector(tensor(op, 0, "self").numel, add=2, mul=1, cmp=3)
