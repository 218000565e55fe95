"""Contractions: convolutions and the matmul family. MACs, without the bias.

One multiply-accumulate is counted per element product, whatever the dtype: an int8 and a float64 are each
one. A complex one is four real ones, as `complex` says of every formula here.
Zero padding is counted like any other input, as the field does.
"""

from __future__ import annotations

from typing import Final

from netscope.base.cost import Cost, VectorOps
from netscope.base.workload import TensorSpec
from netscope.formulas.pointwise import GELU_TANH
from netscope.formulas.reductions import norm_ops
from netscope.formulas.registry import (
    arg,
    broadcast,
    contraction,
    formula,
    ops,
    optional_tensor,
    output,
    packet_of,
    product,
    tensor,
    total,
)
from netscope.trace.facts import Operator


def conv_macs(x: TensorSpec, weight: TensorSpec, out: TensorSpec, *, transposed: bool) -> int:
    """MACs of a convolution.

    The weight is (out, in/groups, *kernel): each output element gathers in/groups x kernel products.
    Transposed it is (in, out/groups, *kernel): each *input* element scatters out/groups x kernel.
    Either way it is one side's elements times the weight without its first dimension, and strides,
    dilation and padding have already spoken in that side's shape.
    """
    return (x if transposed else out).numel * product(weight.shape[1:])


def bias_add(bias: object, elements: int) -> VectorOps:
    """One addition per output element when there is a bias."""
    return VectorOps(add=elements) if isinstance(bias, TensorSpec) else VectorOps()


@formula(
    "aten.convolution",
    "aten._convolution",
    "aten.convolution_overrideable",
)
def convolution(op: Operator) -> Cost:
    """The general form, which says itself whether it is transposed."""
    x, weight, out = tensor(op, 0, "input"), tensor(op, 1, "weight"), output(op)
    macs = conv_macs(x, weight, out, transposed=bool(arg(op, 6, "transposed", False)))
    return contraction(macs, bias_add(arg(op, 2, "bias"), out.numel))


# Composite and backend forms, and where their bias stands (None: they have none). The input is always
# the first argument and the weight the second.
_FORWARD: Final[dict[str, int | None]] = {
    "aten.conv1d": 2,
    "aten.conv2d": 2,
    "aten.conv3d": 2,
    "aten.mkldnn_convolution": 2,
    "aten.cudnn_convolution": None,
    "aten.cudnn_convolution_relu": 2,
    "aten.cudnn_convolution_add_relu": 4,
    "aten.miopen_convolution": 2,
    "aten.miopen_depthwise_convolution": 2,
    "aten.thnn_conv2d": 3,
    "aten._slow_conv2d_forward": 3,
    "aten.slow_conv3d": 3,
    "aten.slow_conv3d_forward": 3,
    "aten.slow_conv_dilated2d": 3,
    "aten.slow_conv_dilated3d": 3,
    "aten._conv_depthwise2d": 3,
    "aten.conv_depthwise3d": 3,
}

_TRANSPOSED: Final[dict[str, int | None]] = {
    "aten.conv_transpose1d": 2,
    "aten.conv_transpose2d": 2,
    "aten.conv_transpose3d": 2,
    "aten.cudnn_convolution_transpose": None,
    "aten.miopen_convolution_transpose": 2,
    "aten.slow_conv_transpose2d": 3,
    "aten.slow_conv_transpose3d": 3,
}

# What the fused names do to each output besides.
_FUSED: Final[dict[str, VectorOps]] = {
    "aten.cudnn_convolution_relu": VectorOps(cmp=1),
    "aten.cudnn_convolution_add_relu": VectorOps(add=1, cmp=1),
}


@formula(*_FORWARD, *_TRANSPOSED)
def named_convolution(op: Operator) -> Cost:
    """The forms whose name says whether they are transposed."""
    name = f"aten.{packet_of(op)}"
    transposed = name in _TRANSPOSED
    bias_at = (_TRANSPOSED if transposed else _FORWARD)[name]
    x, weight, out = tensor(op, 0, "input"), tensor(op, 1, "weight"), output(op)
    vector = VectorOps() if bias_at is None else bias_add(arg(op, bias_at, "bias"), out.numel)
    vector += _FUSED.get(name, VectorOps()) * out.numel
    return contraction(conv_macs(x, weight, out, transposed=transposed), vector)


