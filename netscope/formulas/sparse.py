"""Arithmetic on sparse tensors: on the elements that are stored.

Every element that a sparse factor of a contraction stores meets each column of a dense one, or each row. Of
two sparse factors the number of products depends on where their elements lie, which a spec does not say, so
it is not known. Elementwise operators work on what is stored. Whatever is not here is not known: its formula
is of tensors that store all of their elements.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from netscope.base.cost import FREE, Cost, VectorOps
from netscope.base.workload import TensorSpec
from netscope.trace.facts import Operator

# Where the two factors stand.
_CONTRACTIONS: Final = {
    **dict.fromkeys(("mm", "mv", "bmm", "matmul", "_sparse_mm"), 0),
    **dict.fromkeys(("addmm", "_sparse_addmm", "addmv", "baddbmm"), 1),
}

# What makes, reads, moves or converts them, beside what is free of any tensor.
_FREE: Final = frozenset(
    """
    _sparse_coo_tensor_with_dims _sparse_coo_tensor_with_dims_and_tensors _sparse_coo_tensor_unsafe
    _sparse_compressed_tensor_unsafe sparse_compressed_tensor sparse_coo_tensor
    _validate_sparse_coo_tensor_args _validate_sparse_compressed_tensor_args
    _to_sparse _to_sparse_csr _to_sparse_csc _to_sparse_bsr _to_sparse_bsc
    values _values indices _indices crow_indices col_indices ccol_indices row_indices _nnz sparse_mask
    sparse_resize_ sparse_resize_and_clear_ _coalesced_ copy_sparse_to_sparse_ _spdiags
    """.split()
)


def is_sparse(op: Operator) -> bool:
    """Whether the operator takes or makes a sparse tensor."""
    for spec in (*op.outputs, *op.args):
        if type(spec) is TensorSpec:
            if spec.stored is not None:
                return True
        elif type(spec) is tuple and any(type(s) is TensorSpec and s.stored is not None for s in spec):
            return True
    return False


def of_sparse(op: Operator, formula: Callable[[Operator], Cost | None] | None) -> Cost | None:
    """The cost of an operator on sparse tensors, where `formula` is that of its kind on others."""
    packet = op.name.split(".", 2)[1]
    place = _CONTRACTIONS.get(packet)
    if place is not None:
        return _contraction(op, place, formula)
    if packet in _FREE or "view" in op.tags:
        return FREE
    given = [spec for spec in op.args if isinstance(spec, TensorSpec)]
    made = op.outputs[0] if op.outputs else None
    taken = sum(_stored(spec) for spec in given if spec.stored is not None)
    if made is None:
        return None
    match packet.rstrip("_"):
        case "sparse_sampled_addmm":
            return Cost("contraction", _stored(made) * given[1].shape[-1], VectorOps(add=_stored(made)))
        case "coalesce" | "_coalesce":  # duplicates are summed
            return Cost("vector", vector=VectorOps(add=taken - _stored(made)))
        case "sum" | "_sparse_sum":
            return Cost("vector", vector=VectorOps(add=max(taken - _stored(made), 0)))
        case "add" | "sub" if made.stored is None:  # onto a dense one
            return Cost("vector", vector=VectorOps(add=taken))
        case "add" | "sub" if len(given) > 1:  # where both have one
            return Cost("vector", vector=VectorOps(add=taken - _stored(made)))
    if formula is None:
        return None
    if "pointwise" in op.tags or packet in ("relu", "relu_", "sigmoid", "dropout"):
        return formula(_flat(op, _stored(made))) if made.stored is not None else None
    cost = formula(op)
    return cost if cost is FREE else None


def _contraction(op: Operator, place: int, formula: Callable[[Operator], Cost | None] | None) -> Cost | None:
    """Stored elements of the one factor, for every column (or row) of the other."""
    a, b = op.args[place : place + 2]
    if not (isinstance(a, TensorSpec) and isinstance(b, TensorSpec)) or (a.stored and b.stored):
        return None
    inner = a.shape[-1]
    batch = a.shape[0] if len(a.shape) == len(b.shape) == 3 else 1
    if a.stored is not None:
        macs = a.stored.elements * (b.numel // max(inner * batch, 1))
    elif b.stored is not None:
        macs = b.stored.elements * (a.numel // max(inner * batch, 1))
    else:
        return None
    dense = None if formula is None else formula(_full(op))
    return Cost("contraction", macs, VectorOps() if dense is None else dense.vector)


def _stored(spec: TensorSpec) -> int:
    return spec.numel if spec.stored is None else spec.stored.elements


def _full(op: Operator) -> Operator:
    """The same on tensors that store all of their elements."""
    return _changed(op, lambda spec: TensorSpec(spec.shape, spec.dtype))


def _flat(op: Operator, elements: int) -> Operator:
    """The same on as many elements in a row, with dense operands that broadcast to them."""
    return _changed(op, lambda spec: TensorSpec((elements,), spec.dtype))


def _changed(op: Operator, change: Callable[[TensorSpec], TensorSpec]) -> Operator:
    def changed(value: Any) -> Any:
        return change(value) if isinstance(value, TensorSpec) else value

    return op._replace(args=tuple(map(changed, op.args)), outputs=tuple(map(change, op.outputs)))
