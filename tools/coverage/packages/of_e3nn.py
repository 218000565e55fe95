"""e3nn: equivariant products, and networks of its models."""

from __future__ import annotations

import torch
from e3nn import nn, o3
from e3nn.nn.models.v2106.gate_points_networks import SimpleNetwork

from tools.coverage.specs import call, floats

DISTRIBUTIONS = ("e3nn",)

_IRREPS = "16x0e+8x1o+4x2e"


def _width(irreps: str) -> int:
    return int(o3.Irreps(irreps).dim)


NETWORKS = {
    "Linear": lambda: call(o3.Linear(_IRREPS, _IRREPS), floats(10, _width(_IRREPS))),
    "FullyConnectedTensorProduct": lambda: call(
        o3.FullyConnectedTensorProduct(_IRREPS, "1x0e+1x1o", _IRREPS),
        floats(10, _width(_IRREPS)),
        floats(10, 4),
    ),
    "FullTensorProduct": lambda: call(
        o3.FullTensorProduct("4x0e+4x1o", "1x1o"), floats(10, 16), floats(10, 3)
    ),
    "ElementwiseTensorProduct": lambda: call(
        o3.ElementwiseTensorProduct("4x0e+4x1o", "4x0e+4x1o"), floats(10, 16), floats(10, 16)
    ),
    "TensorSquare": lambda: call(o3.TensorSquare("4x0e+4x1o"), floats(10, 16)),
    "SphericalHarmonics": lambda: call(o3.SphericalHarmonics([0, 1, 2, 3], normalize=True), floats(10, 3)),
    "Norm": lambda: call(o3.Norm("4x0e+4x1o"), floats(10, 16)),
    "BatchNorm": lambda: call(nn.BatchNorm("4x0e+4x1o"), floats(10, 16)),
    "Gate": lambda: call(nn.Gate("8x0e", [torch.relu], "4x0e", [torch.sigmoid], "4x1o"), floats(10, 24)),
    "FullyConnectedNet": lambda: call(nn.FullyConnectedNet([8, 32, 16], torch.relu), floats(10, 8)),
    "SimpleNetwork": lambda: call(
        SimpleNetwork("5x0e", "1x0e+1x1o", max_radius=2.0, num_neighbors=4.0, num_nodes=16.0),
        {
            "pos": torch.linspace(0, 3, 48).reshape(16, 3).sin(),
            "x": torch.ones(16, 5),
            "edge_index": torch.stack([torch.arange(16), (torch.arange(16) + 1) % 16]),
        },
    ),
}
