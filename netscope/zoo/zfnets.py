"""ZFNet: AlexNet with a first layer that looks closer, found by looking at what its layers see."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def zfnet(
    num_classes: int = 1000,
    in_channels: int = 3,
    dropout: float = 0.5,
    maps: tuple[int, int, int] = (384, 384, 256),
) -> nn.Sequential:
    """ZFNet as drawn in figure 3 of the paper, for images of 224x224 pixels.

    M. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", 2013 (ECCV 2014).
    Against AlexNet: conv1 is 7x7 with stride 2 in place of 11x11 with stride 4, conv2 has stride 2,
    and contrast is normalised after pooling. The sizes in the figure (110, 55, 26, 13, 6) need a
    padding of 1 in conv1 and in the first two pools.

    `maps` are the widths of conv3, conv4 and conv5.

    Returns a module from (N, in_channels, 224, 224) to logits (N, num_classes).
    """
    maps3, maps4, maps5 = maps
    features: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(in_channels, 96, kernel_size=7, stride=2, padding=1),
        relu1=nn.ReLU(inplace=True),
        pool1=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        norm1=nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=2.0),
        conv2=nn.Conv2d(96, 256, kernel_size=5, stride=2),
        relu2=nn.ReLU(inplace=True),
        pool2=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        norm2=nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=2.0),
        conv3=nn.Conv2d(256, maps3, kernel_size=3, padding=1),
        relu3=nn.ReLU(inplace=True),
        conv4=nn.Conv2d(maps3, maps4, kernel_size=3, padding=1),
        relu4=nn.ReLU(inplace=True),
        conv5=nn.Conv2d(maps4, maps5, kernel_size=3, padding=1),
        relu5=nn.ReLU(inplace=True),
        pool5=nn.MaxPool2d(kernel_size=3, stride=2),
    )
    classifier: OrderedDict[str, nn.Module] = OrderedDict(
        drop6=nn.Dropout(dropout),
        fc6=nn.Linear(maps5 * 6 * 6, 4096),
        relu6=nn.ReLU(inplace=True),
        drop7=nn.Dropout(dropout),
        fc7=nn.Linear(4096, 4096),
        relu7=nn.ReLU(inplace=True),
        fc8=nn.Linear(4096, num_classes),
    )
    return nn.Sequential(
        OrderedDict(
            features=nn.Sequential(features), flatten=nn.Flatten(), classifier=nn.Sequential(classifier)
        )
    )


def zfnet_wide(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> nn.Sequential:
    """ZFNet with 512, 1024 and 512 maps in conv3, conv4 and conv5, the paper's better single model.

    M. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", 2013 (ECCV 2014).

    Returns a module from (N, in_channels, 224, 224) to logits (N, num_classes).
    """
    return zfnet(num_classes, in_channels, dropout, maps=(512, 1024, 512))
