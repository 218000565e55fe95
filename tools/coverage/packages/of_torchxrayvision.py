"""torchxrayvision: networks for chest x-rays, without weights."""

from __future__ import annotations

from torchxrayvision import models

from tools.coverage.specs import call, floats

DISTRIBUTIONS = ("torchxrayvision",)

NETWORKS = {
    "DenseNet": lambda: call(models.DenseNet(weights=None), floats(1, 1, 224, 224)),
    "DenseNet-169": lambda: call(
        models.DenseNet(growth_rate=32, block_config=(6, 12, 32, 32), num_init_features=64, weights=None),
        floats(1, 1, 224, 224),
    ),
}
