"""Reasons for what peers make of complex and sparse numbers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import netscope
from netscope.base.cost import Cost
from netscope.formulas import contraction, temporary_formulas
from netscope.trace.facts import Operator


class Complex(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 5, dtype=torch.complex64)
        self.conv = nn.Conv1d(2, 3, 3, dtype=torch.complex64)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.linear(x), self.conv(y)


class Graph(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(10, 4)
        self.register_buffer("adjacency", torch.eye(20).to_sparse())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.adjacency @ self.layer(x)


COMPLEX = (torch.rand(3, 6, dtype=torch.complex64), torch.rand(1, 2, 8, dtype=torch.complex64))


def test_complex_numbers() -> None:
    """90 products, once and not four times; 18 outputs of 6 products, three times and not four."""
    verified = netscope.verify(Complex(), args=COMPLEX)
    assert verified.explained
    for opinion in verified.opinions:
        if opinion.name in ("flop_counter", "fvcore"):
            assert opinion.macs is not None
            found = {path: n for reason in opinion.macs.reasons for path, n in reason.amounts.items()}
            assert found == {"linear": -3 * 90, "conv": -108}


def test_sparse_numbers() -> None:
    """20 are stored of 400: 4 columns each, where a dense factor has 20 * 20 * 4."""
    verified = netscope.verify(Graph(), args=(torch.rand(20, 10),))
    assert verified.explained
    (counter,) = [opinion for opinion in verified.opinions if opinion.name == "flop_counter"]
    assert counter.macs is not None
    assert [(r.key, r.amounts) for r in counter.macs.reasons] == [("sparse", {"": 20 * 20 * 4 - 80})]


@pytest.mark.parametrize("wrong", [1, 2, 3])
def test_a_wrong_figure_has_no_reason(wrong: int) -> None:
    def formula(op: Operator) -> Cost:
        return contraction(wrong * 90)

    with temporary_formulas():
        netscope.formula("aten.addmm")(formula)
        verified = netscope.verify(Complex(), args=COMPLEX)
    assert not verified.explained
