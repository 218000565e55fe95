"""torchvision's own operators."""

from __future__ import annotations

from netscope.base.cost import Cost, VectorOps
from netscope.formulas.contractions import bias_add
from netscope.formulas.registry import (
    arg,
    ceil_log2,
    contraction,
    formula,
    ops,
    optional_tensor,
    output,
    product,
    tensor,
)
from netscope.trace.facts import Operator

# Weighing the four pixels around a point, per channel; making the weights, per point: two distances
# to each neighbour (4 add with the rounding's subtraction) and four products.
_BILINEAR = VectorOps(mul=4, add=3)
_BILINEAR_WEIGHTS = VectorOps(mul=4, add=4, cmp=2)


@formula("torchvision.nms")
def nms(op: Operator) -> Cost:
    """Non-maximum suppression, counted at its bound: every pair of N boxes is compared.

    How many are really compared depends on what was suppressed before. Per box: its area (2
    subtractions, a product). Per pair: the corners of the intersection (4 cmp), its sides (2
    subtractions, clamped: 2 cmp), its area (mul), the union (2 add), their ratio (div) and the
    threshold (cmp). Before that the scores are sorted.
    """
    boxes = tensor(op, 0, "dets").shape[0]
    pairs = boxes * (boxes - 1) // 2
    per_pair = VectorOps(cmp=7, add=4, mul=1, div=1)
    return ops(VectorOps(cmp=boxes * ceil_log2(boxes)), VectorOps(add=2, mul=1) * boxes, per_pair * pairs)


@formula("torchvision.roi_align", "torchvision.qroi_align", "torchvision.ps_roi_align")
def roi_align(op: Operator) -> Cost:
    """The mean of n x n samples between pixels, for each output.

    Sampling weighs 4 pixels per channel; the weights are made once per sample for all channels. Where
    `sampling_ratio` is not positive, the number of samples follows from each box's size, which is
    data; counted at its bound, boxes as large as the feature map.
    """
    quantized = "qroi_align" in op.name
    first = 7 if quantized else 3
    rows, columns = int(arg(op, first, "pooled_height")), int(arg(op, first + 1, "pooled_width"))
    ratio = int(arg(op, first + 2, "sampling_ratio"))
    x, out, boxes = tensor(op, 0, "input"), output(op), tensor(op, 1, "rois").shape[0]
    samples = _samples(ratio, x.shape[-2:], (rows, columns))
    points = boxes * rows * columns * samples
    mean = VectorOps(add=samples - 1, div=1) * out.numel
    return ops(_BILINEAR * (out.numel * samples), _BILINEAR_WEIGHTS * points, mean)


def _samples(ratio: int, plane: tuple[int, ...], bins: tuple[int, int]) -> int:
    """Samples per bin: ratio x ratio, or with an adaptive ratio one per pixel of the largest bin."""
    if ratio > 0:
        return ratio * ratio
    return product(-(-side // count) for side, count in zip(plane, bins, strict=True) if count)


@formula("torchvision.roi_pool", "torchvision.ps_roi_pool")
def roi_pool(op: Operator) -> Cost:
    """The maximum of each bin (its mean in the position-sensitive form).

    A bin's size follows from its box, which is data; counted at its bound, like `roi_align`.
    """
    x, out = tensor(op, 0, "input"), output(op)
    bins = int(arg(op, 3, "pooled_height")), int(arg(op, 4, "pooled_width"))
    combined = max(_samples(0, x.shape[-2:], bins) - 1, 0)
    if "ps_roi" in op.name:
        return ops(VectorOps(add=combined, div=1) * out.numel)
    return ops(VectorOps(cmp=combined) * out.numel)


@formula("torchvision._roi_pool_backward", "torchvision._ps_roi_pool_backward")
def roi_pool_backward(op: Operator) -> Cost:
    """The gradient goes to the pixel that won; position-sensitive, its share to each of the bin's."""
    grad = tensor(op, 0, "grad").numel
    if "_ps" not in op.name:
        return ops(VectorOps(add=grad))
    plane = int(arg(op, 8, "height")), int(arg(op, 9, "width"))
    bins = int(arg(op, 4, "pooled_height")), int(arg(op, 5, "pooled_width"))
    return ops(VectorOps(add=_samples(0, plane, bins), div=1) * grad)


@formula("torchvision._roi_align_backward", "torchvision._ps_roi_align_backward")
def roi_align_backward(op: Operator) -> Cost:
    """Each sample hands its share of the gradient to 4 pixels: a product and an addition each."""
    if "_ps" in op.name:  # (grad, rois, channel_mapping, scale, pooled h, w, ratio, .., .., h, w)
        bins_at, ratio_at, plane_at = 4, 6, 9
    else:  # (grad, rois, scale, pooled h, w, batch, channels, h, w, ratio, aligned)
        bins_at, ratio_at, plane_at = 3, 9, 7
    bins = int(op.args[bins_at]), int(op.args[bins_at + 1])
    plane = int(op.args[plane_at]), int(op.args[plane_at + 1])
    samples = _samples(int(op.args[ratio_at]), plane, bins)
    return ops(VectorOps(mul=4, add=4) * (tensor(op, 0, "grad").numel * samples))


@formula("torchvision.deform_conv2d")
def deform_conv2d(op: Operator) -> Cost:
    """A convolution over sampled pixels.

    (input, weight, offset, mask, bias, stride, padding, dilation (each h, w), groups, offset_groups,
    use_mask). The contraction is a convolution's. Before it every input of every window is sampled
    between pixels, and multiplied by its mask: that is in channels x kernel x output positions.
    """
    x, weight, out = tensor(op, 0, "input"), tensor(op, 1, "weight"), output(op)
    positions = out.shape[0] * product(out.shape[-2:])
    kernel = product(weight.shape[-2:])
    offset_groups = int(arg(op, 12, "offset_groups", 1))
    samples = positions * kernel * x.shape[1]
    vector = _BILINEAR * samples + _BILINEAR_WEIGHTS * (positions * kernel * offset_groups)
    vector += VectorOps(add=2 * positions * kernel * offset_groups)  # the offsets themselves
    if arg(op, 13, "use_mask", False):
        vector += VectorOps(mul=samples)
    vector += bias_add(optional_tensor(op, 4, "bias"), out.numel)
    return contraction(out.numel * product(weight.shape[1:]), vector)
