"""The kind of a layer, by which pictures colour it: a word in the name of its type says it."""

from __future__ import annotations

from typing import Final

# (part of a name, kind). The first that is found is right.
KINDS: Final[tuple[tuple[str, str], ...]] = (
    ("conv", "conv"),
    ("attention", "attention"),
    ("embed", "embed"),
    ("norm", "norm"),
    ("lrn", "norm"),
    ("linear", "linear"),
    ("pool", "pool"),
    ("lstm", "attention"),
    ("gru", "attention"),
    ("rnn", "attention"),
    ("relu", "act"),
    ("elu", "act"),
    ("silu", "act"),
    ("swish", "act"),
    ("mish", "act"),
    ("sigmoid", "act"),
    ("tanh", "act"),
    ("softmax", "act"),
    ("softplus", "act"),
    ("activation", "act"),
)


def kind_of(told: str) -> str:
    """The kind of what is described so: "conv" of "Conv2d 3×3 p1", "other" where no word is known."""
    name = told.partition(" ")[0].lower()
    return next((kind for word, kind in KINDS if word in name), "other")
