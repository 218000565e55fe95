"""Quantised operators: the products are those of the float operator; packed weights hide the rest.

Weights of torch.ao.quantization arrive as opaque objects. The tracer may put the logical shapes in
their place, as a list [weight, bias or None]; then everything below is exact. Without them a linear
still has its MACs (the output tells its width, the input its depth), but no bias is counted, and a
convolution is unknown.
"""

from __future__ import annotations

from typing import Any

from netscope.base.cost import FREE, Cost, VectorOps
from netscope.base.workload import TensorSpec
from netscope.formulas.contractions import bias_add, conv_macs
from netscope.formulas.registry import Uncountable, arg, contraction, formula, ops, output, tensor
from netscope.trace.facts import Operator

# x / scale, rounded, plus the zero point, within two bounds.
QUANTIZE = VectorOps(div=1, cmp=3, add=1)
# (q - zero point) * scale
DEQUANTIZE = VectorOps(add=1, mul=1)


def _unpacked(packed: Any) -> tuple[TensorSpec | None, Any]:
    """Weight and bias of a packed parameter, as far as they can be seen."""
    if isinstance(packed, TensorSpec):
        return packed, None
    if isinstance(packed, (list, tuple)) and packed and isinstance(packed[0], TensorSpec):
        return packed[0], packed[1] if len(packed) > 1 else None
    return None, None


def _activation(op: Operator, elements: int) -> VectorOps:
    """The ReLU (or the sum with another input) that a fused name announces."""
    vector = VectorOps()
    if "_relu" in op.name and "leaky" not in op.name:
        vector += VectorOps(cmp=elements)
    if "leaky_relu" in op.name:
        vector += VectorOps(cmp=elements, mul=elements)
    if "_tanh" in op.name:
        vector += VectorOps(exp=elements)
    if "_add" in op.name:
        vector += VectorOps(add=elements)
    return vector


@formula(
    *(
        f"{namespace}.linear{kind}"
        for namespace in ("quantized", "_quantized")
        for kind in (
            "",
            "_relu",
            "_dynamic",
            "_relu_dynamic",
            "_dynamic_fp16",
            "_relu_dynamic_fp16",
            "_leaky_relu",
            "_tanh",
            "_with_input_q_dq_qweight_dq_output_fp32",
            "_with_input_q_dq_qweight_dq_relu_output_fp32",
        )
    ),
    "onednn.linear_dynamic_fp16",
    "onednn.linear_relu_dynamic_fp16",
)
def quantized_linear(op: Operator) -> Cost:
    """x @ weight.T: as many products per output as the input is wide."""
    x, out = tensor(op, 0, "X"), output(op)
    _, bias = _unpacked(arg(op, 1, "W_prepack"))
    vector = bias_add(bias, out.numel) + _activation(op, out.numel)
    return contraction(out.numel * x.shape[-1], vector)


@formula("onednn.qlinear_pointwise")
def onednn_linear(op: Operator) -> Cost:
    """(x, x_scale, x_zero_point, ...): the same, its weight packed in blocks; the bias by type."""
    x, out = tensor(op, 0, "qx"), output(op)
    biases = [value for value in op.args[6:8] if isinstance(value, TensorSpec) and len(value.shape) == 1]
    return contraction(out.numel * x.shape[-1], bias_add(biases[0] if biases else None, out.numel))


@formula(
    *(
        f"{namespace}.conv{dims}d{kind}"
        for namespace in ("quantized", "_quantized")
        for dims in (1, 2, 3)
        for kind in ("", "_relu", "_dynamic", "_add", "_add_relu")
    )
)
def quantized_conv(op: Operator) -> Cost:
    """(x, packed weight, ...), the sum with a second input where the name says so."""
    return _convolution(op, packed=2 if "_add" in op.name else 1, transposed=False)


@formula(
    *(
        f"{namespace}.conv_transpose{dims}d{kind}"
        for namespace in ("quantized", "_quantized")
        for dims in (1, 2, 3)
        for kind in ("", "_dynamic")
    )
)
def quantized_conv_transpose(op: Operator) -> Cost:
    """The same, transposed."""
    return _convolution(op, packed=1, transposed=True)


def _convolution(op: Operator, *, packed: int, transposed: bool) -> Cost:
    x, out = tensor(op, 0, "qx"), output(op)
    weight, bias = _unpacked(arg(op, packed, "packed_weight"))
    if weight is None:
        raise Uncountable("the kernel is packed out of sight")
    vector = bias_add(bias, out.numel) + _activation(op, out.numel)
    return contraction(conv_macs(x, weight, out, transposed=transposed), vector)


@formula(
    "aten.quantize_per_tensor",
    "aten.quantize_per_channel",
    "aten.quantize_per_tensor_dynamic",
    "quantized_decomposed.quantize_per_tensor",
    "quantized_decomposed.quantize_per_channel",
)
def quantize(op: Operator) -> Cost:
    """round(x / scale) + zero point, clamped; the dynamic form first looks for both extrema."""
    x = tensor(op, 0, "self")
    extrema = VectorOps(cmp=2 * max(x.numel - 1, 0)) if "dynamic" in op.name else VectorOps()
    return ops(QUANTIZE * x.numel, extrema)


@formula(
    "aten.dequantize",
    "quantized_decomposed.dequantize_per_tensor",
    "quantized_decomposed.dequantize_per_channel",
)
def dequantize(op: Operator) -> Cost:
    """(q - zero point) * scale."""
    return ops(DEQUANTIZE * tensor(op, 0, "self").numel)


@formula(
    "aten.fake_quantize_per_tensor_affine",
    "aten.fake_quantize_per_tensor_affine_cachemask",
    "aten._fake_quantize_per_tensor_affine_cachemask_tensor_qparams",
    "aten.fake_quantize_per_channel_affine",
    "aten.fake_quantize_per_channel_affine_cachemask",
)
def fake_quantize(op: Operator) -> Cost:
    """There and back."""
    return ops((QUANTIZE + DEQUANTIZE) * tensor(op, 0, "self").numel)


@formula("aten._fused_moving_avg_obs_fq_helper", "aten.fused_moving_avg_obs_fake_quant")
def observed_fake_quantize(op: Operator) -> Cost:
    """Both extrema of the batch, then there and back; the averages are a few scalars."""
    elements = tensor(op, 0, "self").numel
    return ops((QUANTIZE + DEQUANTIZE + VectorOps(cmp=2)) * elements)


@formula("aten.int_repr", "aten._make_per_tensor_quantized_tensor", "aten._empty_affine_quantized")
def quantized_movement(op: Operator) -> Cost:
    """The integers as they are."""
    return FREE


@formula("aten.q_scale", "aten.q_zero_point", "aten.q_per_channel_scales", "aten.q_per_channel_zero_points")
def quantized_question(op: Operator) -> Cost:
    """Metadata."""
    return FREE


@formula("quantized.mul", "quantized.add", "quantized.add_relu", "quantized.mul_relu", "quantized.cat")
def quantized_pointwise(op: Operator) -> Cost:
    """The float operation on each element; changing the scale is not counted."""
    out = output(op).numel
    if ".cat" in op.name:
        return FREE
    base = VectorOps(mul=out) if ".mul" in op.name else VectorOps(add=out)
    return ops(base, VectorOps(cmp=out) if "relu" in op.name else VectorOps())
