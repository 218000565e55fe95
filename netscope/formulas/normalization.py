"""Normalisations. What they share, over N elements in R groups (channels, rows or channel groups):

mean      N - R additions, R divisions
variance  N subtractions, N squares, N - R additions, R divisions
inverse   R additions (epsilon), R reciprocal square roots (div)
apply     N multiplications of the centred values; N more for a weight, N additions for a bias
"""

from __future__ import annotations

from netscope.base.cost import Cost, VectorOps
from netscope.base.workload import TensorSpec
from netscope.formulas.registry import arg, formula, ops, optional_tensor, product, tensor
from netscope.trace.facts import Operator


def statistics_ops(elements: int, groups: int) -> VectorOps:
    """Mean, centred values, variance and inverse deviation."""
    sums = max(elements - groups, 0)
    return VectorOps(add=2 * sums + elements + groups, mul=elements, div=3 * groups)


def affine_ops(elements: int, *, weight: bool, bias: bool) -> VectorOps:
    """Centred values times the inverse deviation, times a weight, plus a bias."""
    return VectorOps(mul=elements * (1 + weight), add=elements * bias)


def layer_norm_ops(elements: int, rows: int, *, weight: bool, bias: bool) -> VectorOps:
    """Statistics of each row, then the affine map."""
    return statistics_ops(elements, rows) + affine_ops(elements, weight=weight, bias=bias)


@formula("aten.native_layer_norm", "aten.layer_norm")
def layer_norm(op: Operator) -> Cost:
    """(input, normalized_shape, weight, bias, eps)."""
    x = tensor(op, 0, "input")
    size = product(arg(op, 1, "normalized_shape"))
    rows = x.numel // size if size else 0
    weight, bias = optional_tensor(op, 2, "weight"), optional_tensor(op, 3, "bias")
    return ops(layer_norm_ops(x.numel, rows, weight=weight is not None, bias=bias is not None))


@formula("aten.native_group_norm")
def native_group_norm(op: Operator) -> Cost:
    """(input, weight, bias, N, C, HxW, group, eps): groups of each sample apart."""
    x = tensor(op, 0, "input")
    groups = int(arg(op, 3, "N")) * int(arg(op, 6, "group"))
    weight, bias = optional_tensor(op, 1, "weight"), optional_tensor(op, 2, "bias")
    return ops(layer_norm_ops(x.numel, groups, weight=weight is not None, bias=bias is not None))


@formula("aten.group_norm")
def group_norm(op: Operator) -> Cost:
    """The composite: (input, num_groups, weight, bias, ...)."""
    x = tensor(op, 0, "input")
    groups = x.shape[0] * int(arg(op, 1, "num_groups"))
    weight, bias = optional_tensor(op, 2, "weight"), optional_tensor(op, 3, "bias")
    return ops(layer_norm_ops(x.numel, groups, weight=weight is not None, bias=bias is not None))


@formula("aten.instance_norm")
def instance_norm(op: Operator) -> Cost:
    """The composite: every channel of every sample is a group, unless running statistics serve.

    (input, weight, bias, running_mean, running_var, use_input_stats, ...)
    """
    x = tensor(op, 0, "input")
    weight, bias = optional_tensor(op, 1, "weight"), optional_tensor(op, 2, "bias")
    running = optional_tensor(op, 3, "running_mean") is not None
    return _batch_norm(
        x.numel,
        product(x.shape[:2]),
        weight,
        bias,
        train=bool(arg(op, 5, "use_input_stats")),
        running=running,
    )


def _batch_norm(
    elements: int,
    channels: int,
    weight: TensorSpec | None,
    bias: TensorSpec | None,
    *,
    train: bool,
    running: bool,
) -> Cost:
    if train:
        vector = statistics_ops(elements, channels)
        vector += affine_ops(elements, weight=weight is not None, bias=bias is not None)
        if running:
            # Both buffers: (1 - momentum) * old + momentum * new.
            vector += VectorOps(mul=2, add=1) * (2 * channels)
        return ops(vector)
    # Nothing depends on the data, so the map folds into y = x * scale + shift, as the kernels do:
    # scale = weight / sqrt(var + eps) and shift = bias - mean * scale are made once per channel.
    per_channel = VectorOps(add=1, div=1)
    per_channel += VectorOps(mul=int(weight is not None)) + VectorOps(mul=1, add=int(bias is not None))
    return ops(per_channel * channels, VectorOps(mul=elements, add=elements))


