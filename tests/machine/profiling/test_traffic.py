"""Bytes that rows must move, against hand arithmetic. All of them are of float32."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import netscope
from netscope.machine.profiling.traffic import moved_bytes

N = 2 * 4 * 8 * 8  # elements of a map of the shape (2, 4, 8, 8)
SHAPE = (2, 4, 8, 8)


class Does(nn.Module):
    """A function as a network."""

    def __init__(self, function: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> object:
        return self.function(x)


def moved(net: nn.Module, *shapes: tuple[int, ...]) -> dict[str, int]:
    """Elements, by the module that ran the operators."""
    specs = tuple(netscope.TensorSpec(shape) for shape in shapes or (SHAPE,))
    facts = netscope.summary(net, args=specs).facts
    return {path: nbytes // 4 for path, nbytes in moved_bytes(facts).items()}


@pytest.mark.parametrize(
    ("function", "elements"),
    [
        (lambda x: x + 1, 2 * N),
        (lambda x: x + x, 2 * N),  # read once
        (lambda x: x.relu_(), 2 * N),  # and written where it was
        (lambda x: x.flatten(1), 0),
        (lambda x: x.transpose(1, 2), 0),
        (lambda x: x.transpose(1, 2).contiguous(), 2 * N),
        (lambda x: (x + 1).relu() * 2, 2 * N),  # what is made on the way need not move
        (lambda x: x[:, :2] * 2, N),  # half of it
        (lambda x: x[:, :2] * x[:, 2:], N + N // 2),
        (lambda x: torch.cat([x, x]), N + 2 * N),
        (lambda x: x.sum(), N + 1),
        (lambda x: x + x.mean((2, 3), keepdim=True), 2 * N),
        (lambda x: torch.zeros(4, 4).fill_(1.0) + x.sum(), N + 16),
        (lambda x: (x + 1, x - 1), 3 * N),
        (lambda x: x.sum((0, 2, 3)).expand(8, 4), N + 4),
    ],
)
def test_one_row(function: Callable[[Tensor], object], elements: int) -> None:
    assert moved(Does(function)).get("", 0) == elements


def test_each_call_moves_its_own() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(self.conv(x))

    weights = 4 * 4 + 4
    assert moved(Twice()) == {"conv": 2 * (2 * N + weights)}


def test_a_residual_is_read_by_who_adds_it() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(4)

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(x) + x

    # The norm: its input, its output, and four numbers for each of four maps.
    assert moved(Residual()) == {"norm": 2 * N + 4 * 4, "": 3 * N}


def test_what_a_call_keeps_to_itself_moves_nothing() -> None:
    # Squares, sums over neighbours and powers stay within the row: in and out remain.
    assert moved(nn.LocalResponseNorm(3)) == {"": 2 * N}
    assert moved(nn.Sequential(nn.Identity(), nn.Dropout(), nn.ReLU(inplace=True))) == {"2": 2 * N}


@pytest.mark.parametrize(
    ("layer", "elements"),
    [
        (nn.MaxPool2d(2), N + N // 4),  # the indices are for a backward
        (nn.MaxPool2d(2, return_indices=True), N + N // 4 + 2 * N // 4),  # of 8 bytes each
        (nn.LayerNorm(8), 2 * N + 2 * 8),  # and so are the statistics
        (Does(lambda x: nn.functional.scaled_dot_product_attention(x, x, x)), 2 * N),
    ],
)
def test_what_is_made_for_nobody_moves_nothing(layer: nn.Module, elements: int) -> None:
    assert moved(layer) == {"": elements}


def test_rows_that_are_looked_up_count_and_not_the_table() -> None:
    class Lookup(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Parameter(torch.zeros(1000, 8))

        def forward(self, x: Tensor) -> Tensor:
            return self.table.index_select(0, x)

    specs = (netscope.TensorSpec((5,), "int64"),)
    facts = netscope.summary(Lookup(), args=specs).facts
    assert moved_bytes(facts) == {"": 5 * 8 + 2 * 5 * 8 * 4}
