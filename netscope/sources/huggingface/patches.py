"""Example inputs of images that come cut into patches, and of the grids that these are of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import nn

from netscope.base.workload import TensorSpec
from netscope.sources.huggingface.network import IMAGE_SIDE, Network, first_layer, number

# The largest side that an image is given for the sake of its configuration.
_LARGEST: Final = 512
# Patches of a rendered page, as a text is read from it.
_PAGE_PATCHES: Final = 2048
# Inputs that say of which grid the patches are.
GRIDS: Final = (
    *("grid_thw", "image_grid_thw", "image_grid_hw", "spatial_shapes", "target_sizes"),
    *("merge_sizes", "pixel_position_ids"),
)


def _vision(network: Network) -> Any:
    return network.part("vision_config")


def _patch(vision: Any) -> int:
    found = getattr(vision, "patch_size", None)
    return int(found[-1]) if isinstance(found, (list, tuple)) else int(found or 16)


def _merged(vision: Any) -> int:
    """Patches of a side that become one token."""
    found = getattr(vision, "merge_kernel_size", None)
    if isinstance(found, (list, tuple)):
        return int(found[0])
    return number(vision, "spatial_merge_size", "merge_size", "pooling_kernel_size", otherwise=1)


def merged(network: Network) -> int:
    """Patches along a side that become one token."""
    return _merged(_vision(network))


def side(network: Network) -> int:
    """Patches along a side of the image."""
    vision = _vision(network)
    pixels = getattr(vision, "image_size", None)
    if not isinstance(pixels, int) or not 0 < pixels <= _LARGEST:
        pixels = IMAGE_SIDE
    merged = _merged(vision)
    return -(-(pixels // _patch(vision)) // merged) * merged


def _width(network: Network) -> int:
    """Values of a patch, over the frames that it spans."""
    vision = _vision(network)
    channels = number(vision, "num_channels", "in_channels", "in_chans", otherwise=3)
    frames = number(vision, "temporal_patch_size", "patch_temporal", otherwise=1)
    return channels * frames * _patch(vision) ** 2


def cut(network: Network) -> Any:
    """The patches of all images in a row."""
    vision = _vision(network)
    rows = network.batch * side(network) ** 2
    patch = _patch(vision)
    if type(network.module).__name__.startswith("Inkling"):  # merged ones, with their channels last
        merged = _merged(vision)
        return TensorSpec((rows, merged * patch, merged * patch, 3), network.dtype)
    if "target_sizes" in network.taken:  # side by side, as one long image
        return TensorSpec((1, 3, patch, rows * patch), network.dtype)
    if {"spatial_shapes", "pixel_position_ids"} & set(network.taken):  # padded to those of the largest
        return network.floats(side(network) ** 2, _width(network))
    first = first_layer(network.module, nn.Conv2d, nn.Conv3d, nn.Linear)
    if isinstance(first, nn.Conv2d) and "HunYuan" not in type(network.module).__name__:
        return TensorSpec((rows, first.in_channels, patch, patch), network.dtype)
    return TensorSpec((rows, _width(network)), network.dtype)


def _hidden(network: Network) -> Any:
    if any(grid in network.taken for grid in GRIDS):
        return cut(network)
    return None


def _grid(network: Network) -> Any:
    """Frames, rows and columns of the patches of each image."""
    return network.each(1, side(network), side(network))


def _plane(network: Network) -> Any:
    return network.each(side(network), side(network))


def _patch_mask(network: Network) -> Any:
    if "spatial_shapes" in network.taken:
        return network.filled(1, side(network) ** 2)
    return network.filled(True, 1)  # each image is one


def _merges(network: Network) -> Any:
    return torch.full((network.batch,), _merged(_vision(network)))


def _images(network: Network) -> Any:
    return torch.ones(network.batch, dtype=torch.int64)


def _positions(network: Network) -> Any:
    n = side(network)
    places = torch.cartesian_prod(torch.arange(n), torch.arange(n)).flip(-1)
    return places.expand(network.batch, -1, -1).clone()


def _page(network: Network) -> Any:
    """The patches of a page, each with its row and column before its pixels."""
    return network.floats(_PAGE_PATCHES, 2 + _width(network))


SAMPLES: Final[dict[str, Callable[[Network], Any]]] = {
    "hidden_states": _hidden,
    "grid_thw": _grid,
    "image_grid_thw": _grid,
    "image_grid_hw": _plane,
    "spatial_shapes": _plane,
    "target_sizes": _plane,
    "merge_sizes": _merges,
    "pixel_attention_mask": _patch_mask,
    "images_per_sample": _images,
    "pixel_position_ids": _positions,
    "flattened_patches": _page,
}