@formula("aten.conv_tbc")
def conv_tbc(op: Operator) -> Cost:
    """(time, batch, in) with a weight (kernel, in, out): kernel x in products per output."""
    weight, out = tensor(op, 1, "weight"), output(op)
    return contraction(
        out.numel * product(weight.shape[:2]), bias_add(optional_tensor(op, 2, "bias"), out.numel)
    )


@formula("aten.mm", "aten.bmm", "aten.mv", "aten.dot", "aten.vdot", "aten._int_mm", "aten.matmul")
def matmul(op: Operator) -> Cost:
    """(.., n, k) by (.., k, m): k products for each element of the result (one for a dot product)."""
    return contraction(output(op).numel * tensor(op, 0, "self").shape[-1])


@formula(
    "aten.addmm",
    "aten.addmv",
    "aten.baddbmm",
    "aten.addbmm",
    "aten._addmm_activation",
)
def addmm(op: Operator) -> Cost:
    """beta * self + alpha * (a @ b); addbmm also sums over the batch, which its MACs include.

    Per element of the result: an addition unless beta is 0, a multiplication for each of alpha and
    beta that is not trivial.
    """
    a, out = tensor(op, 1, "mat1"), output(op)
    beta, alpha = op.kwargs.get("beta", 1), op.kwargs.get("alpha", 1)
    summed = a.shape[0] if packet_of(op) == "addbmm" else 1
    scalings = (beta not in (0, 1)) + (alpha != 1)
    per_element = VectorOps(add=int(beta != 0), mul=scalings)
    if packet_of(op) == "_addmm_activation":
        per_element += GELU_TANH if op.kwargs.get("use_gelu", False) else VectorOps(cmp=1)
    return contraction(out.numel * a.shape[-1] * summed, per_element * out.numel)


@formula("aten.linear", "aten.mkldnn_linear")
def linear(op: Operator) -> Cost:
    """x @ weight.T + bias: as many products per output as the input is wide."""
    x, out = tensor(op, 0, "input"), output(op)
    return contraction(out.numel * x.shape[-1], bias_add(arg(op, 2, "bias"), out.numel))


# Where these keep their bias (None: they have none).
_LOW_PRECISION: Final[dict[str, int | None]] = {
    "aten._scaled_mm": 4,
    "aten._mixed_dtypes_linear": 3,
    "aten._weight_int4pack_mm": None,
    "aten._weight_int4pack_mm_for_cpu": None,
    "aten._weight_int4pack_mm_with_scales_and_zeros": None,
    "aten._weight_int8pack_mm": None,
    "aten._dyn_quant_matmul_4bit": None,
}


@formula(*_LOW_PRECISION)
def low_precision_mm(op: Operator) -> Cost:
    """Packed or scaled weights do not change the products; unpacking them is the kernel's affair."""
    x, out = tensor(op, 0, "self"), output(op)
    bias_at = _LOW_PRECISION[f"aten.{packet_of(op)}"]
    bias = None if bias_at is None else arg(op, bias_at, "bias")
    return contraction(out.numel * x.shape[-1], bias_add(bias, out.numel))


@formula("aten._scaled_mm_v2")
def scaled_mm(op: Operator) -> Cost:
    """(self, mat2, lists of scales and how to read them, .., bias); the output says the width."""
    x, out = tensor(op, 0, "self"), output(op)
    return contraction(
        out.numel * x.shape[-1], bias_add(op.kwargs.get("bias", arg(op, 8, "bias")), out.numel)
    )


@formula("aten._grouped_mm", "aten._scaled_grouped_mm", "aten._scaled_grouped_mm_v2")
def grouped_mm(op: Operator) -> Cost:
    """Products of groups of rows with one matrix each, as mixtures of experts use it.

    With 2-D by 3-D every row meets the one matrix of its group, however the offsets split the rows;
    3-D by 2-D is the same from the other side, 2-D by 2-D splits the inner dimension among the
    groups, and 3-D by 3-D is bmm. So: rows x inner x columns, times the groups in the last case only.
    """
    a, b = tensor(op, 0, "self"), tensor(op, 1, "mat2")
    groups = a.shape[0] if len(a.shape) == 3 and len(b.shape) == 3 else 1
    return contraction(groups * a.shape[-2] * a.shape[-1] * b.shape[-1])


