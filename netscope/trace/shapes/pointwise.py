"""Elementwise operators: broadcasting, and the cases of type promotion that need no table.

Anything less plain (mixed dtypes, integers through a float function, non-tensor first operands) is
left to torch's own kernels by returning None.
"""

from __future__ import annotations

from typing import Any

import torch

from netscope.trace.shapes.layout import (
    Layout,
    Made,
    broadcast,
    contiguous,
    contiguous_strides,
    elementwise_strides,
    like,
)
from netscope.trace.shapes.registry import rule

_UNARY = """abs neg relu gelu sigmoid silu mish tanh elu leaky_relu hardswish
hardsigmoid softplus logit exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal sin cos tan
asin acos atan sinh cosh erf erfc erfinv floor ceil round trunc frac sign square celu selu threshold
log_sigmoid_forward""".split()
_BINARY = """add sub rsub mul div true_divide maximum minimum fmax fmin atan2 pow remainder fmod
floor_divide clamp clamp_min clamp_max addcmul addcdiv lerp""".split()
_COMPARE = "eq ne lt le gt ge logical_and logical_or logical_xor logical_not isnan isinf isfinite".split()
_BITWISE = "bitwise_and bitwise_or bitwise_xor bitwise_not".split()


def _elementwise(operands: list[Layout], dtype: torch.dtype) -> Made | None:
    shape = broadcast([op.shape for op in operands])
    if shape is None:
        return None
    # A number beside it is a tensor to some operators, and then sides of 1 step otherwise.
    if len(operands) == 1 and 1 in shape and operands[0].stride != contiguous_strides(shape):
        return None
    return shape, elementwise_strides(shape, operands), dtype


def _tensors(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Layout]:
    return [a for a in (*args, *kwargs.values()) if isinstance(a, Layout)]


def _only_dtype(operands: list[Layout]) -> torch.dtype | None:
    """The dtype of every operand with a dimension; 0-d ones of the same kind do not promote."""
    dtypes = {op.dtype for op in operands}
    return dtypes.pop() if len(dtypes) == 1 else None


@rule(*_UNARY)
def unary(x: Any, *args: Any, **kwargs: Any) -> Made | None:
    """Floating point in, the same out. `log_sigmoid_forward` also returns a buffer: left to torch."""
    if not isinstance(x, Layout) or not x.dtype.is_floating_point or _tensors(args, kwargs):
        return None
    return x.shape, elementwise_strides(x.shape, [x]), x.dtype


@rule("relu6", "hardtanh")
def clipped(x: Layout, *_: Any) -> Made | None:
    """The same, with every step of the input kept, also where it does not matter."""
    return like(x) if x.dtype.is_floating_point else None


@rule(*_BINARY)
def arithmetic(*args: Any, **kwargs: Any) -> Made | None:
    """Operands of one floating point dtype; numbers beside them do not promote."""
    operands = _tensors(args, kwargs)
    dtype = _only_dtype(operands)
    if dtype is None or not dtype.is_floating_point:
        return None
    if any(isinstance(a, complex) for a in (*args, *kwargs.values())):
        return None
    return _elementwise(operands, dtype)


@rule(*_COMPARE)
def compare(*args: Any, **kwargs: Any) -> Made | None:
    """Any dtypes in, bool out."""
    return _elementwise(_tensors(args, kwargs), torch.bool)


@rule(*_BITWISE)
def bitwise(*args: Any, **kwargs: Any) -> Made | None:
    """Operands of one dtype."""
    operands = _tensors(args, kwargs)
    dtype = _only_dtype(operands)
    return None if dtype is None else _elementwise(operands, dtype)


@rule("where.self")
def select(*args: Any, **_: Any) -> Made | None:
    """where(mask, a, b): the dtype of what is selected."""
    operands = _tensors(args, {})
    dtype = _only_dtype([op for op in operands if op.dtype is not torch.bool])
    return None if dtype is None else _elementwise(operands, dtype)


@rule("masked_fill")
def masked_fill(x: Layout, mask: Layout, *_: Any) -> Made | None:
    """A row-major copy, filled where the mask says."""
    shape = broadcast([x.shape, mask.shape])
    return None if shape is None else contiguous(shape, x.dtype)
