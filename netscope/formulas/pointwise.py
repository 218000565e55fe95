"""Elementwise operators: how many operations of each kind one element of the result takes.

The rules that the whole table follows:

- One per arithmetic operation in the textbook form of the function. A function that torch offers as
  an operator of its own (exp, log1p, erf, tanh, lgamma, a Bessel function) is one `exp`; a square root
  or a reciprocal one, plain or combined (rsqrt), is one `div`.
- A sign that its neighbour absorbs (the minus in exp(-x), in a - b) is not counted on its own.
- Choosing is `cmp`: comparison, minimum, absolute value, rounding, selection, and logic on bits or
  truth values, which decides rather than computes.
- Constants are folded beforehand (alpha * scale in SELU), indices and addresses are not counted.
- Integer and boolean elements count like real ones; for complex ones see `complex`.
"""

from __future__ import annotations

from typing import Final

from netscope.base.cost import FREE, Cost, VectorOps
from netscope.formulas.registry import arg, formula, output, packet_of, tensor
from netscope.trace.facts import Operator

V = VectorOps

# Logistic: 1 / (1 + exp(-x)).
SIGMOID: Final = V(exp=1, add=1, div=1)
# Exact: 0.5x * (1 + erf(x / sqrt 2)).
GELU_ERF: Final = V(mul=3, add=1, exp=1)
# Approximate: 0.5x * (1 + tanh(a * (x + b * x * x * x))). Two products make the cube, then b, a, 0.5
# and the last.
GELU_TANH: Final = V(mul=6, add=2, exp=1)
# Piecewise linear: relu6(x + 3) / 6.
HARDSIGMOID: Final = V(add=1, cmp=2, div=1)
# Smooth: log(1 + exp(beta * x)) / beta, and x itself beyond the threshold.
SOFTPLUS: Final = V(mul=1, exp=2, div=1, cmp=1)

_ARITHMETIC: Final[dict[str, VectorOps]] = {
    "mul": V(mul=1),
    "multiply": V(mul=1),
    "square": V(mul=1),
    "neg": V(add=1),
    "negative": V(add=1),
    "true_divide": V(div=1),
    "floor_divide": V(div=1, cmp=1),
    "fmod": V(div=1),
    "remainder": V(div=1),
    "reciprocal": V(div=1),
    "sqrt": V(div=1),
    "rsqrt": V(div=1),
    "frac": V(cmp=1, add=1),  # x - trunc(x)
    "deg2rad": V(mul=1),
    "rad2deg": V(mul=1),
    "lerp": V(add=2, mul=1),  # a + w * (b - a)
    "hypot": V(mul=2, add=1, div=1),  # sqrt(a*a + b*b)
    "sinc": V(mul=1, exp=1, div=1),  # sin(pi x) / (pi x)
    "logaddexp": V(cmp=1, add=2, exp=2),  # max + log1p(exp(min - max))
    "logaddexp2": V(cmp=1, add=2, exp=2),
    "logit": V(add=1, div=1, exp=1),  # log(x / (1 - x))
    "xlogy": V(mul=1, exp=1),
    "special_xlog1py": V(mul=1, exp=1),
    "special_entr": V(mul=1, exp=1),  # -x log x
    "polar": V(exp=2, mul=2),  # r * cos, r * sin
    "ldexp": V(mul=1, exp=1),  # x * 2**n
    "conj_physical": V(add=1),  # the imaginary part's sign
    "_conj_physical": V(add=1),
    "_add_relu": V(add=1, cmp=1),
}

# One operator of torch's, one transcendental function.
_TRANSCENDENTAL: Final[dict[str, VectorOps]] = dict.fromkeys(
    """
    exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh
    arcsin arccos arctan arcsinh arccosh arctanh atan2 arctan2 angle erf erfc erfinv float_power
    lgamma digamma polygamma igamma igammac i0
    special_airy_ai special_bessel_j0 special_bessel_j1 special_bessel_y0 special_bessel_y1
    special_erfcx special_i0e special_i1 special_i1e special_log_ndtr special_ndtr special_ndtri
    special_modified_bessel_i0 special_modified_bessel_i1 special_modified_bessel_k0
    special_modified_bessel_k1 special_scaled_modified_bessel_k0 special_scaled_modified_bessel_k1
    special_spherical_bessel_j0 special_zeta
    """.split(),
    V(exp=1),
)

# One choice per element.
_CHOICES: Final[dict[str, VectorOps]] = dict.fromkeys(
    """
    abs absolute ceil floor trunc fix round
    eq ne lt le gt ge less less_equal greater greater_equal not_equal
    maximum minimum fmax fmin clamp_min clamp_max where masked_fill heaviside signbit copysign
    isfinite isinf isnan isneginf isposinf isreal nan_to_num nextafter
    logical_and logical_or logical_xor logical_not
    bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_left_shift bitwise_right_shift
    __and__ __or__ __xor__ __lshift__ __rshift__ __iand__ __ior__ __ixor__ __ilshift__ __irshift__
    """.split(),
    V(cmp=1),
)

