"""Sparse tensors: what is stored is counted, and what depends on where it lies is not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import netscope
from netscope.base.cost import VectorOps
from netscope.base.workload import Workload
from netscope.report.analysis.analyze import analyze
from netscope.trace import record

V = VectorOps
pytestmark = pytest.mark.filterwarnings("ignore:Sparse")

# 50 of 20 x 20, no two in one place.
DENSE = torch.zeros(400).index_fill(0, torch.arange(50) * 7, 1.0).view(20, 20)
# How many numbers are stored, and the bytes of these and of the indices: two of 8 bytes for each; a row of
# 21 ends and one for each; the same for 10 rows of blocks of 2 x 2.
BLOCKS = int((DENSE.view(10, 2, 10, 2).sum((1, 3)) > 0).sum())
LAYOUTS: dict[str, tuple[torch.Tensor, int, int]] = {
    "sparse_coo": (DENSE.to_sparse(), 50, 50 * (16 + 4)),
    "sparse_csr": (DENSE.to_sparse_csr(), 50, 21 * 8 + 50 * (8 + 4)),
    "sparse_csc": (DENSE.to_sparse_csc(), 50, 21 * 8 + 50 * (8 + 4)),
    "sparse_bsr": (DENSE.to_sparse_bsr((2, 2)), 4 * BLOCKS, 11 * 8 + BLOCKS * (8 + 16)),
}
LEGAL = pytest.mark.parametrize("layout", LAYOUTS)


class Graph(nn.Module):
    """Neighbours' features are summed after a linear layer: adj @ linear(x)."""

    def __init__(self, adjacency: torch.Tensor | None, kind: str) -> None:
        super().__init__()
        self.layer = nn.Linear(10, 4, bias=False)
        if kind == "buffer":
            self.register_buffer("adjacency", adjacency)
        else:
            self.adjacency = nn.Parameter(adjacency, requires_grad=False) if adjacency is not None else None

    def forward(self, x: torch.Tensor, adjacency: torch.Tensor | None = None) -> torch.Tensor:
        neighbours = self.adjacency if adjacency is None else adjacency
        return neighbours @ self.layer(x)


@LEGAL
@pytest.mark.parametrize("kind", ["buffer", "parameter", "argument"])
def test_a_graph_convolution(layout: str, kind: str) -> None:
    """20 x 10 by 10 x 4, and each stored number once for each of 4 columns: 800 + 200 for 50 of them."""
    adjacency, stored, nbytes = LAYOUTS[layout]
    given = (torch.rand(20, 10), *([adjacency] if kind == "argument" else []))
    report = netscope.summary(Graph(None if kind == "argument" else adjacency, kind), args=given)
    assert (report.macs, report.unknown, report.rung) == (800 + 4 * stored, {}, "meta")
    if kind == "argument":
        assert report.inputs[1].layout == layout
        assert f"20×20 float32 {layout}" in str(report)
    kept = {"buffer": report.buffer_bytes, "parameter": report.param_bytes - 40 * 4, "argument": nbytes}
    assert kept[kind] == nbytes


@pytest.mark.parametrize("rung", ["meta", "real"])
@LEGAL
def test_rungs_agree(layout: str, rung: str) -> None:
    adjacency, stored, _ = LAYOUTS[layout]
    workload = Workload("x", Graph(adjacency, "buffer"), (torch.rand(20, 10),))
    report = analyze(record(workload, ladder=(rung,)), workload)
    assert (report.rung, report.macs, report.output_bytes) == (rung, 800 + 4 * stored, 2 * 20 * 4 * 4)


def test_fake_tensors_leave_it_to_the_real_ones() -> None:
    workload = Workload("x", Graph(DENSE.to_sparse(), "buffer"), (torch.rand(20, 10),))
    trace = record(workload, ladder=("fake", "real"))
    assert (trace.rung, "sparse" in trace.rung_reason) == ("real", True)


class Calls(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: torch.Tensor) -> Any:
        return self.function(*args)


X = torch.rand(20, 10)
COO = LAYOUTS["sparse_coo"][0]
CSR = LAYOUTS["sparse_csr"][0]

