"""Backward passes that have operators of their own.

Most of a backward pass is made of forward operators (the gradient of a product is two products) and
is counted by their formulas; elementwise derivatives are in pointwise.py, attention's in attention.py,
losses' in losses.py.
"""

from __future__ import annotations

from typing import Final

from netscope.base.cost import Cost, VectorOps
from netscope.formulas.contractions import conv_macs
from netscope.formulas.pooling import adaptive_window_elements
from netscope.formulas.recurrent import RNN_MODES
from netscope.formulas.registry import (
    Uncountable,
    arg,
    as_dims,
    contraction,
    formula,
    ops,
    optional_tensor,
    packet_of,
    product,
    specs_in,
    tensor,
)
from netscope.formulas.sampling import CUBIC, LINEAR, antialiased_ops
from netscope.trace.facts import Operator

V = VectorOps


@formula("aten.convolution_backward", "aten.convolution_backward_overrideable")
def convolution_backward(op: Operator) -> Cost:
    """(grad_output, input, weight, bias_sizes, .., transposed, .., output_mask).

    Each product x * w of the forward pass gives rise to one g * w for the input's gradient and one
    g * x for the weight's, so each of the two asked for takes the forward's MACs. The bias's gradient
    is a sum over batch and positions.
    """
    grad, x, weight = tensor(op, 0, "grad_output"), tensor(op, 1, "input"), tensor(op, 2, "weight")
    shift = 0 if op.name.startswith("aten.convolution_backward.") else -1
    transposed = bool(arg(op, 7 + shift, "transposed"))
    mask = arg(op, 10 + shift, "output_mask")
    forward = conv_macs(x, weight, grad, transposed=transposed)
    bias = max(grad.numel - grad.shape[1], 0) if mask[2] else 0
    return contraction(forward * (bool(mask[0]) + bool(mask[1])), V(add=bias))


@formula("aten.linear_backward", "aten.mkldnn_linear_backward")
def linear_backward(op: Operator) -> Cost:
    """(input, grad_output, weight, output_mask): as the convolution's."""
    grad, weight = tensor(op, 1, "grad_output"), tensor(op, 2, "weight")
    mask = arg(op, 3, "output_mask")
    forward = grad.numel * weight.shape[-1]
    bias = max(grad.numel - grad.shape[-1], 0) if mask[2] else 0
    return contraction(forward * (bool(mask[0]) + bool(mask[1])), V(add=bias))


@formula("aten.matmul_backward")
def matmul_backward(op: Operator) -> Cost:
    """(grad, self, other, mask): each gradient takes the forward's MACs."""
    a, mask = tensor(op, 1, "self"), arg(op, 3, "mask")
    return contraction(tensor(op, 0, "grad").numel * a.shape[-1] * (bool(mask[0]) + bool(mask[1])))


def _norm_backward(elements: int, groups: int, *, mask: list[bool], weight: bool, train: bool) -> Cost:
    """The backward of y = xhat * w + b with xhat = (x - mean) * inverse.

    Making xhat again: 1 add, 1 mul. db = sum g: 1 add. dw = sum g * xhat: 1 mul, 1 add. For dx the
    gradient is first weighted (1 mul); with statistics of the data it is
    inverse * (g - mean(g) - xhat * mean(g * xhat)): two sums (2 add, 1 mul), then 2 add and 2 mul.
    Per group two divisions make the means.
    """
    per_element = V()
    if mask[0] or mask[1]:
        per_element += V(add=1, mul=1)
    if mask[1]:
        per_element += V(mul=1, add=1)
    if mask[2]:
        per_element += V(add=1)
    per_group = V()
    if mask[0]:
        per_element += V(mul=int(weight))
        per_element += V(add=4, mul=3) if train else V(mul=1)
        per_group += V(div=2) if train else V()
    return ops(per_element * elements, per_group * groups)