_ACTIVATIONS: Final[dict[str, VectorOps]] = {
    "relu": V(cmp=1),
    "threshold": V(cmp=1),
    "relu6": V(cmp=2),
    "hardtanh": V(cmp=2),
    "leaky_relu": V(cmp=1, mul=1),
    "prelu": V(cmp=1, mul=1),
    "_prelu_kernel": V(cmp=1, mul=1),
    "rrelu": V(cmp=1, mul=1),
    "rrelu_with_noise": V(cmp=1, mul=1),
    "rrelu_with_noise_functional": V(cmp=1, mul=1),
    "elu": V(cmp=1, exp=1, mul=1),  # x or alpha * expm1(x)
    "selu": V(cmp=1, exp=1, mul=1),  # the same, constants folded
    "celu": V(cmp=1, div=1, exp=1, mul=1),  # alpha * expm1(x / alpha)
    "sigmoid": SIGMOID,
    "special_expit": SIGMOID,
    "silu": SIGMOID + V(mul=1),
    "hardsigmoid": HARDSIGMOID,
    "hardswish": HARDSIGMOID + V(mul=1),
    "softplus": SOFTPLUS,
    "mish": V(exp=3, mul=1),  # x * tanh(log1p(exp(x)))
    "log_sigmoid_forward": V(cmp=2, exp=2, add=1),  # min(x, 0) - log1p(exp(-|x|))
    "log_sigmoid": V(cmp=2, exp=2, add=1),
    "hardshrink": V(cmp=2),  # -l < x < l
    "softshrink": V(cmp=2, add=1),
    "gelu": GELU_ERF,  # `gelu` below tells the tanh form apart
    "glu": SIGMOID + V(mul=1),  # per element of the result, half as wide as the input
    "sgn": V(cmp=2, add=1),  # (x > 0) - (x < 0)
    "sign": V(cmp=2, add=1),
}

# Derivatives, per element of the gradient returned.
_DERIVATIVES: Final[dict[str, VectorOps]] = {
    "threshold_backward": V(cmp=1),
    "hardtanh_backward": V(cmp=2),
    "leaky_relu_backward": V(cmp=1, mul=1),
    "_prelu_kernel_backward": V(cmp=1, mul=2),  # the input's and the slope's
    "rrelu_with_noise_backward": V(cmp=1, mul=1),
    "elu_backward": V(cmp=1, exp=1, mul=2),
    "sigmoid_backward": V(add=1, mul=2),  # g * y * (1 - y)
    "tanh_backward": V(add=1, mul=2),  # g * (1 - y*y)
    "silu_backward": SIGMOID + V(add=2, mul=3),  # g * s * (1 + x * (1 - s))
    "mish_backward": V(exp=2, add=2, mul=4) + SIGMOID,  # t = tanh(softplus x): g * (t + x s (1 - t*t))
    "hardsigmoid_backward": V(cmp=2, mul=1),
    "hardswish_backward": V(cmp=2, mul=2, add=1),
    "softplus_backward": SIGMOID + V(mul=2, cmp=1),
    "log_sigmoid_backward": SIGMOID + V(mul=1, cmp=1),
    "hardshrink_backward": V(cmp=2),
    "softshrink_backward": V(cmp=2),
    "logit_backward": V(add=1, mul=1, div=1),  # g / (x * (1 - x))
    "glu_backward": SIGMOID + V(add=1, mul=3),
    # cdf + x * pdf: the forward's erf, exp(-x*x/2) with its constants, a sum and the gradient
    "gelu_backward": V(mul=6, add=2, exp=2),
    "native_dropout_backward": V(mul=2),
    "_masked_scale": V(mul=2),
}

POINTWISE: Final[dict[str, VectorOps]] = {
    **_ARITHMETIC,
    **_TRANSCENDENTAL,
    **_CHOICES,
    **_ACTIVATIONS,
    **_DERIVATIVES,
}


@formula(*(f"aten.{name}" for name in POINTWISE))
def pointwise(op: Operator) -> Cost:
    """What the table says, for each element of the first result."""
    return Cost("vector", vector=POINTWISE[packet_of(op)] * output(op).numel)


@formula("aten.gelu")
def gelu(op: Operator) -> Cost:
    """The erf or the tanh form."""
    form = GELU_TANH if arg(op, 1, "approximate", "none") == "tanh" else GELU_ERF
    return Cost("vector", vector=form * output(op).numel)


def scaled_sum(alpha: object) -> VectorOps:
    """a + alpha * b."""
    return V(add=1) if alpha in (None, 1) else V(add=1, mul=1)


