"""Operators on lists of tensors, and the fused optimizers: their single forms, tensor by tensor."""

from __future__ import annotations

from typing import Final

from netscope.base.cost import FREE, Cost, VectorOps
from netscope.formulas.pointwise import POINTWISE, V, per_power
from netscope.formulas.reductions import norm_ops
from netscope.formulas.registry import arg, contraction, formula, ops, packet_of, specs_in
from netscope.trace.facts import Operator

_BINARY: Final[dict[str, VectorOps]] = {
    "add": V(add=1),
    "sub": V(add=1),
    "div": V(div=1),
    "addcmul": V(mul=1, add=1),
    "addcdiv": V(div=1, add=1),
}

# torch has a list form of these; the test compares the list with torch's own.
_NAMES: Final = """
    abs acos add addcdiv addcmul asin atan ceil clamp_max clamp_min cos cosh div erf erfc exp expm1
    floor frac lerp lgamma log log10 log1p log2 maximum minimum mul neg reciprocal round rsqrt sigmoid
    sign sin sinh sqrt sub tan tanh trunc
"""

_PER_ELEMENT: Final[dict[str, VectorOps]] = {
    name: _BINARY[name] if name in _BINARY else POINTWISE[name] for name in _NAMES.split()
}


def _packet(op: Operator) -> str:
    return packet_of(op).removeprefix("_foreach_")


def _elements(op: Operator) -> int:
    """Elements of the first list; the in-place forms return nothing to count."""
    return sum(spec.numel for spec in specs_in(arg(op, 0, "self")))


@formula(*(f"aten._foreach_{name}" for name in _PER_ELEMENT))
def foreach_pointwise(op: Operator) -> Cost:
    """As the elementwise operator; a factor more where `alpha` or a scalar `value` is not 1."""
    packet = _packet(op)
    per_element = _PER_ELEMENT[packet]
    factor = op.kwargs.get("alpha", 1)
    if packet.startswith("addc"):
        factor = arg(op, 3, "value", arg(op, 3, "scalars", 1))
    if factor != 1:
        per_element = per_element + V(mul=1)
    return ops(per_element * _elements(op))


@formula("aten._foreach_pow")
def foreach_pow(op: Operator) -> Cost:
    """As `pow`."""
    return ops(per_power(arg(op, 1, "exponent")) * _elements(op))


@formula("aten._foreach_copy", "aten._foreach_zero", "aten._foreach_clone")
def foreach_movement(op: Operator) -> Cost:
    """Copies and fills."""
    return FREE


@formula("aten._foreach_norm", "aten._foreach_powsum", "aten._foreach_max")
def foreach_reduction(op: Operator) -> Cost:
    """Each tensor down to one number: a norm of order p, or the maximum."""
    tensors = specs_in(arg(op, 0, "self"))
    elements = _elements(op)
    combined = sum(max(spec.numel - 1, 0) for spec in tensors)
    if "_max" in op.name:
        return ops(V(cmp=combined))
    return ops(norm_ops(float(arg(op, 1, "ord", 2)), elements, combined, len(tensors)))


@formula("aten._foreach_mm")
def foreach_mm(op: Operator) -> Cost:
    """A matrix product for each pair."""
    pairs = zip(specs_in(arg(op, 0, "self")), specs_in(arg(op, 1, "mat2")), strict=True)
    return contraction(sum(a.numel * b.shape[-1] for a, b in pairs))


# Per parameter, constants (step sizes, bias corrections) folded:
#   SGD      p -= lr * g; with momentum also m = mu * m + g
#   Adam     m += (g - m) * b1;  v = b2 * v + c * g * g;  p -= lr * m / (sqrt(v) * s + eps)
#   Adagrad  s += g * g;  p -= lr * g / (sqrt(s) + eps)
# and weight decay adds g += wd * p (Adam, SGD) or p *= 1 - lr * wd (AdamW).
_OPTIMIZERS: Final[dict[str, VectorOps]] = {
    "_fused_sgd": V(mul=1, add=1),
    "_fused_adam": V(mul=1 + 3 + 2, add=2 + 1 + 2, div=2),
    "_fused_adamw": V(mul=1 + 3 + 2, add=2 + 1 + 2, div=2),
    "_fused_adagrad": V(mul=2, add=3, div=2),
}


@formula(*(f"aten.{name}" for name in _OPTIMIZERS))
def fused_optimizer(op: Operator) -> Cost:
    """(parameters, gradients, ...), options by name."""
    packet = packet_of(op)
    per_element = _OPTIMIZERS[packet]
    if op.kwargs.get("weight_decay", 0):
        per_element = per_element + (V(mul=1) if packet.endswith("adamw") else V(mul=1, add=1))
    if op.kwargs.get("momentum", 0):
        per_element = per_element + V(mul=1, add=1)
    if op.kwargs.get("amsgrad", False):
        per_element = per_element + V(cmp=1)
    return ops(per_element * _elements(op))


@formula("aten._amp_foreach_non_finite_check_and_unscale")
def unscale(op: Operator) -> Cost:
    """Gradients times the inverse scale, each looked at for infinity."""
    return ops(V(mul=1, cmp=1) * _elements(op))
