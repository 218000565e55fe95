"""Inception: several kernel sizes side by side, and the next layer chooses."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


def _conv(in_channels: int, out_channels: int, kernel_size: int) -> nn.Sequential:
    """Convolution that keeps the size, without a bias since the norm behind it has one, and ReLU."""
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
            bn=nn.BatchNorm2d(out_channels, eps=0.001),
            relu=nn.ReLU(inplace=True),
        )
    )


class InceptionBlock(nn.Module):
    """Four branches on the same input, their maps concatenated: 64 + 64 + 96 + pool_features."""

    def __init__(self, in_channels: int, pool_features: int) -> None:
        super().__init__()
        self.branch1x1 = _conv(in_channels, 64, 1)
        self.branch5x5 = nn.Sequential(_conv(in_channels, 48, 1), _conv(48, 64, 5))
        self.branch3x3 = nn.Sequential(_conv(in_channels, 64, 1), _conv(64, 96, 3), _conv(96, 96, 3))
        self.branch_pool = nn.Sequential(
            nn.AvgPool2d(kernel_size=3, stride=1, padding=1), _conv(in_channels, pool_features, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, 224 + pool_features, H, W)."""
        branches = (self.branch1x1, self.branch5x5, self.branch3x3, self.branch_pool)
        return torch.cat([branch(x) for branch in branches], dim=1)


def inception_block(in_channels: int = 192, pool_features: int = 32) -> InceptionBlock:
    """One block of Inception v3, for 192 maps of 35x35 pixels.

    C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, "Rethinking the Inception architecture for
    computer vision", 2015 (CVPR 2016), figure 5. 1x1 convolutions first cut the depth, so that the
    larger kernels behind them are cheap. `pool_features` is the width of the pooled branch.

    Returns a module from (N, in_channels, H, W) to (N, 224 + pool_features, H, W).
    """
    return InceptionBlock(in_channels, pool_features)
