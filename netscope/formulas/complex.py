"""Arithmetic of complex numbers, in that of real ones: one currency for every network.

A complex number is two real ones. What an operator does to each of them alone (a sum, a mean, a sign) is
twice what it does to a real number. A product is (ac - bd) + (ad + bc)i: four products and two sums; so a
complex multiply-accumulate is four real ones, whichever way a library computes it. A division multiplies by
the divisor's conjugate and divides both parts by its squared size. exp(a + bi) is exp(a) (cos b + i sin b):
three functions and two products, which every other transcendental function is taken for, too.

What is in neither table is not known.
"""

from __future__ import annotations

from typing import Final

from netscope.base.cost import Cost, VectorOps
from netscope.base.workload import TensorSpec
from netscope.trace.facts import Operator

V = VectorOps

# One operation on complex numbers, by its kind, in operations on real ones.
_PRODUCT: Final = V(mul=4, add=2)
_QUOTIENT: Final = V(mul=6, add=3, div=2)
_FUNCTION: Final = V(exp=3, mul=2)

# Their formulas count both parts as they are, or what of their arguments is real.
_COUNTED: Final = frozenset({"_fft_r2c", "_fft_c2c", "_fft_c2r", "polar"})

# The same to both parts: every operation twice.
_BY_PART: Final = frozenset(
    """
    sum nansum mean cumsum neg negative trace native_dropout _fused_dropout dropout feature_dropout
    index_add scatter_add index_put embedding_dense_backward
    eq ne isfinite isinf isnan not_equal equal logical_not logical_and logical_or logical_xor
    """.split()
)

# One choice for a number, whatever its parts.
_AS_ONE: Final = frozenset({"where", "masked_fill", "nonzero", "argwhere", "nonzero_static", "masked_select"})

# Sums, products and functions of numbers.
_ARITHMETIC: Final = frozenset(
    """
    add sub subtract rsub mul multiply square div divide true_divide reciprocal addcmul addcdiv pow lerp
    outer ger prod cumprod addr linalg_cross cross float_power
    exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh
    arcsin arccos arctan arcsinh arccosh arctanh sigmoid special_expit silu sqrt rsqrt
    """.split()
)

# For each element of the first argument: what is real of the result, and not made of the parts alone.
_SIZES: Final[dict[str, VectorOps]] = {
    "abs": V(mul=2, add=1, div=1),
    "absolute": V(mul=2, add=1, div=1),
    "angle": V(exp=1),
    "sgn": V(mul=2, add=1, div=3),
    "conj_physical": V(add=1),
    "_conj_physical": V(add=1),
}

# A real factor, term or divisor takes the parts one by one.
_OF_TWO: Final = frozenset({"mul", "multiply", "div", "divide", "true_divide"})


def is_complex(op: Operator) -> bool:
    """Whether the operator takes or makes a complex tensor."""
    for spec in (*op.outputs, *op.args):
        if type(spec) is TensorSpec:
            if spec.dtype.startswith("complex"):
                return True
        elif type(spec) is tuple and any(
            type(s) is TensorSpec and s.dtype.startswith("complex") for s in spec
        ):
            return True
    return False


def of_complex(op: Operator, cost: Cost) -> Cost | None:
    """What the operator costs in real arithmetic, where `cost` is that of one on real numbers."""
    packet = op.name.split(".", 2)[1].rstrip("_") if op.name.count(".") else op.name
    if cost.kind == "free" or packet in _COUNTED:
        return cost
    vector = cost.vector
    if cost.kind == "contraction":
        causal = None if cost.causal_macs is None else 4 * cost.causal_macs
        return Cost("contraction", 4 * cost.macs, _arithmetic(vector), causal)
    first = op.args[0] if op.args else None
    if packet in _SIZES:
        return Cost("vector", vector=_SIZES[packet] * (first.numel if isinstance(first, TensorSpec) else 0))
    if packet == "linalg_vector_norm" and isinstance(first, TensorSpec) and (op.args[1:] or (2,))[0] == 2:
        roots = sum(spec.numel for spec in op.outputs)
        return Cost("vector", vector=V(mul=2 * first.numel, add=2 * first.numel - roots, div=roots))
    if packet in _BY_PART or (packet in _OF_TWO and _by_a_real(op)):
        return Cost("vector", vector=vector * 2)
    if packet in _AS_ONE:
        return cost
    return Cost("vector", vector=_arithmetic(vector)) if packet in _ARITHMETIC else None


def _arithmetic(vector: VectorOps) -> VectorOps:
    """Operations on complex numbers, in operations on real ones."""
    return (
        V(add=2 * vector.add, cmp=2 * vector.cmp)
        + _PRODUCT * vector.mul
        + _QUOTIENT * vector.div
        + _FUNCTION * vector.exp
    )


def _by_a_real(op: Operator) -> bool:
    """Whether the second factor, or the divisor, is real; the first one too where the order is free."""
    real = [not _is_complex(value) for value in op.args[:2]]
    return real[-1] or (real[0] and "mul" in op.name)


def _is_complex(value: object) -> bool:
    return isinstance(value, complex) or (isinstance(value, TensorSpec) and value.dtype.startswith("complex"))