@formula("aten.add", "aten.sub", "aten.subtract", "aten.rsub")
def add(op: Operator) -> Cost:
    """a + alpha * b; the multiplication only where alpha is not 1."""
    return Cost("vector", vector=scaled_sum(arg(op, 2, "alpha")) * output(op).numel)


@formula("aten.div", "aten.divide")
def div(op: Operator) -> Cost:
    """A division, and a rounding where `rounding_mode` asks for one."""
    rounds = arg(op, 2, "rounding_mode") is not None
    return Cost("vector", vector=V(div=1, cmp=int(rounds)) * output(op).numel)


@formula("aten.addcmul", "aten.addcdiv")
def addcmul(op: Operator) -> Cost:
    """a + value * b * c, or a + value * b / c."""
    combined = V(div=1) if "addcdiv" in op.name else V(mul=1)
    return Cost("vector", vector=(combined + scaled_sum(op.kwargs.get("value"))) * output(op).numel)


@formula("aten.clamp", "aten.clip")
def clamp(op: Operator) -> Cost:
    """A comparison per bound given."""
    bounds = sum(arg(op, i, name) is not None for i, name in ((1, "min"), (2, "max")))
    return Cost("vector", vector=V(cmp=bounds) * output(op).numel)


# The exponents for which ATen's own kernels do not call pow.
_POWERS: Final[dict[float, VectorOps]] = {
    0.0: V(),
    1.0: V(),
    2.0: V(mul=1),
    3.0: V(mul=2),
    0.5: V(div=1),
    -0.5: V(div=1),
    -1.0: V(div=1),
    -2.0: V(mul=1, div=1),
}


@formula("aten.pow")
def power(op: Operator) -> Cost:
    """x ** n: products or roots for the small exponents, the transcendental function otherwise."""
    return Cost("vector", vector=per_power(arg(op, 1, "exponent")) * output(op).numel)


def per_power(exponent: object) -> VectorOps:
    """The operations of one power with this exponent (a number, or anything else for a tensor)."""
    if isinstance(exponent, (int, float)):
        return _POWERS.get(float(exponent), V(exp=1))
    return V(exp=1)


@formula("aten.equal", "aten._is_all_true", "aten._is_any_true")
def equal(op: Operator) -> Cost:
    """Compared element by element into one truth value, which is no tensor in `equal`."""
    return Cost("vector", vector=V(cmp=tensor(op, 0, "self").numel))


@formula("aten.mvlgamma", "aten.special_multigammaln")
def mvlgamma(op: Operator) -> Cost:
    """A sum of p log-gammas at shifted arguments, and a constant."""
    p = int(arg(op, 1, "p", 1))
    return Cost("vector", vector=V(exp=p, add=2 * p) * output(op).numel)


@formula("aten.frexp")
def frexp(op: Operator) -> Cost:
    """Mantissa and exponent: one decomposition and one scaling."""
    return Cost("vector", vector=V(exp=1, mul=1) * output(op).numel)


@formula("aten.addr")
def addr(op: Operator) -> Cost:
    """beta * self + alpha * outer(a, b): a product that nothing accumulates is no contraction."""
    beta, alpha = op.kwargs.get("beta", 1), op.kwargs.get("alpha", 1)
    muls = 1 + (beta not in (0, 1)) + (alpha != 1)
    return Cost("vector", vector=V(add=int(beta != 0), mul=muls) * output(op).numel)


@formula("aten.outer", "aten.ger")
def outer(op: Operator) -> Cost:
    """One product per element of the result."""
    return Cost("vector", vector=V(mul=1) * output(op).numel)


@formula("aten.linalg_cross", "aten.cross")
def cross(op: Operator) -> Cost:
    """a*b - c*d for each of the three components."""
    return Cost("vector", vector=V(mul=2, add=1) * output(op).numel)


@formula("aten.native_dropout", "aten._fused_dropout")
def native_dropout(op: Operator) -> Cost:
    """x * (mask / keep), as dropout is written out where no kernel fuses it.

    Drawing the mask is a random fill, free like the others. Nothing happens outside training.
    """
    if "native" in op.name and arg(op, 2, "train") is False:
        return FREE
    return Cost("vector", vector=V(div=1, mul=1) * output(op).numel)


@formula("aten.dropout", "aten.feature_dropout", "aten.alpha_dropout", "aten.feature_alpha_dropout")
def dropout(op: Operator) -> Cost | None:
    """The composites of the same, which know whether they train; alpha dropout adds two affine maps."""
    if not arg(op, 2, "train") or not arg(op, 1, "p"):
        return FREE
    if "alpha" in op.name:
        return None  # its decomposition is what should be traced
    return Cost("vector", vector=V(div=1, mul=1) * output(op).numel)
