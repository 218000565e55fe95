"""AlexNet: the network that won ILSVRC 2012, and the forms in which it is taught."""

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
    return _network(_features(in_channels), 256 * 6 * 6, 4096, num_classes, dropout)


def alexnet_grouped(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> nn.Sequential:
    """AlexNet as its two GPUs computed it: conv2, conv4 and conv5 see the maps of their own half.

    A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural
    networks", NIPS 2012, figure 2. Two groups halve the depth of a kernel, and with it the parameters
    and the multiply-accumulates of those three layers. conv3 and the linears cross between the GPUs.

    Returns a module from (N, in_channels, 227, 227) to logits (N, num_classes).
    """
    return _network(_features(in_channels, groups=2), 256 * 6 * 6, 4096, num_classes, dropout)


def alexnet_224(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> nn.Sequential:
    """AlexNet for images of 224x224 pixels, which a padding of 2 brings to 55x55 maps; no contrast layers.

    A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural
    networks", NIPS 2012, as it is commonly rebuilt. floor((224 + 2*2 - 11) / 4) + 1 = 55, and 1 row
    and column of the padded image is never read. The flower classifier of many a course is
    `num_classes=5`.

    Returns a module from (N, in_channels, 224, 224) to logits (N, num_classes).
    """
    features = _features(in_channels, padding=2, contrast=False)
    return _network(features, 256 * 6 * 6, 4096, num_classes, dropout)


def alexnet_half(
    num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, asymmetric: bool = False
) -> nn.Sequential:
    """What one of AlexNet's two GPUs held, as a network of its own, for images of 224x224 pixels.

    A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural
    networks", NIPS 2012, one half of figure 2, without contrast layers.

    `asymmetric` pads 1 pixel left and above, 2 right and below: 224 + 3 = 227, so that the windows of
    conv1 tile exactly, in place of 2 on every side, which leave 1 row and column unread. Both give 55.

    Returns a module from (N, in_channels, 224, 224) to logits (N, num_classes).
    """
    features = _features(
        in_channels, (48, 128, 192, 192, 128), padding=0 if asymmetric else 2, contrast=False
    )
    network = _network(features, 128 * 6 * 6, 2048, num_classes, dropout)
    if not asymmetric:
        return network
    pad: OrderedDict[str, nn.Module] = OrderedDict(pad=nn.ZeroPad2d((1, 2, 1, 2)))
    return nn.Sequential(pad | OrderedDict(network.named_children()))


def _features(
    in_channels: int,
    maps: tuple[int, int, int, int, int] = (96, 256, 384, 384, 256),
    *,
    padding: int = 0,
    groups: int = 1,
    contrast: bool = True,
) -> nn.Sequential:
    """The five convolutions.

    `maps` are their widths, `padding` is conv1's, `groups` are those of conv2, conv4 and conv5, and
    `contrast` says whether local response normalisation follows conv1 and conv2.
    """
    maps1, maps2, maps3, maps4, maps5 = maps
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(in_channels, maps1, kernel_size=11, stride=4, padding=padding),
        relu1=nn.ReLU(inplace=True),
        norm1=nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=2.0),
        pool1=nn.MaxPool2d(kernel_size=3, stride=2),
        conv2=nn.Conv2d(maps1, maps2, kernel_size=5, padding=2, groups=groups),
        relu2=nn.ReLU(inplace=True),
        norm2=nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=2.0),
        pool2=nn.MaxPool2d(kernel_size=3, stride=2),
        conv3=nn.Conv2d(maps2, maps3, kernel_size=3, padding=1),
        relu3=nn.ReLU(inplace=True),
        conv4=nn.Conv2d(maps3, maps4, kernel_size=3, padding=1, groups=groups),
        relu4=nn.ReLU(inplace=True),
        conv5=nn.Conv2d(maps4, maps5, kernel_size=3, padding=1, groups=groups),
        relu5=nn.ReLU(inplace=True),
        pool5=nn.MaxPool2d(kernel_size=3, stride=2),
    )
    if not contrast:
        del layers["norm1"], layers["norm2"]
    return nn.Sequential(layers)


def _network(
    features: nn.Sequential, in_features: int, hidden: int, num_classes: int, dropout: float
) -> nn.Sequential:
    """The convolutions with the three linears behind them."""
    classifier: OrderedDict[str, nn.Module] = OrderedDict(
        drop6=nn.Dropout(dropout),
        fc6=nn.Linear(in_features, hidden),
        relu6=nn.ReLU(inplace=True),
        drop7=nn.Dropout(dropout),
        fc7=nn.Linear(hidden, hidden),
        relu7=nn.ReLU(inplace=True),
        fc8=nn.Linear(hidden, num_classes),
    )
    return nn.Sequential(
        OrderedDict(features=features, flatten=nn.Flatten(), classifier=nn.Sequential(classifier))
    )