@formula("aten.native_layer_norm_backward")
def layer_norm_backward(op: Operator) -> Cost:
    """(grad_out, input, normalized_shape, mean, rstd, weight, bias, output_mask)."""
    x = tensor(op, 1, "input")
    rows = tensor(op, 3, "mean").numel
    weight = optional_tensor(op, 5, "weight") is not None
    return _norm_backward(x.numel, rows, mask=arg(op, 7, "output_mask"), weight=weight, train=True)


@formula("aten._fused_rms_norm_backward")
def rms_norm_backward(op: Operator) -> Cost:
    """(grad_out, input, normalized_shape, rstd, weight, output_mask).

    xhat = x * inverse (1 mul); dw = sum g * xhat (1 mul, 1 add); the gradient weighted (1 mul);
    dx = inverse * (g - xhat * mean(g * xhat)): 1 mul and 1 add for the sum, 1 add and 2 mul.
    """
    x = tensor(op, 1, "input")
    mask = arg(op, 5, "output_mask")
    weight = optional_tensor(op, 4, "weight") is not None
    per_element = V(mul=1)
    per_element += V(mul=1, add=1) if mask[1] else V()
    per_element += V(mul=3 + weight, add=2) if mask[0] else V()
    return ops(per_element * x.numel, V(div=tensor(op, 3, "rstd").numel))


@formula("aten.native_group_norm_backward")
def group_norm_backward(op: Operator) -> Cost:
    """(grad_out, input, mean, rstd, weight, N, C, HxW, group, output_mask)."""
    x = tensor(op, 1, "input")
    groups = tensor(op, 2, "mean").numel
    weight = optional_tensor(op, 4, "weight") is not None
    return _norm_backward(x.numel, groups, mask=arg(op, 9, "output_mask"), weight=weight, train=True)


@formula("aten.native_batch_norm_backward", "aten.batch_norm_backward")
def native_batch_norm_backward(op: Operator) -> Cost:
    """(grad_out, input, weight, running_mean, running_var, save_mean, save_invstd, train, eps, mask)."""
    x = tensor(op, 1, "input")
    weight = optional_tensor(op, 2, "weight") is not None
    mask, train = arg(op, 9, "output_mask"), bool(arg(op, 7, "train"))
    return _norm_backward(x.numel, x.shape[1], mask=mask, weight=weight, train=train)


@formula("aten.cudnn_batch_norm_backward", "aten.miopen_batch_norm_backward")
def cudnn_batch_norm_backward(op: Operator) -> Cost:
    """(input, grad_output, weight, ...): always in training, always all three gradients."""
    x = tensor(op, 0, "input")
    return _norm_backward(x.numel, x.shape[1], mask=[True] * 3, weight=True, train=True)


@formula("aten._weight_norm_interface_backward")
def weight_norm_backward(op: Operator) -> Cost:
    """dg = sum(dw * v) / |v|; dv = g/|v| * dw - (g * dg / |v|^2) * v."""
    v, norms = tensor(op, 1, "saved_v"), tensor(op, 3, "saved_norms")
    return ops(V(mul=3, add=2) * v.numel, V(mul=2, div=3) * norms.numel)


# One addition per gradient element routed back to the input it came from.
_ROUTED: Final = """
    max_pool2d_with_indices_backward max_pool3d_with_indices_backward
    adaptive_max_pool2d_backward adaptive_max_pool3d_backward
    fractional_max_pool2d_backward fractional_max_pool3d_backward
    embedding_dense_backward upsample_nearest1d_backward upsample_nearest2d_backward
    upsample_nearest3d_backward _upsample_nearest_exact1d_backward _upsample_nearest_exact2d_backward
    _upsample_nearest_exact3d_backward reflection_pad1d_backward reflection_pad2d_backward
    reflection_pad3d_backward replication_pad1d_backward replication_pad2d_backward
    replication_pad3d_backward unfold_backward
"""


@formula(*(f"aten.{name}" for name in _ROUTED.split()))
def routed_backward(op: Operator) -> Cost:
    """Moved and added to what is there."""
    return ops(V(add=tensor(op, 0, "grad_output").numel))


