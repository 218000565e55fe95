"""Small convolutional networks of first lessons."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def simple_cnn(num_classes: int = 10, in_channels: int = 3) -> nn.Sequential:
    """Three convolutions, each halved by a pool, and three linears, for images of 32x32 pixels.

    The form in which introductory lessons classify CIFAR-10 (A. Krizhevsky, "Learning multiple layers
    of features from tiny images", 2009): as the maps shrink from 32 to 4 pixels, their number doubles.

    Returns a module from (N, in_channels, 32, 32) to logits (N, num_classes).
    """
    features: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(in_channels, 32, kernel_size=3, padding=1),
        relu1=nn.ReLU(inplace=True),
        pool1=nn.MaxPool2d(kernel_size=2, stride=2),
        conv2=nn.Conv2d(32, 64, kernel_size=3, padding=1),
        relu2=nn.ReLU(inplace=True),
        pool2=nn.MaxPool2d(kernel_size=2, stride=2),
        conv3=nn.Conv2d(64, 128, kernel_size=3, padding=1),
        relu3=nn.ReLU(inplace=True),
        pool3=nn.MaxPool2d(kernel_size=2, stride=2),
    )
    classifier: OrderedDict[str, nn.Module] = OrderedDict(
        fc4=nn.Linear(128 * 4 * 4, 512),
        relu4=nn.ReLU(inplace=True),
        fc5=nn.Linear(512, 64),
        relu5=nn.ReLU(inplace=True),
        fc6=nn.Linear(64, num_classes),
    )
    return nn.Sequential(
        OrderedDict(
            features=nn.Sequential(features), flatten=nn.Flatten(), classifier=nn.Sequential(classifier)
        )
    )


def mnist_cnn(num_classes: int = 10, in_channels: int = 1) -> nn.Sequential:
    """Four batch-normalised convolutions and three linears, for digits of 28x28 pixels.

    A network for MNIST (Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, 1998) from the time after
    S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal
    covariate shift", ICML 2015. Nothing is padded, so every 3x3 convolution takes 2 pixels off a side:
    28, 26, 24, pooled to 12, 10, 8, pooled to 4.

    Returns a module from (N, in_channels, 28, 28) to logits (N, num_classes).
    """
    features: OrderedDict[str, nn.Module] = OrderedDict()
    channels = in_channels
    for place, width in enumerate((16, 32, 64, 128), start=1):
        features[f"conv{place}"] = nn.Conv2d(channels, width, kernel_size=3)
        features[f"norm{place}"] = nn.BatchNorm2d(width)
        features[f"relu{place}"] = nn.ReLU(inplace=True)
        if place % 2 == 0:
            features[f"pool{place}"] = nn.MaxPool2d(kernel_size=2, stride=2)
        channels = width

    classifier: OrderedDict[str, nn.Module] = OrderedDict(
        fc5=nn.Linear(channels * 4 * 4, 1024),
        relu5=nn.ReLU(inplace=True),
        fc6=nn.Linear(1024, 128),
        relu6=nn.ReLU(inplace=True),
        fc7=nn.Linear(128, num_classes),
    )
    return nn.Sequential(
        OrderedDict(
            features=nn.Sequential(features), flatten=nn.Flatten(), classifier=nn.Sequential(classifier)
        )
    )
