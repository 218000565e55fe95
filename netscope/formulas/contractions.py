"""Contractions: convolutions and the matmul family. MACs, without the bias.

One multiply-accumulate is counted per element product, whatever the dtype: an int8, a float64 and a
complex one are each one. (A complex product is four real ones; torch's FlopCounterMode does not say
so either, and its figures are the ones that ours must agree with. Multiply by four for real MACs.)
Zero padding is counted like any other input, as the field does.
"""

from __future__ import annotations

from typing import Any

from netscope.cost import Cost, VectorOps
from netscope.formulas.registry import (
    arg,
    contraction,
    formula,
    optional_tensor,
    output,
    product,
    tensor,
    total,
)
from netscope.trace.facts import Operator
from netscope.workload import TensorSpec


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


@formula(
    "aten.conv1d",
    "aten.conv2d",
    "aten.conv3d",
    "aten.mkldnn_convolution",
    "aten.cudnn_convolution",
    "aten.cudnn_convolution_relu",
    "aten.cudnn_convolution_add_relu",
    "aten.miopen_convolution",
    "aten.miopen_depthwise_convolution",
    "aten.thnn_conv2d",
    "aten._slow_conv2d_forward",
    "aten.slow_conv3d",
    "aten.slow_conv3d_forward",
    "aten.slow_conv_dilated2d",
    "aten.slow_conv_dilated3d",
    "aten._conv_depthwise2d",
    "aten.conv_depthwise3d",
    "mkldnn._convolution_pointwise",
)
def forward_convolution(op: Operator) -> Cost:
    """Composite and backend forms. The fused ones add the second input and a ReLU per element."""
    fused_sum = "add_relu" in op.name or op.name.endswith(".binary")
    x, weight = arg(op, 0, "input", arg(op, 0, "self")), arg(op, 1, "weight")
    bias = _bias_of(op)
    if op.name.startswith("mkldnn.") and fused_sum:  # (X, other, W, B, ...)
        weight, bias = arg(op, 2, "W"), arg(op, 3, "B")
    out = output(op)
    vector = bias_add(bias, out.numel)
    if fused_sum:
        vector += VectorOps(add=out.numel)
    if "relu" in op.name:
        vector += VectorOps(cmp=out.numel)
    return contraction(conv_macs(_spec(x), _spec(weight), out, transposed=False), vector)


@formula(
    "aten.conv_transpose1d",
    "aten.conv_transpose2d",
    "aten.conv_transpose3d",
    "aten.cudnn_convolution_transpose",
    "aten.miopen_convolution_transpose",
    "aten.slow_conv_transpose2d",
    "aten.slow_conv_transpose3d",
    "mkldnn._convolution_transpose_pointwise",
)
def transposed_convolution(op: Operator) -> Cost:
    """Composite and backend forms of the transposed convolution."""
    x, weight = arg(op, 0, "input", arg(op, 0, "self")), arg(op, 1, "weight")
    out = output(op)
    macs = conv_macs(_spec(x), _spec(weight), out, transposed=True)
    return contraction(macs, bias_add(_bias_of(op), out.numel))


def _bias_of(op: Operator) -> Any:
    """The bias is the third argument, or the fourth where the kernel size goes before it."""
    if "bias" in op.kwargs:
        return op.kwargs["bias"]
    tail = op.args[2:4]
    return next((value for value in tail if isinstance(value, TensorSpec)), None)


def _spec(value: Any) -> TensorSpec:
    from netscope.formulas.registry import Uncountable

    if not isinstance(value, TensorSpec):
        raise Uncountable("an argument is no tensor")
    return value


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
    "aten._sparse_addmm",
)
def addmm(op: Operator) -> Cost:
    """beta * self + alpha * (a @ b); addbmm also sums over the batch, inside its MACs.

    Per element of the result: an addition unless beta is 0, a multiplication for each of alpha and
    beta that is not trivial.
    """
    a, out = tensor(op, 1, "mat1"), output(op)
    beta, alpha = op.kwargs.get("beta", 1), op.kwargs.get("alpha", 1)
    batch = a.shape[0] if "addbmm" in op.name and "baddbmm" not in op.name else 1
    scalings = (beta not in (0, 1)) + (alpha != 1)
    per_element = VectorOps(add=int(beta != 0), mul=scalings)
    if op.name.startswith("aten._addmm_activation"):
        # ReLU, or the tanh form of GELU (see pointwise.GELU_TANH).
        gelu = bool(op.kwargs.get("use_gelu", False))
        per_element += VectorOps(add=2, mul=6, exp=1) if gelu else VectorOps(cmp=1)
    return contraction(out.numel * a.shape[-1] * batch, per_element * out.numel)


