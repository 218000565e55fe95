"""Losses: arithmetic per element, then the reduction (0 none, 1 mean, 2 sum)."""

from __future__ import annotations

from typing import Final

from netscope.base.cost import Cost, VectorOps
from netscope.formulas.registry import arg, formula, ops, optional_tensor, packet_of, product, tensor
from netscope.formulas.softmax import log_softmax_ops
from netscope.trace.facts import Operator

V = VectorOps

_MEAN: Final = 1


def reduced(elements: int, reduction: int) -> VectorOps:
    """N - 1 additions for a sum, a division more for a mean, nothing for none."""
    if not reduction:
        return V()
    return V(add=max(elements - 1, 0), div=int(reduction == _MEAN))


# Per element, and where the reduction stands among the arguments.
_ELEMENTWISE: Final[dict[str, tuple[VectorOps, int]]] = {
    "mse_loss": (V(add=1, mul=1), 2),
    "l1_loss": (V(add=1, cmp=1), 2),
    # With |d| below beta, d*d / (2 beta); else |d| - beta/2.
    "smooth_l1_loss": (V(add=2, cmp=2, mul=1, div=1), 2),
    # With |d| below delta, d*d / 2; else delta * (|d| - delta/2).
    "huber_loss": (V(add=2, cmp=2, mul=2), 2),
    # The negative of y log x + (1 - y) log(1 - x), logarithms clamped from below.
    "binary_cross_entropy": (V(add=3, mul=2, exp=2, cmp=2), 3),
    # That in terms of logits: (1 - y) * x - log_sigmoid(x).
    "binary_cross_entropy_with_logits": (V(add=2, mul=1) + V(cmp=2, exp=2, add=1), 4),
    # The logarithm of 1 + exp(-y * x).
    "soft_margin_loss": (V(mul=1, exp=2), 2),
}


@formula(*(f"aten.{name}" for name in _ELEMENTWISE))
def elementwise_loss(op: Operator) -> Cost:
    """What the table says, a product more with weights per element, and the reduction."""
    x = tensor(op, 0, "self")
    per_element, place = _ELEMENTWISE[packet_of(op)]
    weights = 0
    if "cross_entropy" in op.name:
        weights += optional_tensor(op, 2, "weight") is not None
        weights += optional_tensor(op, 3, "pos_weight") is not None
    reduction = int(arg(op, place, "reduction", _MEAN))
    return ops((per_element + V(mul=weights)) * x.numel, reduced(x.numel, reduction))


@formula("aten.nll_loss_forward", "aten.nll_loss2d_forward", "aten.nll_loss", "aten.nll_loss2d")
def nll_loss(op: Operator) -> Cost:
    """(self, target, weight, reduction, ...): one log-probability is picked per target and negated."""
    targets = tensor(op, 1, "target").numel
    weighted = optional_tensor(op, 2, "weight") is not None
    reduction = int(arg(op, 3, "reduction", _MEAN))
    weights = V(mul=targets, add=targets if reduction == _MEAN else 0) if weighted else V()
    return ops(V(add=targets), weights, reduced(targets, reduction))


@formula("aten.cross_entropy_loss")
def cross_entropy(op: Operator) -> Cost | None:
    """The composite: log-softmax over the classes, then `nll_loss`, for targets that are indices."""
    x, target = tensor(op, 0, "self"), tensor(op, 1, "target")
    if target.shape == x.shape or float(arg(op, 5, "label_smoothing", 0.0)):
        return None  # its decomposition is what should be traced
    classes = x.shape[1 if len(x.shape) > 1 else 0]
    picked = nll_loss(op)
    return ops(log_softmax_ops(x.numel, x.numel // classes), picked.vector)


@formula("aten._ctc_loss", "aten._cudnn_ctc_loss")
def ctc_loss(op: Operator) -> Cost | None:
    """(log_probs, targets, input_lengths, target_lengths, ...).

    The forward variable visits 2S+1 states at each of T frames, and combines three of them:
    max + log(sum of exp) plus the frame's log-probability, that is 2 cmp, 3 exp and a log, 3
    subtractions, 2 + 1 + 1 additions. None when the lengths are tensors, whose values are data.
    """
    frames, labels = arg(op, 2, "input_lengths"), arg(op, 3, "target_lengths")
    if not isinstance(frames, (list, tuple)) or not isinstance(labels, (list, tuple)):
        return None
    states = sum(t * (2 * s + 1) for t, s in zip(frames, labels, strict=True))
    return ops(V(cmp=2, exp=4, add=7) * states)


@formula("aten.multi_margin_loss", "aten.multilabel_margin_loss_forward")
def margin_loss(op: Operator) -> Cost | None:
    """Every class against the target's: margin - x_y + x_j, clamped, summed, over the classes.

    (self, target, p, margin, weight, reduction); p = 2 squares. The multilabel form compares every
    class with every label, whose number is data, so that one is unknown.
    """
    if "multilabel" in op.name:
        return None
    x = tensor(op, 0, "self")
    squares = int(arg(op, 2, "p", 1)) == 2
    samples = product(x.shape[:-1])
    weights = V(mul=x.numel if optional_tensor(op, 4, "weight") else 0)
    per_class = V(add=3, cmp=1, mul=int(squares)) * x.numel
    return ops(per_class, V(div=samples), weights, reduced(samples, int(arg(op, 5, "reduction", _MEAN))))


# Gradients, per element of the input: the derivative, times the gradient, over N for a mean.
_BACKWARD: Final[dict[str, VectorOps]] = {
    "mse_loss_backward": V(add=1, mul=2),
    "smooth_l1_loss_backward": V(add=1, cmp=2, mul=1, div=1),
    "huber_loss_backward": V(add=1, cmp=2, mul=2),
    "binary_cross_entropy_backward": V(add=2, mul=2, div=1),  # (x - y) / (x * (1 - x)) * g
    "soft_margin_loss_backward": V(exp=1, add=1, mul=2, div=1),
}


@formula(*(f"aten.{name}" for name in _BACKWARD))
def elementwise_loss_backward(op: Operator) -> Cost:
    """(grad_output, self, target, ...): what the table says."""
    x = tensor(op, 1, "self")
    return ops(_BACKWARD[packet_of(op)] * x.numel)


@formula("aten.nll_loss_backward", "aten.nll_loss2d_backward")
def nll_loss_backward(op: Operator) -> Cost:
    """One entry per target is written: the gradient over the total weight, negated."""
    return ops(V(add=1, div=1) * tensor(op, 2, "target").numel)
