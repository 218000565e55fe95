"""The deconvnet: an AlexNet that remembers what it saw, and its mirror that projects it back to pixels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

# The place of each convolution among the layers of the network -> where its mirror begins.
STAGES: Final = {0: "deconv1", 3: "deconv2", 6: "deconv3", 8: "deconv4", 10: "deconv5"}

# Each unpooling -> the place of the pool that it undoes.
POOLS: Final = {"unpool1": 2, "unpool2": 5}


class AlexNetSwitches(nn.Module):
    """AlexNet that keeps every feature map and where every pool found its maxima.

    After a forward, `feature_maps` has the output of each of the 13 layers of `features` by its place
    (0, 3, 6, 8 and 10 are the convolutions), and `pool_locations` the locations of the pools 2, 5
    and 12, as `nn.MaxUnpool2d` takes them.
    """

    def __init__(self, num_classes: int, in_channels: int, dropout: float, hidden: int) -> None:
        super().__init__()
        # No ReLU works in place: the map before it is to be kept.
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 96, kernel_size=11, stride=4),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, return_indices=True),
            nn.Conv2d(96, 256, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, return_indices=True),
            nn.Conv2d(256, 384, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 384, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, return_indices=True),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, num_classes),
        )
        self.feature_maps: OrderedDict[int, Tensor] = OrderedDict()
        self.pool_locations: OrderedDict[int, Tensor] = OrderedDict()

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, 227, 227) -> (N, num_classes)."""
        self.feature_maps = OrderedDict()
        self.pool_locations = OrderedDict()
        for place, layer in enumerate(self.features):
            if isinstance(layer, nn.MaxPool2d):
                x, self.pool_locations[place] = layer(x)
            else:
                x = layer(x)
            self.feature_maps[place] = x
        return self.classifier(x.flatten(1))  # type: ignore[no-any-return]


class AlexNetDeconv(nn.Module):
    """The layers of `AlexNetSwitches` backwards: unpool to where the maxima were, rectify, transposed filter.

    There are no biases: a projection is what one activation alone stands for.
    """

    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                deconv5=nn.ConvTranspose2d(256, 384, kernel_size=3, padding=1, bias=False),
                relu4=nn.ReLU(),
                deconv4=nn.ConvTranspose2d(384, 384, kernel_size=3, padding=1, bias=False),
                relu3=nn.ReLU(),
                deconv3=nn.ConvTranspose2d(384, 256, kernel_size=3, padding=1, bias=False),
                unpool2=nn.MaxUnpool2d(kernel_size=3, stride=2),
                relu2=nn.ReLU(),
                deconv2=nn.ConvTranspose2d(256, 96, kernel_size=5, padding=2, bias=False),
                unpool1=nn.MaxUnpool2d(kernel_size=3, stride=2),
                relu1=nn.ReLU(),
                deconv1=nn.ConvTranspose2d(96, out_channels, kernel_size=11, stride=4, bias=False),
            )
        )

    def forward(
        self, feature_map: Tensor, layer: int, activation_index: int, pool_locations: Mapping[int, Tensor]
    ) -> Tensor:
        """The pixels that made the strongest activation of one map.

        Args:
            feature_map: output of the convolution `layer`, (N, maps, H, W).
            layer: the convolution's place: 0, 3, 6, 8 or 10.
            activation_index: which of the maps; all others are set to zero, and so is every activation
                of this one but the strongest.
            pool_locations: where the pools before that layer found their maxima, by the pool's place.

        Returns:
            the projection, (N, out_channels, 227, 227).

        Raises:
            ValueError: `layer` names no convolution.
        """
        if layer not in STAGES:
            raise ValueError(f"layer must be one of {', '.join(map(str, STAGES))}, not {layer!r}")
        x = strongest_alone(feature_map, activation_index)
        begun = False
        for name, module in self.features.named_children():
            begun = begun or name == STAGES[layer]
            if begun:
                x = module(x, pool_locations[POOLS[name]]) if name in POOLS else module(x)
        return x

    @torch.no_grad()
    def copy_filters(self, network: AlexNetSwitches) -> AlexNetDeconv:
        """Take over the convolutions' filters, which a transposed convolution keeps in the same shape."""
        for place, name in STAGES.items():
            source, target = network.features[place], self.features.get_submodule(name)
            assert isinstance(source, nn.Conv2d)
            assert isinstance(target, nn.ConvTranspose2d)
            target.weight.copy_(source.weight)
        return self


def strongest_alone(feature_map: Tensor, index: int) -> Tensor:
    """Zeros, but for the largest value of the map `index` of each sample, at its place."""
    chosen = feature_map[:, index].flatten(1)
    values, places = chosen.max(dim=1, keepdim=True)
    alone = torch.zeros_like(chosen).scatter(1, places, values)
    result = torch.zeros_like(feature_map)
    result[:, index] = alone.view_as(result[:, index])
    return result


def alexnet_switches(
    num_classes: int = 5, in_channels: int = 3, dropout: float = 0.5, hidden: int = 4096
) -> AlexNetSwitches:
    """AlexNet whose pools tell where their maxima were, for images of 227x227 pixels.

    M. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", 2013 (ECCV 2014), call
    those places switches; here on the single-stream AlexNet of 2012 without contrast layers. `hidden`
    is the width of the first two linears.

    Returns a module from (N, in_channels, 227, 227) to logits (N, num_classes), which keeps its
    `feature_maps` and `pool_locations`.
    """
    return AlexNetSwitches(num_classes, in_channels, dropout, hidden)


def alexnet_deconv(out_channels: int = 3) -> AlexNetDeconv:
    """The deconvnet of `alexnet_switches`: from one activation back to the pixels that it came from.

    M. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", 2013 (ECCV 2014),
    after M. Zeiler, G. Taylor, R. Fergus, ICCV 2011. `copy_filters` takes the filters of a trained
    `alexnet_switches`.

    Returns a module from (feature_map, layer, activation_index, pool_locations) to pixels
    (N, out_channels, 227, 227).
    """
    return AlexNetDeconv(out_channels)


def deconv_arguments(batch: int) -> tuple[Any, ...]:
    """What `alexnet_deconv` is called with: conv5's maps of a real run of `alexnet_switches`.

    The linears of that run are narrow, for nobody looks at its logits.
    """
    from netscope.base.meta.building import build_real

    def run() -> tuple[Any, ...]:
        network = alexnet_switches(hidden=16).eval()
        with torch.no_grad():
            network(torch.rand(batch, 3, 227, 227))
        return network.feature_maps[10], 10, 0, dict(network.pool_locations)

    return build_real(run)