@formula("aten.native_batch_norm", "aten.cudnn_batch_norm", "aten.miopen_batch_norm", "aten.batch_norm")
def batch_norm(op: Operator) -> Cost:
    """(input, weight, bias, running_mean, running_var, training, momentum, eps).

    In training: statistics of the batch, the affine map, and the update of the running statistics.
    In evaluation: one multiplication and one addition per element, constants folded per channel.
    """
    x = tensor(op, 0, "input")
    return _batch_norm(
        x.numel,
        x.shape[1],
        optional_tensor(op, 1, "weight"),
        optional_tensor(op, 2, "bias"),
        train=bool(arg(op, 5, "training")),
        running=optional_tensor(op, 3, "running_mean") is not None,
    )


@formula("aten._native_batch_norm_legit", "aten._native_batch_norm_legit_functional")
def legit_batch_norm(op: Operator) -> Cost:
    """The same; its `no_stats` overload has no buffers and always uses the batch's statistics."""
    if not op.name.endswith("no_stats"):
        return batch_norm(op)
    x = tensor(op, 0, "input")
    weight, bias = optional_tensor(op, 1, "weight"), optional_tensor(op, 2, "bias")
    return _batch_norm(x.numel, x.shape[1], weight, bias, train=True, running=False)


@formula(
    "aten._batch_norm_with_update",
    "aten._batch_norm_with_update_functional",
    "aten._batch_norm_no_update",
    "aten._native_batch_norm_legit_no_training",
)
def named_batch_norm(op: Operator) -> Cost:
    """The same, where the name says whether it trains."""
    x = tensor(op, 0, "input")
    weight, bias = optional_tensor(op, 1, "weight"), optional_tensor(op, 2, "bias")
    return _batch_norm(x.numel, x.shape[1], weight, bias, train="with_update" in op.name, running=True)


@formula("aten._fused_rms_norm", "aten.rms_norm")
def rms_norm(op: Operator) -> Cost:
    """x / sqrt(mean(x*x) + eps) * weight: no mean to subtract, so no centring."""
    x = tensor(op, 0, "input")
    size = product(arg(op, 1, "normalized_shape"))
    rows = x.numel // size if size else 0
    weight = optional_tensor(op, 2, "weight") is not None
    sums = max(x.numel - rows, 0)
    return ops(
        VectorOps(mul=x.numel, add=sums + rows, div=2 * rows),
        affine_ops(x.numel, weight=weight, bias=False),
    )


@formula("aten._weight_norm_interface", "aten._weight_norm")
def weight_norm(op: Operator) -> Cost:
    """v * (g / |v|), one norm per slice along `dim`, which is as many as g has elements."""
    v, g = tensor(op, 0, "v"), tensor(op, 1, "g")
    norms = VectorOps(mul=v.numel, add=max(v.numel - g.numel, 0), div=g.numel)
    return ops(norms, VectorOps(div=g.numel), VectorOps(mul=v.numel))


@formula("aten.renorm")
def renorm(op: Operator) -> Cost:
    """Slices along `dim` whose norm exceeds `maxnorm` are scaled back: a norm and a factor each."""
    x = tensor(op, 0, "self")
    slices = x.shape[int(arg(op, 2, "dim"))]
    p = float(arg(op, 1, "p"))
    sums = max(x.numel - slices, 0)
    norm = VectorOps(mul=x.numel, div=slices) if p == 2 else VectorOps(exp=x.numel + slices)
    return ops(norm, VectorOps(add=sums, cmp=slices, div=slices), VectorOps(mul=x.numel))
