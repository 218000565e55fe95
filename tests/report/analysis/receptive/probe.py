"""The other way to find a receptive field: run the network and see where a gradient arrives."""

from __future__ import annotations

import random
from typing import Any

import torch
from torch import Tensor, nn

from netscope.base.workload import Workload
from netscope.report.analysis.receptive import states_of_calls
from netscope.report.analysis.receptive.tracks import State
from netscope.trace import record


class Mean(nn.Module):
    """Stands in for a maximum: the same window, and a gradient to all of it."""

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        pool = self.pool
        one = torch.ones(x.shape[1], 1, pool.kernel_size, pool.kernel_size, dtype=x.dtype)
        wanted = pool(x).shape[2:]
        # ceil_mode may ask for windows that end beyond the padding.
        x = nn.functional.pad(x, (pool.padding, pool.padding + 8) * 2)
        summed = nn.functional.conv2d(x, one, None, pool.stride, 0, pool.dilation, x.shape[1])
        return summed[..., : wanted[0], : wanted[1]]


class Sum(nn.Module):
    """Branches added up, cropped to the smallest as U-Nets do."""

    def __init__(self, *branches: nn.Module, crop: bool = False) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.crop = crop

    def forward(self, x: Tensor) -> Tensor:
        made = [branch(x) for branch in self.branches]
        if self.crop:
            height = min(m.shape[2] for m in made)
            width = min(m.shape[3] for m in made)
            made = [m[:, :, :height, :width] for m in made]
        return self.join(made)

    def join(self, made: list[Tensor]) -> Tensor:
        total = made[0]
        for other in made[1:]:
            total = total + other
        return total


class Cat(Sum):
    """Branches put side by side, and brought back to the width that comes in."""

    def __init__(self, width: int, *branches: nn.Module, crop: bool = False) -> None:
        super().__init__(*branches, crop=crop)
        self.mix = nn.Conv2d(width * len(branches), width, 1)

    def join(self, made: list[Tensor]) -> Tensor:
        return self.mix(torch.cat(made, 1))


def random_network(seed: int, width: int = 2) -> nn.Sequential:
    """Convolutions, pools, upsampling, residuals and branches; kernels, strides and paddings of any kind.

    Transposed convolutions may leave holes, positions that see nothing, where no branches meet: there,
    rows and columns are not independent of each other, and the window is an upper bound.
    """
    draw = random.Random(seed)
    holes = draw.random() < 0.3
    kinds = ["conv", "conv", "pool", "transposed", "resample", "norm"]
    if not holes:
        kinds += ["residual", "branches"]
    layers: list[nn.Module] = [nn.Conv2d(1, width, 1)]
    for _ in range(draw.randint(2, 5)):
        layers += _block(draw, draw.choice(kinds), holes, width)
    return nn.Sequential(*layers)


def _block(draw: random.Random, kind: str, holes: bool, width: int) -> list[nn.Module]:
    if kind == "conv":
        return [_conv(draw, width), nn.ReLU(inplace=draw.random() < 0.5)]
    if kind == "pool":
        return [_pool(draw)]
    if kind == "transposed":
        stride = tuple(draw.randint(1, 3) for _ in range(2))
        size = tuple(draw.randint(1 if holes else s, 4) for s in stride)
        padding = tuple(draw.randint(0, k - 1) for k in size)
        dilation = draw.choice([1, 1, 2]) if holes else 1
        return [nn.ConvTranspose2d(width, width, size, stride, padding, dilation=dilation)]
    if kind == "residual":
        k = draw.choice([3, 5])
        d = draw.choice([1, 2])
        same = nn.Conv2d(width, width, k, padding=d * (k - 1) // 2, dilation=d)
        return [Sum(nn.Identity(), nn.Sequential(same, nn.BatchNorm2d(width).eval(), nn.ReLU()))]
    if kind == "branches":
        stride = draw.randint(1, 3)
        made = [_conv(draw, width, stride), _conv(draw, width, stride)]
        if draw.random() < 0.3:
            made.append(nn.Sequential(_conv(draw, width, stride), _conv(draw, width, 1)))
        return [Cat(width, *made, crop=True) if draw.random() < 0.5 else Sum(*made, crop=True)]
    if kind == "resample":
        mode = draw.choice(["nearest", "bilinear"])
        return [nn.Upsample(scale_factor=draw.choice([2, 3]), mode=mode)]
    return [nn.ReflectionPad2d(draw.randint(1, 3)), nn.BatchNorm2d(width)]


def _conv(draw: random.Random, width: int, stride: int | None = None) -> nn.Conv2d:
    size = (draw.randint(1, 5), draw.randint(1, 5))
    strides = (stride, stride) if stride else (draw.randint(1, 3), draw.randint(1, 3))
    dilation = (draw.choice([1, 1, 2]), draw.choice([1, 1, 3]))
    return nn.Conv2d(width, width, size, strides, (draw.randint(0, 3), draw.randint(0, 3)), dilation)


def _pool(draw: random.Random) -> nn.Module:
    size, stride = draw.randint(2, 3), draw.randint(1, 3)
    padding = draw.randint(0, size // 2)
    if draw.random() < 0.5:
        return nn.AvgPool2d(size, stride, padding, ceil_mode=draw.random() < 0.5)
    return nn.MaxPool2d(size, stride, padding, draw.choice([1, 2]), ceil_mode=draw.random() < 0.5)


def traced(network: nn.Module, side: int, channels: int = 1) -> State | None:
    """What the output of a network sees according to its trace."""
    workload = Workload("net", network, (torch.zeros(1, channels, side, side),), {})
    states, _ = states_of_calls(record(workload))
    return states[0]


def positive(network: nn.Module) -> nn.Module:
    """The same network in float64 with weights that cannot cancel, and means for maxima."""
    network = network.double().eval()
    for parameter in network.parameters():
        nn.init.constant_(parameter, 0.5)
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.MaxPool2d):
                setattr(module, name, Mean(child))
            elif isinstance(child, nn.ReflectionPad2d):  # what is mirrored is not part of the window
                setattr(module, name, nn.ZeroPad2d(child.padding))
            elif isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    return network


def seen(network: nn.Module, x: Tensor, place: tuple[int, int]) -> list[tuple[int, int] | None]:
    """First and last row, and first and last column, whose gradient at that output is not zero."""
    x = x.clone().requires_grad_()
    out: Any = network(x)
    (gradient,) = torch.autograd.grad(out[0, :, place[0], place[1]].sum(), x)
    found: list[tuple[int, int] | None] = []
    for dim in (2, 3):
        others = [d for d in range(4) if d != dim]
        hits = gradient.abs().sum(others).nonzero().flatten().tolist()
        found.append((hits[0], hits[-1]) if hits else None)
    return found