COSTS: list[tuple[str, Callable[..., Any], tuple[torch.Tensor, ...], int, VectorOps]] = [
    ("a vector", lambda a, x: a @ x[:, 0], (COO, X), 50, V()),
    ("sparse.mm", torch.sparse.mm, (CSR, X), 500, V()),
    ("from the left", lambda a, x: x.T @ a, (COO, X), 500, V()),
    ("transposed", lambda a, x: a.t() @ x, (CSR, X), 500, V()),
    ("a batch", lambda a, x: torch.bmm(torch.stack([a, a]), torch.stack([x, x])), (COO, X), 1000, V()),
    ("addmm", lambda a, x: torch.addmm(x, a, x), (COO, X), 500, V(add=200)),
    ("a sparse input", lambda a, x: nn.functional.linear(a, x.T), (COO, X), 500, V()),
    ("sampled", lambda a, x: torch.sparse.sampled_addmm(a, x, x.T), (CSR, X), 500, V(add=50)),
    ("elementwise", lambda a: torch.relu(a) * 2, (COO,), 0, V(cmp=50, mul=50)),
    ("two of one pattern", lambda a: a + a, (CSR,), 0, V(add=50)),
    ("onto a dense one", lambda a: torch.ones(20, 20) + a, (COO,), 0, V(add=50)),
    ("a sum", lambda a: a.sum(), (CSR,), 0, V(add=49)),
    ("duplicates", lambda a: torch.cat([a, a]).coalesce(), (COO,), 0, V()),
    ("conversion", lambda a: a.to_dense().to_sparse_csr().to(torch.float64), (COO,), 0, V()),
]


@pytest.mark.parametrize(("what", "function", "args", "macs", "vector"), COSTS, ids=[c[0] for c in COSTS])
def test_by_hand(
    what: str, function: Callable[..., Any], args: tuple[torch.Tensor, ...], macs: int, vector: VectorOps
) -> None:
    report = netscope.summary(Calls(function), args=args)
    assert (report.unknown, report.macs, report.vector) == ({}, macs, vector)


def test_duplicates_are_summed() -> None:
    twice = torch.sparse_coo_tensor(torch.tensor([[0, 0, 1], [1, 1, 0]]), torch.ones(3), (2, 2))
    report = netscope.summary(Calls(lambda a: a.coalesce()), args=(twice,))
    assert report.vector == V(add=1)
    assert report.output_bytes == 2 * (16 + 4)


@pytest.mark.parametrize("adjacency", [COO, CSR], ids=["coo", "csr"])
def test_two_sparse_factors_are_not_known(adjacency: torch.Tensor) -> None:
    report = netscope.summary(Calls(lambda a: a @ a), args=(adjacency,))
    assert (report.macs, report.root.counted_macs) == (None, 0)
    assert list(report.unknown) == ["aten.mm.default"]


def test_a_matrix_made_of_edges_in_the_forward() -> None:
    """Three edges among four nodes, whose weights are computed: 3 * 5 and 4 * 5 * 5."""

    class Edges(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(5, 5, bias=False)

        def forward(self, x: torch.Tensor, edges: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
            return torch.sparse_coo_tensor(edges, weights.exp(), (4, 4)) @ self.layer(x)

    edges = torch.tensor([[0, 1, 3], [1, 2, 0]])
    report = netscope.summary(Edges(), args=(torch.rand(4, 5), edges, torch.rand(3)))
    assert (report.macs, report.unknown) == (3 * 5 + 4 * 5 * 5, {})


def test_a_matrix_that_depends_on_values_is_what_the_real_forward_makes() -> None:
    """What is stored of relu(x - 1/2) is known when it is run."""
    x = torch.rand(6, 6, generator=torch.Generator().manual_seed(0))
    kept = int((x > 0.5).sum())
    report = netscope.summary(Calls(lambda x: torch.relu(x - 0.5).to_sparse() @ x), args=(x,))
    assert (report.rung, report.macs) == ("real", 6 * kept)


def test_the_owners_matrix_is_as_it_was() -> None:
    module = Graph(COO.clone(), "buffer")
    before = module.adjacency
    netscope.summary(module, args=(X,))
    assert module.adjacency is before
    assert torch.equal(before.to_dense(), DENSE)
