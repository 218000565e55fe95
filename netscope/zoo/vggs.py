"""VGG: depth from small kernels alone."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from torch import nn

# Configuration D of the paper's table 1: the widths of each stage's convolutions.
_STAGES: Final = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def vgg16(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> nn.Sequential:
    """VGG with 13 convolutions and 3 linears, for images of 224x224 pixels.

    K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition",
    2014 (ICLR 2015), configuration D. Two stacked 3x3 convolutions see 5x5, three see 7x7.

    Returns a module from (N, in_channels, 224, 224) to logits (N, num_classes).
    """
    features: OrderedDict[str, nn.Module] = OrderedDict()
    channels = in_channels
    for stage, widths in enumerate(_STAGES, start=1):
        for place, width in enumerate(widths, start=1):
            features[f"conv{stage}_{place}"] = nn.Conv2d(channels, width, kernel_size=3, padding=1)
            features[f"relu{stage}_{place}"] = nn.ReLU(inplace=True)
            channels = width
        features[f"pool{stage}"] = nn.MaxPool2d(kernel_size=2, stride=2)

    classifier: OrderedDict[str, nn.Module] = OrderedDict(
        fc6=nn.Linear(channels * 7 * 7, 4096),
        relu6=nn.ReLU(inplace=True),
        drop6=nn.Dropout(dropout),
        fc7=nn.Linear(4096, 4096),
        relu7=nn.ReLU(inplace=True),
        drop7=nn.Dropout(dropout),
        fc8=nn.Linear(4096, num_classes),
    )
    return nn.Sequential(
        OrderedDict(
            features=nn.Sequential(features), flatten=nn.Flatten(), classifier=nn.Sequential(classifier)
        )
    )