@formula("aten.linear", "aten.mkldnn_linear", "aten._mixed_dtypes_linear", "mkldnn._linear_pointwise")
def linear(op: Operator) -> Cost:
    """x @ weight.T + bias: as many products per output as the input is wide."""
    x, out = _spec(arg(op, 0, "input", arg(op, 0, "self"))), output(op)
    return contraction(out.numel * x.shape[-1], bias_add(_bias_of(op), out.numel))


@formula(
    "aten._scaled_mm",
    "aten._weight_int4pack_mm",
    "aten._weight_int4pack_mm_for_cpu",
    "aten._weight_int8pack_mm",
    "aten._dyn_quant_matmul_4bit",
)
def low_precision_mm(op: Operator) -> Cost:
    """Packed or scaled weights do not change the products; unpacking them is the kernel's affair."""
    x, out = _spec(arg(op, 0, "self", arg(op, 0, "inp"))), output(op)
    return contraction(out.numel * x.shape[-1], bias_add(_scaled_bias(op), out.numel))


def _scaled_bias(op: Operator) -> Any:
    return arg(op, 4, "bias") if op.name.startswith("aten._scaled_mm") else None


@formula("aten._grouped_mm", "aten._scaled_grouped_mm")
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
    pair = [max(a, b) for a, b in zip(one, two, strict=True)]
    left = [1 if d in sumdim and d in absent_from_three else size for d, size in enumerate(pair)]
    second = [max(a, b) for a, b in zip(left, three, strict=True)]
    return contraction(product(pair) + product(second))


def _expand(shape: tuple[int, ...], dims: list[int]) -> list[int]:
    sizes = iter(shape)
    return [1 if d in dims else next(sizes) for d in range(len(shape) + len(dims))]


@formula("aten.bilinear")
def bilinear(op: Operator) -> Cost:
    """The composite of `trilinear`: b*k*i*j + b*k*j MACs and a bias."""
    x, weight, out = tensor(op, 0, "input1"), tensor(op, 2, "weight"), output(op)
    k, i, j = weight.shape
    batch = product(x.shape[:-1])
    return contraction(
        batch * k * i * j + batch * k * j, bias_add(optional_tensor(op, 3, "bias"), out.numel)
    )


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
    depth, pairs = x.shape[-1], out.numel
    if p == 2.0:
        crowded = x.shape[-2] > 25 or y.shape[-2] > 25
        return _squared_distances(out, x, y, by_product=mode == 1 or (mode != 2 and crowded))
    difference = VectorOps(add=depth, cmp=depth)
    if p == float("inf"):
        return Cost("vector", vector=(difference + VectorOps(cmp=depth - 1)) * pairs)
    if p == 0.0:
        return Cost("vector", vector=VectorOps(cmp=depth, add=depth - 1) * pairs)
    power = VectorOps() if p == 1.0 else VectorOps(exp=depth + 1)
    return Cost("vector", vector=(difference + power + VectorOps(add=depth - 1)) * pairs)


def _squared_distances(out: TensorSpec, x: TensorSpec, y: TensorSpec, *, by_product: bool) -> Cost:
    pairs, depth = out.numel, x.shape[-1]
    if not by_product:  # a subtraction per product, a root per pair
        return contraction(pairs * depth, VectorOps(add=pairs * depth, div=pairs))
    # Norms of the points (D squares, D-1 additions each), x scaled by -2; then per pair both norms
    # are added, the sum is clamped at zero and its root taken.
    points = product(x.shape[:-1]) + product(y.shape[:-1])
    norms = VectorOps(mul=points * depth + x.numel, add=points * (depth - 1))
    return contraction(pairs * depth, total([norms, VectorOps(add=2, cmp=1, div=1) * pairs]))
