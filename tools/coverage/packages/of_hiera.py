"""hiera: hierarchical vision transformers for images and clips, and their autoencoders."""

from __future__ import annotations

import hiera

from tools.coverage.specs import call, floats, image

DISTRIBUTIONS = ("hiera-transformer",)

NETWORKS = {
    "hiera_tiny_224": lambda: call(hiera.hiera_tiny_224(), image(224)),
    "hiera_base_224": lambda: call(hiera.hiera_base_224(), image(224)),
    "hiera_large_224": lambda: call(hiera.hiera_large_224(), image(224)),
    "hiera_base_16x224": lambda: call(hiera.hiera_base_16x224(), floats(1, 3, 16, 224, 224)),
    "mae_hiera_tiny_224": lambda: call(hiera.mae_hiera_tiny_224(), image(224)),
}
