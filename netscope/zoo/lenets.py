"""LeNet: the first convolutional network at work, reading digits."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def lenet(num_classes: int = 10, in_channels: int = 1) -> nn.Sequential:
    """LeNet as it is taught, for digits of 28x28 pixels, and without activations.

    After Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE, 1998. This lesson's form pads a 3x3 first convolution
    where the paper has 5x5 on 32x32 images, pools by the maximum, and leaves the squashing functions
    out, so that only layers that change a shape are left.

    Returns a module from (N, in_channels, 28, 28) to logits (N, num_classes).
    """
    features: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(in_channels, 6, kernel_size=3, padding=1),
        pool1=nn.MaxPool2d(kernel_size=2, stride=2),
        conv2=nn.Conv2d(6, 16, kernel_size=5),
        pool2=nn.MaxPool2d(kernel_size=2, stride=2),
    )
    classifier: OrderedDict[str, nn.Module] = OrderedDict(
        fc3=nn.Linear(16 * 5 * 5, 120),
        fc4=nn.Linear(120, 84),
        fc5=nn.Linear(84, num_classes),
    )
    return nn.Sequential(
        OrderedDict(
            features=nn.Sequential(features), flatten=nn.Flatten(), classifier=nn.Sequential(classifier)
        )
    )
