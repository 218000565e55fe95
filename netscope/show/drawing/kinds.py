"""The kind of a layer, by which pictures and pages colour it: the name of its type says it."""

from __future__ import annotations

from typing import Final

from netscope.show.drawing.drawing import DrawnNode

# (part of a name, kind). The first that is found is right.
KINDS: Final[tuple[tuple[str, str], ...]] = (
    ("conv", "conv"),
    ("attention", "attention"),
    ("attn", "attention"),
    ("sdpa", "attention"),
    ("embed", "embedding"),
    ("norm", "norm"),
    ("lrn", "norm"),
    ("linear", "linear"),
    ("matmul", "linear"),
    ("pool", "pool"),
    ("upsample", "pool"),
    ("interpolate", "pool"),
    ("lstm", "attention"),
    ("gru", "attention"),
    ("rnn", "attention"),
    ("relu", "activation"),
    ("elu", "activation"),
    ("silu", "activation"),
    ("swish", "activation"),
    ("mish", "activation"),
    ("sigmoid", "activation"),
    ("tanh", "activation"),
    ("softmax", "activation"),
    ("softplus", "activation"),
    ("activation", "activation"),
    ("dropout", "activation"),
)
# Whole names, of which others have a part by chance.
_NAMES: Final = {"dense": "linear", "mm": "linear", "bmm": "linear", "addmm": "linear"}
OTHER: Final = "other"
NAMES: Final = (*dict.fromkeys(kind for _, kind in KINDS), OTHER)


def kind_of(told: str) -> str:
    """The kind of what is described so: "conv" of "Conv2d 3×3 p1", "other" where no word is known."""
    name = told.partition(" ")[0].lower()
    return _NAMES.get(name) or next((kind for word, kind in KINDS if word in name), OTHER)


def told_of(node: DrawnNode) -> str:
    """What says the kind of a box."""
    return node.below or node.label
