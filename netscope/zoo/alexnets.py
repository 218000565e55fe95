"""AlexNet: the network that won ILSVRC 2012."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def alexnet(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> nn.Sequential:
    """AlexNet in a single stream, for images of 227x227 pixels.

    A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural
    networks", NIPS 2012. The paper splits the maps over two GPUs; here every convolution sees all of
    them (groups=1). Its images of 224 pixels only fit a padding that it does not mention; at 227 the
    first convolution's windows tile the image exactly without any: (227 - 11) / 4 + 1 = 55.

    Returns a module from (N, in_channels, 227, 227) to logits (N, num_classes).
    """
    features: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(in_channels, 96, kernel_size=11, stride=4),
        relu1=nn.ReLU(inplace=True),
        norm1=nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=2.0),
        pool1=nn.MaxPool2d(kernel_size=3, stride=2),
        conv2=nn.Conv2d(96, 256, kernel_size=5, padding=2),
        relu2=nn.ReLU(inplace=True),
        norm2=nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=2.0),
        pool2=nn.MaxPool2d(kernel_size=3, stride=2),
        conv3=nn.Conv2d(256, 384, kernel_size=3, padding=1),
        relu3=nn.ReLU(inplace=True),
        conv4=nn.Conv2d(384, 384, kernel_size=3, padding=1),
        relu4=nn.ReLU(inplace=True),
        conv5=nn.Conv2d(384, 256, kernel_size=3, padding=1),
        relu5=nn.ReLU(inplace=True),
        pool5=nn.MaxPool2d(kernel_size=3, stride=2),
    )
    classifier: OrderedDict[str, nn.Module] = OrderedDict(
        drop6=nn.Dropout(dropout),
        fc6=nn.Linear(256 * 6 * 6, 4096),
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
