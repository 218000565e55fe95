"""oneDNN's fused operators, which torch.compile writes into CPU graphs.

Each is a convolution or a linear with an elementwise tail: an activation that goes by its name, and in
the `binary` overloads a second input added (or otherwise combined) before it.
"""

from __future__ import annotations

from typing import Any, Final

from netscope.base.cost import Cost, VectorOps
from netscope.formulas.contractions import bias_add, conv_macs
from netscope.formulas.pointwise import POINTWISE
from netscope.formulas.registry import contraction, formula, optional_tensor, output, packet_of, tensor
from netscope.trace.facts import Operator

# oneDNN's names, where they are not ATen's.
_ALIASES: Final = {"swish": "silu"}


@formula(
    "mkldnn._linear_pointwise",
    "mkldnn._convolution_pointwise",
    "mkldnn._convolution_transpose_pointwise",
)
def fused(op: Operator) -> Cost:
    """(X, W, B, ..., attr, ...), or (X, other, W, B, ..., attr, ...) with a second input.

    The in-place `_convolution_pointwise_` has the second input first: (other, X, W, B, ...).
    """
    binary = op.name.endswith(".binary")
    swapped = "_pointwise_." in op.name
    x = tensor(op, 1 if swapped else 0, "X")
    weight, bias = tensor(op, 1 + binary, "W"), optional_tensor(op, 2 + binary, "B")
    out = output(op)
    if "linear" in op.name:
        macs = out.numel * x.shape[-1]
    else:
        macs = conv_macs(x, weight, out, transposed="transpose" in packet_of(op))
    tail = bias_add(bias, out.numel) + VectorOps(add=out.numel * binary)
    for name in filter(None, map(_activation, op.args)):
        tail += POINTWISE[name] * out.numel
    return contraction(macs, tail)


def _activation(value: Any) -> str | None:
    """The elementwise operator that a string argument names, if it names one."""
    name = _ALIASES.get(value, value) if isinstance(value, str) else None
    return name if name in POINTWISE and name != "none" else None