@formula("aten._embedding_bag_backward", "aten._embedding_bag_dense_backward")
def embedding_bag_backward(op: Operator) -> Cost:
    """A bag's gradient is added to the row of each of its indices."""
    grad, indices = tensor(op, 0, "grad"), tensor(op, 1, "indices")
    return ops(V(add=indices.numel * grad.shape[-1]))


@formula("aten.avg_pool2d_backward", "aten.avg_pool3d_backward")
def avg_pool_backward(op: Operator) -> Cost:
    """Each gradient is divided once and added to the k inputs of its window."""
    grad = tensor(op, 0, "grad_output")
    sides, dims = as_dims(arg(op, 2, "kernel_size")), 2 if "2d" in op.name else 3
    kernel = product(sides if len(sides) == dims else sides * dims)
    return ops(V(div=1, add=kernel) * grad.numel)


@formula("aten._adaptive_avg_pool2d_backward", "aten._adaptive_avg_pool3d_backward")
def adaptive_avg_pool_backward(op: Operator) -> Cost:
    """The same over windows of varying size."""
    grad, x = tensor(op, 0, "grad_output"), tensor(op, 1, "self")
    dims = 2 if "2d" in op.name else 3
    elements = adaptive_window_elements(x.shape[-dims:], grad.shape[-dims:])
    return ops(V(div=grad.numel, add=product(grad.shape[:-dims]) * elements))


_RESIZES: Final[dict[str, VectorOps]] = {
    "upsample_linear1d_backward": LINEAR[1],
    "upsample_bilinear2d_backward": LINEAR[2],
    "upsample_trilinear3d_backward": LINEAR[3],
    "upsample_bicubic2d_backward": CUBIC,
}


@formula(*(f"aten.{name}" for name in _RESIZES))
def resize_backward(op: Operator) -> Cost:
    """The forward's weights, each product added to its input: as many mul, and as many add as mul."""
    weighed = _RESIZES[packet_of(op)].mul
    return ops(V(mul=weighed, add=weighed) * tensor(op, 0, "grad_output").numel)


@formula(
    "aten._upsample_bilinear2d_aa_backward",
    "aten._upsample_bicubic2d_aa_backward",
    "aten._upsample_lanczos2d_aa_backward",
)
def antialiased_resize_backward(op: Operator) -> Cost:
    """(grad_output, output_size, input_size, ...): each product of the forward's, added to its input."""
    grad = tensor(op, 0, "grad_output")
    forward = antialiased_ops(packet_of(op), tuple(arg(op, 2, "input_size")), grad.shape)
    return ops(V(mul=forward.mul, add=forward.mul))


@formula(
    "aten.grid_sampler_2d_backward",
    "aten.grid_sampler_3d_backward",
    "aten._grid_sampler_2d_cpu_fallback_backward",
)
def grid_sampler_backward(op: Operator) -> Cost | None:
    """(grad_output, input, grid, mode, padding, align_corners, output_mask), linear and nearest.

    Per channel and corner, the input's gradient takes a product and an addition, each of the grid's d
    coordinates a product with the pixel and one with the distance, and an addition. Making the weights
    again is the forward's work per point, and small beside it, but not counted.
    """
    grad, x = tensor(op, 0, "grad_output"), tensor(op, 1, "input")
    dims, mode = len(x.shape) - 2, int(arg(op, 3, "interpolation_mode"))
    if mode == 2:
        return None
    if mode == 1:
        return ops(V(add=grad.numel))
    mask = arg(op, 6, "output_mask", [True, True])
    per_corner = V(mul=1, add=1) * int(bool(mask[0])) + V(mul=2 * dims, add=dims) * int(bool(mask[1]))
    return ops(per_corner * (grad.numel * 2**dims))


