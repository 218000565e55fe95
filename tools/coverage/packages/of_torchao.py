"""torchao: a perceptron, quantized."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn
from torchao import quantization

from tools.coverage.specs import Made, call, floats

DISTRIBUTIONS = ("torchao",)


def _made(config: Any) -> Made:
    network = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 256)).eval()
    quantization.quantize_(network, config())
    return call(network, floats(4, 256))


_CONFIGS = (
    "Int8WeightOnlyConfig",
    "Int8DynamicActivationInt8WeightConfig",
    "Float8WeightOnlyConfig",
    "Int8DynamicActivationIntxWeightConfig",
    "IntxWeightOnlyConfig",
)
NETWORKS = {
    name.removesuffix("Config"): partial(_made, getattr(quantization, name))
    for name in _CONFIGS
    if hasattr(quantization, name)
}
