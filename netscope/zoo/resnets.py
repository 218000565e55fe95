"""Residual networks: layers learn what to add to what they were given."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn


class BasicBlock(nn.Module):
    """relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)), both convolutions 3x3.

    The shortcut is x itself, or a strided convolution where the shape changes.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, projection: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            conv = nn.Conv2d(
                in_channels, out_channels, projection, stride=stride, padding=projection // 2, bias=False
            )
            self.shortcut = nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(out_channels)))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H / stride, W / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y)) + self.shortcut(x)
        return self.relu(y)  # type: ignore[no-any-return]


def basic_block(
    in_channels: int = 64, out_channels: int = 64, stride: int = 1, projection: int = 1
) -> BasicBlock:
    """One residual block of two 3x3 convolutions, for 64 maps of 56x56 pixels.

    K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2015 (CVPR 2016),
    figure 5, left. Where `stride` or `out_channels` change the shape, the shortcut becomes a
    convolution of kernel size `projection` (1 or 3) with batch normalisation.

    Returns a module from (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride).
    """
    return BasicBlock(in_channels, out_channels, stride, projection)


def cifar_resnet(
    num_classes: int = 10,
    in_channels: int = 3,
    stages: Sequence[int] = (3, 3, 3),
    projection: int = 1,
) -> nn.Sequential:
    """A ResNet of three stages of 16, 32 and 64 maps, for images of 32x32 pixels.

    K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2015 (CVPR 2016),
    section 4.2. `stages` are the numbers of blocks in each stage: (3, 3, 3) has 20 weight layers on the
    main path. `projection` is the kernel size (1 or 3) of the shortcuts that change the shape.

    Returns a module from (N, in_channels, 32, 32) to logits (N, num_classes).
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv=nn.Conv2d(in_channels, 16, kernel_size=3, padding=1, bias=False),
        bn=nn.BatchNorm2d(16),
        relu=nn.ReLU(inplace=True),
    )
    channels = 16
    for number, (width, length) in enumerate(zip((16, 32, 64), stages, strict=True), start=1):
        blocks = []
        for place in range(length):
            stride = 2 if number > 1 and place == 0 else 1
            blocks.append(BasicBlock(channels, width, stride, projection))
            channels = width
        layers[f"stage{number}"] = nn.Sequential(*blocks)
    layers["pool"] = nn.AvgPool2d(kernel_size=8)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(channels, num_classes)
    return nn.Sequential(layers)
