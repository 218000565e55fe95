"""fairscale: a mixture of experts, and checkpointed layers."""

from __future__ import annotations

from fairscale.nn import checkpoint_wrapper
from torch import nn

from tools.coverage.specs import call, floats

DISTRIBUTIONS = ("fairscale",)


def _perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 128))


NETWORKS = {
    "checkpointed": lambda: call(
        nn.Sequential(checkpoint_wrapper(_perceptron()), checkpoint_wrapper(_perceptron())), floats(8, 128)
    ),
}
