"""torch_geometric: graph networks on a ring of 32 nodes."""

from __future__ import annotations

import torch
from torch_geometric import nn

from tools.coverage.specs import call, floats

DISTRIBUTIONS = ("torch-geometric",)


def _edges(nodes: int = 32) -> torch.Tensor:
    """A ring, both ways."""
    one = torch.arange(nodes)
    other = (one + 1) % nodes
    return torch.stack([torch.cat([one, other]), torch.cat([other, one])])


def _x(width: int = 16, nodes: int = 32) -> object:
    return floats(nodes, width)


def _positions(nodes: int = 32) -> torch.Tensor:
    return torch.linspace(0, 3, nodes * 3).reshape(nodes, 3).sin() * 3


def _ring(positions: torch.Tensor, batch: object) -> tuple[torch.Tensor, torch.Tensor]:
    """Who is near whom, and how far: torch_geometric's own needs a library that is built for each torch."""
    edges = _edges(len(positions))
    return edges, (positions[edges[0]] - positions[edges[1]]).norm(dim=-1)


NETWORKS = {
    "GCN": lambda: call(nn.GCN(16, 64, 3, 7), _x(), _edges()),
    "GraphSAGE": lambda: call(nn.GraphSAGE(16, 64, 3, 7), _x(), _edges()),
    "GIN": lambda: call(nn.GIN(16, 64, 3, 7), _x(), _edges()),
    "GAT": lambda: call(nn.GAT(16, 64, 3, 7, heads=4), _x(), _edges()),
    "GATv2": lambda: call(nn.GAT(16, 64, 3, 7, heads=4, v2=True), _x(), _edges()),
    "PNA": lambda: call(
        nn.PNA(16, 60, 2, 7, aggregators=["mean", "max"], scalers=["identity"], deg=torch.tensor([0, 0, 32])),
        _x(),
        _edges(),
    ),
    "EdgeCNN": lambda: call(nn.EdgeCNN(16, 64, 3, 7), _x(), _edges()),
    "GraphUNet": lambda: call(nn.GraphUNet(16, 32, 7, depth=2), torch.randn(32, 16), _edges()),
    "LightGCN": lambda: call(nn.LightGCN(32, 64, 3), _edges()),
    "LINKX": lambda: call(nn.LINKX(32, 16, 64, 7, num_layers=2), _x(), _edges()),
    "SchNet": lambda: call(nn.SchNet(interaction_graph=_ring), torch.arange(1, 33) % 9 + 1, _positions()),
    "AttentiveFP": lambda: call(
        nn.AttentiveFP(16, 32, 7, 4, 2, 2), _x(), _edges(), floats(64, 4), torch.zeros(32, dtype=torch.long)
    ),
    "NeuralFingerprint": lambda: call(nn.NeuralFingerprint(16, 32, 7, 2), _x(), _edges()),
    "Polynormer": lambda: call(
        nn.models.Polynormer(16, 32, 7), _x(), _edges(), torch.zeros(32, dtype=torch.long)
    ),
    "SGFormer": lambda: call(nn.SGFormer(16, 32, 7), _x(), _edges(), torch.zeros(32, dtype=torch.long)),
    "MLP": lambda: call(nn.MLP([16, 64, 64, 7]), _x()),
    "ChebConv": lambda: call(nn.ChebConv(16, 32, 3), _x(), _edges()),
    "TAGConv": lambda: call(nn.TAGConv(16, 32), _x(), _edges()),
    "ARMAConv": lambda: call(nn.ARMAConv(16, 32, 2, 2), _x(), _edges()),
    "APPNP": lambda: call(nn.APPNP(10, 0.1), _x(), _edges()),
    "GatedGraphConv": lambda: call(nn.GatedGraphConv(32, 3), _x(), _edges()),
    "ResGatedGraphConv": lambda: call(nn.ResGatedGraphConv(16, 32), _x(), _edges()),
    "TransformerConv": lambda: call(nn.TransformerConv(16, 32, heads=4), _x(), _edges()),
    "RGCNConv": lambda: call(nn.RGCNConv(16, 32, 4), torch.randn(32, 16), _edges(), torch.arange(64) % 4),
    "NNConv": lambda: call(nn.NNConv(16, 8, torch.nn.Linear(4, 16 * 8)), _x(), _edges(), floats(64, 4)),
    "GMMConv": lambda: call(nn.GMMConv(16, 32, 2, 3), _x(), _edges(), floats(64, 2)),
    "FeaStConv": lambda: call(nn.FeaStConv(16, 32, 4), _x(), _edges()),
    "HypergraphConv": lambda: call(nn.HypergraphConv(16, 32), _x(), _edges()),
    "SuperGATConv": lambda: call(nn.SuperGATConv(16, 32, heads=2), _x(), _edges()),
    "FiLMConv": lambda: call(nn.FiLMConv(16, 32), _x(), _edges()),
    "GENConv": lambda: call(nn.GENConv(16, 32), _x(), _edges()),
    "GPSConv": lambda: call(nn.GPSConv(16, nn.GCNConv(16, 16), heads=4), _x(), _edges()),
    "PointNetConv": lambda: call(
        nn.PointNetConv(torch.nn.Linear(16 + 3, 32)), floats(32, 16), _positions(), _edges()
    ),
    "PointTransformerConv": lambda: call(nn.PointTransformerConv(16, 32), _x(), _positions(), _edges()),
    "CGConv": lambda: call(nn.CGConv(16), _x(), _edges()),
    "MixHopConv": lambda: call(nn.MixHopConv(16, 32), _x(), _edges()),
    "EGConv": lambda: call(nn.EGConv(16, 32), _x(), _edges()),
    "DenseGCNConv": lambda: call(nn.DenseGCNConv(16, 32), floats(2, 32, 16), floats(2, 32, 32)),
}
