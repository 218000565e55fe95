"""lightly: heads of self-supervised learning on small backbones."""

from __future__ import annotations

from typing import Any

from lightly.models import ResNetGenerator
from lightly.models.modules import heads
from torch import nn
from torchvision.models import resnet18

from tools.coverage.specs import call, floats, image

DISTRIBUTIONS = ("lightly",)


def _on_resnet(*parts: nn.Module) -> nn.Module:
    backbone: Any = resnet18()
    backbone.fc = nn.Identity()
    return nn.Sequential(backbone, *parts)


_TWO = floats(2, 3, 64, 64)

NETWORKS = {
    "SimCLR": lambda: call(_on_resnet(heads.SimCLRProjectionHead(512, 512, 128)), _TWO),
    "MoCo": lambda: call(_on_resnet(heads.MoCoProjectionHead(512, 512, 128)), _TWO),
    "BYOL": lambda: call(
        _on_resnet(heads.BYOLProjectionHead(512, 1024, 256), heads.BYOLPredictionHead(256, 1024, 256)), _TWO
    ),
    "SimSiam": lambda: call(
        _on_resnet(heads.SimSiamProjectionHead(512, 512, 128), heads.SimSiamPredictionHead(128, 64, 128)),
        _TWO,
    ),
    "BarlowTwins": lambda: call(_on_resnet(heads.BarlowTwinsProjectionHead(512, 2048, 2048)), _TWO),
    "SwaV": lambda: call(
        _on_resnet(heads.SwaVProjectionHead(512, 512, 128), heads.SwaVPrototypes(128, 512)), _TWO
    ),
    "DINO": lambda: call(_on_resnet(heads.DINOProjectionHead(512, 512, 64, 2048)), _TWO),
    "VICReg": lambda: call(_on_resnet(heads.VICRegProjectionHead(512, 2048, 2048)), _TWO),
    "NNCLR": lambda: call(
        _on_resnet(heads.NNCLRProjectionHead(512, 512, 128), heads.NNCLRPredictionHead(128, 512, 128)), _TWO
    ),
    "ResNetGenerator-9": lambda: call(ResNetGenerator("resnet-9", 0.125), image(32)),
    "ResNetGenerator-18": lambda: call(ResNetGenerator("resnet-18"), image(32)),
}