@formula("aten._trilinear")
def trilinear(op: Operator) -> Cost:
    """sum over `sumdim` of i1 * i2 * i3, which ATen contracts in two steps.

    First i1 with i2, summing what i3 does not have; then that with i3. For nn.Bilinear,
    y[b,k] = sum_ij x[b,i] w[k,i,j] z[b,j], that is b*k*i*j MACs and then b*k*j.
    """
    specs = [tensor(op, position, f"i{position + 1}") for position in range(3)]
    expands = [arg(op, 3 + position, f"expand{position + 1}") for position in range(3)]
    sumdim = arg(op, 6, "sumdim")
    one, two, three = (_expand(spec.shape, dims) for spec, dims in zip(specs, expands, strict=True))
    absent_from_three = set(expands[2])
    pair = broadcast(one, two)
    left = [1 if d in sumdim and d in absent_from_three else size for d, size in enumerate(pair)]
    return contraction(product(pair) + product(broadcast(left, three)))


def _expand(shape: tuple[int, ...], dims: list[int]) -> list[int]:
    sizes = iter(shape)
    return [1 if d in dims else next(sizes) for d in range(len(shape) + len(dims))]


@formula("aten.bilinear")
def bilinear(op: Operator) -> Cost:
    """The composite of `trilinear`: b*k*i*j + b*k*j MACs and a bias."""
    x, weight, out = tensor(op, 0, "input1"), tensor(op, 2, "weight"), output(op)
    k, i, j = weight.shape
    batch = product(x.shape[:-1])
    return contraction(batch * k * i * j + batch * k * j, bias_add(optional_tensor(op, 3, "bias"), out.numel))


@formula("aten._euclidean_dist")
def euclidean_dist(op: Operator) -> Cost:
    """See `cdist`; here the product is certain."""
    return _squared_distances(output(op), tensor(op, 0, "x1"), tensor(op, 1, "x2"), by_product=True)


@formula("aten._cdist_forward", "aten.cdist")
def cdist(op: Operator) -> Cost:
    """Distances between P and R points of D coordinates.

    Euclidean distances are a contraction: sum (x-y)^2 accumulates D products per pair, and so does
    |x|^2 + |y|^2 - 2xy, which ATen prefers from 26 points on. MACs are P*R*D either way, so the figure
    does not hang on the kernel; only the vector arithmetic follows ATen's choice. Other norms are
    vector arithmetic: |x-y|, a power unless p is 1, a sum (a maximum for infinity), a root.
    """
    x, y, out = tensor(op, 0, "x1"), tensor(op, 1, "x2"), output(op)
    p, mode = float(arg(op, 2, "p", 2.0)), arg(op, 3, "compute_mode")
    if p == 2.0:
        crowded = x.shape[-2] > 25 or y.shape[-2] > 25
        return _squared_distances(out, x, y, by_product=mode == 1 or (mode != 2 and crowded))
    return _other_distances(out.numel, x.shape[-1], p)


@formula("aten._pdist_forward", "aten.pdist")
def pdist(op: Operator) -> Cost:
    """Distances within one set, each pair once, always from differences."""
    x, out = tensor(op, 0, "self"), output(op)
    p = float(arg(op, 1, "p", 2.0))
    if p == 2.0:
        return _squared_distances(out, x, x, by_product=False)
    return _other_distances(out.numel, x.shape[-1], p)


def _other_distances(pairs: int, depth: int, p: float) -> Cost:
    difference, combined = VectorOps(add=depth), max(depth - 1, 0)
    return ops((difference + norm_ops(p, depth, combined, 1)) * pairs)


def _squared_distances(out: TensorSpec, x: TensorSpec, y: TensorSpec, *, by_product: bool) -> Cost:
    pairs, depth = out.numel, x.shape[-1]
    if not by_product:  # a subtraction per product, a root per pair
        return contraction(pairs * depth, VectorOps(add=pairs * depth, div=pairs))
    # Norms of the points (D squares, D-1 additions each), x scaled by -2; then per pair both norms
    # are added, the sum is clamped at zero and its root taken.
    points = product(x.shape[:-1]) + product(y.shape[:-1])
    norms = VectorOps(mul=points * depth + x.numel, add=points * (depth - 1))
    return contraction(pairs * depth, total([norms, VectorOps(add=2, cmp=1, div=1) * pairs]))
