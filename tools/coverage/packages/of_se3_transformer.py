"""se3_transformer_pytorch: attention that turns with its points."""

from __future__ import annotations

from se3_transformer_pytorch import SE3Transformer

from tools.coverage.specs import call, flags, floats

DISTRIBUTIONS = ("se3-transformer-pytorch",)

NETWORKS = {
    "SE3Transformer": lambda: call(
        SE3Transformer(dim=32, heads=2, depth=1, dim_head=16, num_degrees=2, valid_radius=10),
        floats(1, 16, 32),
        floats(1, 16, 3),
        flags(1, 16),
    ),
}
