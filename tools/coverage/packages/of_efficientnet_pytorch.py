"""efficientnet_pytorch: all sizes."""

from __future__ import annotations

from functools import partial

from efficientnet_pytorch import EfficientNet

from tools.coverage.specs import Made, call, image

DISTRIBUTIONS = ("efficientnet-pytorch",)


def _made(name: str) -> Made:
    return call(EfficientNet.from_name(name), image(EfficientNet.get_image_size(name)))


NETWORKS = {f"b{size}": partial(_made, f"efficientnet-b{size}") for size in range(8)}
