"""What brings elements together: sums of branches, norms, reductions, products, attention, concatenation.

A normaliser counts as elementwise: the statistics that a batch, instance, group or layer norm takes of
its input are no part of the window, in training as in evaluation. A gate computed from the whole map
(squeeze and excitation) and attention are.
"""

from __future__ import annotations

from netscope.report.analysis.receptive.registry import TrackedOp, rule
from netscope.report.analysis.receptive.spans import Unknown
from netscope.report.analysis.receptive.tracks import (
    INDEPENDENT,
    State,
    broadcast,
    renumbered,
    scattered,
    swept,
    union,
)

# Element by element


@rule(
    *(
        f"aten.{name}"
        for name in """
        clone _to_copy contiguous alias detach lift lift_fresh lift_fresh_copy positive to resolve_conj
        relu relu6 hardtanh leaky_relu elu selu celu gelu silu mish sigmoid tanh hardsigmoid hardswish
        softplus prelu _prelu_kernel rrelu threshold log_sigmoid dropout feature_dropout alpha_dropout
        add sub mul div pow rsub addcmul addcdiv where masked_fill clamp maximum minimum exp log sqrt
        channel_shuffle native_channel_shuffle fake_quantize_per_tensor_affine
        """.split()
    )
)
def elementwise(call: TrackedOp) -> State:
    """Everything that its operands see, broadcast to the result. Also what the schema tags as pointwise."""
    return _together(call)


def _together(call: TrackedOp) -> State:
    return union(
        broadcast(call.state(index), spec.shape, call.result) for index, spec in enumerate(call.specs)
    )


@rule("aten.copy")
def copy(call: TrackedOp) -> State:
    """(self, src): what was there before is gone."""
    return broadcast(call.state(1), call.specs[1].shape, call.result)


@rule(
    *(
        f"aten.{name}"
        for name in """
        native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training
        _native_batch_norm_legit_functional _batch_norm_with_update _batch_norm_no_update cudnn_batch_norm
        miopen_batch_norm native_layer_norm native_group_norm instance_norm rms_norm _fused_rms_norm
        native_dropout log_sigmoid_forward
        """.split()
    )
)
def norm(call: TrackedOp) -> list[State]:
    """The first result; statistics and masks, which follow, are no part of the network."""
    return [call.first]


@rule(
    *(
        f"aten.{name}"
        for name in """
        zero fill zeros_like ones_like full_like empty_like rand_like randn_like randint_like new_zeros
        new_ones new_full new_empty new_empty_strided uniform normal bernoulli exponential size
        """.split()
    )
)
def filled(call: TrackedOp) -> State:
    """Nothing of the argument but its shape."""
    return INDEPENDENT


# Sums and contractions


@rule("aten._softmax", "aten._log_softmax", "aten.softmax", "aten.log_softmax", "aten._safe_softmax")
@rule("aten.cumsum", "aten.cumprod", "aten.logcumsumexp")
def softmax(call: TrackedOp) -> State:
    """(self, dim, ...): every element along `dim` sees all of them (a running sum up to its own)."""
    return swept(call.first, [call.dim()])


def _reduced(call: TrackedOp, dims: list[int], keep: bool) -> State:
    state = swept(call.first, dims)
    if keep:
        return state
    left = iter(range(len(call.shape)))
    return renumbered(state, [None if d in dims else next(left) for d in range(len(call.shape))])


@rule(*(f"aten.{name}" for name in "mean sum amax amin max min prod logsumexp any all argmax argmin".split()))
@rule("aten.var", "aten.std", "aten.var_mean", "aten.std_mean", "aten.median")
def reduction(call: TrackedOp) -> list[State]:
    """(self, dim, ...): a sum, a maximum, a variance over `dim`, which goes unless it is kept."""
    if len(call.specs) > 1:
        return [_together(call)]  # max and min of two tensors
    dims = call.dims()
    keep = len(call.result) == len(call.shape)
    return [_reduced(call, dims, keep)] * len(call.op.outputs)


@rule("aten.linalg_vector_norm", "aten.norm")
def vector_norm(call: TrackedOp) -> State:
    """(self, ord, dim, keepdim)."""
    return _reduced(call, call.dims(2), len(call.result) == len(call.shape))


@rule("aten.mm", "aten.bmm", "aten.matmul")
def matmul(call: TrackedOp) -> State:
    """(self, other): over the last dimension of one and the last but one of the other."""
    return _product(call, 0, 1)


@rule("aten.addmm", "aten.baddbmm")
def addmm(call: TrackedOp) -> State:
    """(bias, self, other)."""
    bias = broadcast(call.state(0), call.specs[0].shape, call.result)
    return union([bias, _product(call, 1, 2)])


def _product(call: TrackedOp, one: int, other: int) -> State:
    left, right = call.specs[one].shape, call.specs[other].shape
    if len(left) < 2 or len(right) != len(left):
        raise Unknown("a product of different ranks")
    rank = len(left)
    rows = swept(call.state(one), [rank - 1])
    return union([rows, swept(call.state(other), [rank - 2])])


@rule("aten.linear")
def linear(call: TrackedOp) -> State:
    """(input, weight, bias)."""
    return swept(call.first, [len(call.shape) - 1])


@rule(
    *(
        f"aten.{name}"
        for name in """
        scaled_dot_product_attention _scaled_dot_product_flash_attention
        _scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_efficient_attention
        _scaled_dot_product_cudnn_attention _scaled_dot_product_attention_math
        """.split()
    )
)
def attention(call: TrackedOp) -> list[State]:
    """(query, key, value, ...): each query sees itself and every key and value."""
    if any(state != INDEPENDENT for state in call.states[3:]):
        raise Unknown("a mask that depends on the input")
    rank = len(call.result)
    query = swept(call.state(0), [rank - 1])
    key, value = swept(call.state(1), [rank - 2, rank - 1]), swept(call.state(2), [rank - 2])
    return [union([query, key, value])]


# Put together


@rule("aten.cat", "aten.concat", "aten.concatenate")
def cat(call: TrackedOp) -> State:
    """(tensors, dim): branches meet; along an axis of the input, positions are put one behind another."""
    dim = int(call.arg(1, "dim", 0)) % len(call.result)
    parts = []
    for index, spec in enumerate(call.specs):
        if len(spec.shape) == len(call.result):  # an empty one of another rank is skipped, as torch does
            alone = spec.shape[dim] == call.result[dim]
            parts.append(call.state(index) if alone else scattered(call.state(index), dim))
    return union(parts)


@rule("aten.stack")
def stack(call: TrackedOp) -> State:
    """(tensors, dim): a new dimension, which holds nothing of the input."""
    dim = int(call.arg(1, "dim", 0)) % len(call.result)
    places = [d + (d >= dim) for d in range(len(call.shape))]
    return union(renumbered(call.state(i), places) for i in range(len(call.specs)))
