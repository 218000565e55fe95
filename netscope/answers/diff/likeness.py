"""How much a layer of one network resembles a layer of another: from 0 to 1.

A name that people gave counts most, then the type, then the exact definition. A number in a Sequential is
hardly a name: it says where a layer stands, and one inserted layer shifts all that follow.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from netscope.answers.diff.forest import GENERIC, Forest, choices

# Layers less alike than this are not the same layer.
ENOUGH: Final = 0.3

NAME: Final = 0.45
TYPE: Final = 0.35
BASE: Final = 0.25
FAMILY: Final = 0.2
EXACT: Final = 0.15
NUMBERS: Final = 0.1
SAME_NUMBER: Final = 0.04
PARAMETERS: Final = 0.05
# By how many hyperparameters differ, those that follow from the layers before aside.
CHOICES: Final = (0.1, 0.05, 0.025)
OUTPUT: Final = 0.03
OWN_CONTAINER: Final = 0.25
GENERIC_CONTAINER: Final = 0.1
CONTENTS: Final = 0.4

_ACTIVATIONS: Final = frozenset((
    "ReLU", "ReLU6", "LeakyReLU", "PReLU", "RReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "GLU",
    "Hardswish", "Hardsigmoid", "Hardtanh", "Sigmoid", "Tanh", "Softplus", "Softsign", "LogSigmoid",
    "Threshold", "Softshrink", "Hardshrink", "Tanhshrink",
))  # fmt: skip
# What the name of a torch.nn class holds -> what the class is for.
_PARTS: Final = (
    ("Conv", "convolution"),
    ("Linear", "linear"),
    ("Norm", "norm"),
    ("Pool", "pool"),
    ("Dropout", "dropout"),
    ("Embedding", "embedding"),
    ("RNN", "recurrent"),
    ("LSTM", "recurrent"),
    ("GRU", "recurrent"),
    ("Softmax", "softmax"),
    ("Pad", "padding"),
    ("Upsample", "upsampling"),
    ("Upsampling", "upsampling"),
)


def family(base: str, type: str) -> str:
    """What a layer is for ("norm", "activation"), as far as its torch.nn class says; "" when it does not."""
    name = base or type
    if name in _ACTIVATIONS:
        return "activation"
    return next((purpose for part, purpose in _PARTS if part in name), "")


class Likeness:
    """Resemblance between the layers of two forests, worked out once for each kind of pair."""

    def __init__(self, a: Forest, b: Forest) -> None:
        self._a, self._b = a, b
        self._known: dict[tuple[int, int], float] = {}
        self._families = [[family(x.base, x.type) for x in forest.layers] for forest in (a, b)]

    def __call__(self, i: int, j: int, *, numbers: bool = True) -> float:
        """From 0 to 1. `numbers` says whether places in a row count: only within one parent they do."""
        a, b = self._a, self._b
        if a.functional[i] or b.functional[j]:
            return 0.0
        numeric = a.numeric[i], b.numeric[j]
        same = a.names[i] == b.names[j]
        name = 0.0
        if numeric == (False, False):
            name = NAME if same else 0.0
        elif numeric == (True, True) and numbers:
            name = NUMBERS + (SAME_NUMBER if same else 0.0)
        return name + self._nature(i, j)

    def _nature(self, i: int, j: int) -> float:
        """The part that has nothing to do with names."""
        a, b = self._a, self._b
        key = a.whole[i], b.whole[j]
        found = self._known.get(key)
        if found is None:
            if a.containers[i] != b.containers[j]:
                found = 0.0
            elif a.containers[i]:
                found = self._containers(i, j)
            else:
                found = self._leaves(i, j)
            self._known[key] = found
        if found and a.layers[i].output_shape == b.layers[j].output_shape:
            found += OUTPUT
        return found

    def _leaves(self, i: int, j: int) -> float:
        a, b = self._a, self._b
        x, y = a.layers[i], b.layers[j]
        families = self._families[0][i], self._families[1][j]
        if x.type == y.type:
            likeness = TYPE
        elif x.base and x.base == y.base:
            likeness = BASE
        elif families[0] and families[0] == families[1]:
            likeness = FAMILY
        else:
            return 0.0
        if a.own[i] == b.own[j]:
            return likeness + EXACT
        if x.parameters and x.parameter_shapes == y.parameter_shapes:
            likeness += PARAMETERS
        elif x.type == y.type:
            old, new = choices(x), choices(y)
            differing = sum(old.get(key) != new.get(key) for key in old.keys() | new.keys())
            likeness += CHOICES[differing] if differing < len(CHOICES) else 0
        return likeness

    def _containers(self, i: int, j: int) -> float:
        a, b = self._a, self._b
        x, y = a.layers[i], b.layers[j]
        likeness = 0.0
        if x.type == y.type:
            likeness = GENERIC_CONTAINER if x.type in GENERIC else OWN_CONTAINER
        return likeness + CONTENTS * self._overlap(i, j)

    def _overlap(self, i: int, j: int) -> float:
        """The part of the layers within that both have (Dice): half by definition, half by type."""
        a, b = self._a, self._b
        return (_dice(a.contents[i], b.contents[j]) + _dice(a.kinds[i], b.kinds[j])) / 2


def _dice(a: Counter[Any], b: Counter[Any]) -> float:
    total = a.total() + b.total()
    return 2 * (a & b).total() / total if total else 0.0