@formula("aten._cdist_backward")
def cdist_backward(op: Operator) -> Cost:
    """(grad, x1, x2, p, cdist): for p = 2, g * (x - y) / d summed over the other set's points."""
    x, distances = tensor(op, 1, "x1"), tensor(op, 4, "cdist")
    if float(arg(op, 3, "p")) != 2.0:
        raise Uncountable("the gradient of other norms")
    per_term = V(add=2, mul=1)
    return ops(per_term * (distances.numel * x.shape[-1]), V(div=distances.numel))


# Derivatives of a cell's gates, per token and hidden unit; the biases' gradients are sums outside.
#
# LSTM  do = dh*tanh(c), dc += dh*o*(1 - tanh(c)^2): 1 exp, 4 mul, 2 add; di, df, dg and the previous
#       cell: 4 mul; through three sigmoids (2 mul, 1 add each) and a tanh (2 mul, 1 add)
# GRU   of h = (h - n)*z + n: dz = dh*(h - n), dn = dh*(1 - z), dh*z: 3 mul, 2 add; through n's tanh
#       2 mul, 1 add; of its r*h 2 mul; through two sigmoids 4 mul, 2 add
# RNN   through a tanh, or dh where the unit was above zero
CELL_BACKWARD: Final[dict[str, V]] = {
    "lstm": V(exp=1, mul=4 + 4 + 6 + 2, add=2 + 3 + 1),
    "gru": V(mul=3 + 2 + 2 + 4, add=2 + 1 + 2),
    "rnn_tanh": V(mul=2, add=1),
    "rnn_relu": V(cmp=1),
}


@formula("aten._thnn_fused_lstm_cell_backward_impl", "aten._thnn_fused_lstm_cell_backward")
def fused_lstm_cell_backward(op: Operator) -> Cost:
    """(grad_hy, grad_cy, cx, ...): the gates alone."""
    return ops(CELL_BACKWARD["lstm"] * tensor(op, 2, "cx").numel)


@formula("aten._thnn_fused_gru_cell_backward")
def fused_gru_cell_backward(op: Operator) -> Cost:
    """(grad_hy, workspace, has_bias): the gates alone; grad_hy is batch x hidden units."""
    return ops(CELL_BACKWARD["gru"] * tensor(op, 0, "grad_hy").numel)


@formula("aten.mkldnn_rnn_layer_backward")
def mkldnn_rnn_layer_backward(op: Operator) -> Cost:
    """(input, w_ih, w_hh, ...), an LSTM's: input's and weights' gradients, each the forward's MACs."""
    x = tensor(op, 0, "input")
    tokens = product(x.shape[:-1])
    matrices = [w for w in specs_in(list(op.args[1:3])) if len(w.shape) == 2]
    gates = CELL_BACKWARD["lstm"] * (tokens * int(arg(op, 15, "hidden_size")))
    return contraction(2 * tokens * sum(w.numel for w in matrices), gates)


@formula("aten._cudnn_rnn_backward", "aten.miopen_rnn_backward")
def cudnn_rnn_backward(op: Operator) -> Cost:
    """(input, weights, weight_stride0, ..., output_mask): a whole stack of layers.

    The library makes the gradients of everything that layers were given, the network's input too; those
    of the weights where the mask asks for them. Each takes the forward's MACs.
    """
    x, weights = tensor(op, 0, "input"), specs_in(arg(op, 1, "weight"))
    shift = 0 if "_cudnn" in op.name else -1  # MIOpen has no projections
    cell = RNN_MODES[int(arg(op, 10, "mode"))]
    groups = len(weights) // max(int(arg(op, 2, "weight_stride0")), 1)
    mask = arg(op, 21 + shift, "output_mask")
    tokens = product(x.shape[:-1])
    matrices = sum(w.numel for w in weights if len(w.shape) == 2)
    units = int(arg(op, 11, "hidden_size")) * groups
    return contraction(tokens * matrices * (1 + bool(mask[3])), CELL_BACKWARD[cell] * (tokens * units))
