"""Complex arithmetic in real: by hand, and by counting what the definition writes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import netscope
from netscope.base.cost import VectorOps
from netscope.base.workload import Workload
from netscope.report.analysis.analyze import analyze
from netscope.trace import record

V = VectorOps
C = torch.complex64


class Calls(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: torch.Tensor) -> Any:
        return self.function(*args)


def z(*shape: int) -> torch.Tensor:
    return torch.rand(shape, dtype=C)


LINEAR = nn.Linear(6, 5, dtype=C)
CONVOLUTIONS: list[tuple[nn.Module, torch.Tensor, int, int]] = [
    # 3 outputs of 6 x 6 from 2 channels and 3 x 3: 3*36 * 18 products, each 4; two sums for a bias.
    (nn.Conv2d(2, 3, 3, dtype=C), z(1, 2, 8, 8), 4 * 3 * 36 * 18, 2 * 3 * 36),
    (nn.Conv2d(2, 3, 3, padding="same", bias=False, dtype=C), z(1, 2, 8, 8), 4 * 3 * 64 * 18, 0),
    (nn.Conv1d(4, 6, 3, groups=2, dtype=C), z(2, 4, 10), 4 * 2 * 6 * 8 * 2 * 3, 2 * 2 * 6 * 8),
    # Transposed: every input element meets 3 channels of 2 x 2.
    (nn.ConvTranspose2d(2, 3, 2, stride=2, dtype=C), z(1, 2, 5, 5), 4 * 2 * 25 * 12, 2 * 3 * 100),
]


@pytest.mark.parametrize("rung", ["meta", "fake", "real"])
@pytest.mark.parametrize(("module", "x", "macs", "adds"), CONVOLUTIONS, ids=lambda v: type(v).__name__)
def test_convolutions_on_every_rung(
    module: nn.Module, x: torch.Tensor, macs: int, adds: int, rung: str
) -> None:
    workload = Workload("x", module, (x,))
    report = analyze(record(workload, ladder=(rung,)), workload)
    assert (report.rung, report.macs, report.vector) == (rung, macs, V(add=adds))
    assert report.output_bytes == module(x).numel() * 8


CONTRACTIONS: list[tuple[Callable[..., Any], tuple[torch.Tensor, ...], int]] = [
    (LINEAR, (z(3, 6),), 4 * 3 * 6 * 5),
    (torch.bmm, (z(2, 3, 4), z(2, 4, 5)), 4 * 2 * 3 * 4 * 5),
    (lambda a, b: torch.einsum("ij,kj->ik", a, b), (z(3, 4), z(5, 4)), 4 * 3 * 4 * 5),
    (lambda a, b: a @ b.conj().T, (z(3, 4), z(5, 4)), 4 * 3 * 4 * 5),
    (torch.dot, (z(7), z(7)), 4 * 7),
]


@pytest.mark.parametrize(("function", "args", "macs"), CONTRACTIONS)
def test_four_for_each_product_of_a_contraction(
    function: Callable[..., Any], args: tuple[torch.Tensor, ...], macs: int
) -> None:
    module = function if isinstance(function, nn.Module) else Calls(function)
    assert netscope.summary(module, args=args).macs == macs


VECTOR: list[tuple[Callable[..., Any], tuple[torch.Tensor, ...], VectorOps]] = [
    (lambda a, b: a * b, (z(1), z(1)), V(mul=4, add=2)),
    (lambda a, b: a * b, (z(2, 3), z(3)), V(mul=4, add=2) * 6),
    (lambda a, b: a * b, (z(5), torch.rand(5)), V(mul=2) * 5),
    (lambda a: 2.0 * a, (z(5),), V(mul=2) * 5),
    (lambda a: a * 2j, (z(5),), V(mul=4, add=2) * 5),
    (lambda a: a / 2, (z(5),), V(div=2) * 5),
    (lambda a, b: a / b, (z(5), z(5)), V(mul=6, add=3, div=2) * 5),
    (lambda a, b: a + b, (z(5), z(5)), V(add=2) * 5),
    (lambda a: a.sum(), (z(5),), V(add=2 * 4)),
    (lambda a: a.mean(), (z(5),), V(add=2 * 4, div=2)),
    (torch.exp, (z(5),), V(exp=3, mul=2) * 5),
    (torch.abs, (z(5),), V(mul=2, add=1, div=1) * 5),
    (torch.angle, (z(5),), V(exp=1) * 5),
    (torch.polar, (torch.rand(5), torch.rand(5)), V(exp=2, mul=2) * 5),
    (lambda a: torch.view_as_real(a) * 2, (z(5),), V(mul=1) * 10),
    (lambda a: a.real + a.imag, (z(5),), V(add=1) * 5),
    (torch.linalg.vector_norm, (z(5),), V(mul=10, add=9, div=1)),
    # A transform of 8 points: 8 * 3 butterflies' halves, 2 products and 3 sums each.
    (torch.fft.fft, (z(8),), V(mul=2 * 8 * 3, add=3 * 8 * 3)),
]  # fmt: skip


@pytest.mark.parametrize(("function", "args", "vector"), VECTOR)
def test_vector_arithmetic(
    function: Callable[..., Any], args: tuple[torch.Tensor, ...], vector: VectorOps
) -> None:
    assert netscope.summary(Calls(function), args=args).vector == vector


def test_what_is_in_no_table_is_not_known() -> None:
    report = netscope.summary(Calls(torch.var), args=(z(5),))
    assert report.vector is None
    assert list(report.unknown) == ["aten.var.correction"]
    assert netscope.summary(Calls(torch.var), args=(torch.rand(5),)).vector is not None


def test_somebodys_own_formula_is_taken_as_it_is() -> None:
    from netscope.formulas import contraction, temporary_formulas

    with temporary_formulas():
        netscope.formula("aten.mm")(lambda op: contraction(7))
        assert netscope.summary(Calls(torch.mm), args=(z(2, 2), z(2, 2))).macs == 7


def test_beside_real_layers() -> None:
    """A rotary embedding's product, then a real linear layer: only what is complex is converted."""

    def forward(x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        turned = torch.view_as_real(torch.view_as_complex(x.view(4, 3, 2)) * turns).flatten(1)
        return functional.linear(turned, torch.ones(5, 6))

    report = netscope.summary(Calls(forward), args=(torch.rand(4, 6), z(3)))
    assert (report.macs, report.vector) == (4 * 6 * 5, V(mul=4, add=2) * 12)
