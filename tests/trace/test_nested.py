"""Nested tensors that a forward makes: their rows are counted, on a rung that has them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import netscope
from netscope.trace import survivors

# Rows of 16 features in each of three sequences.
LENGTHS = (5, 9, 3)
ROWS = sum(LENGTHS)


class Ragged(nn.Module):
    """Cuts its input to rows, and runs these."""

    def __init__(self, run: Callable[[nn.Module, torch.Tensor], Any], layout: Any, make: Any = None) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 8)
        self.run, self.layout = run, layout
        self.make = make or torch.nested.nested_tensor

    def forward(self, x: torch.Tensor) -> Any:
        rows = [one[:length] for one, length in zip(x, LENGTHS, strict=True)]
        return self.run(self.layer, self.make(rows, layout=self.layout))


RUNS: dict[str, tuple[Callable[[nn.Module, torch.Tensor], Any], tuple[int, ...]]] = {
    "alone": (lambda layer, t: layer(t), (ROWS, 8)),
    "padded": (lambda layer, t: torch.nested.to_padded_tensor(layer(t), 0.0), (3, 9, 8)),
    "after an activation": (lambda layer, t: torch.relu(layer(t)), (ROWS, 8)),
    "and their parts": (lambda layer, t: torch.cat(layer(t).unbind()), (ROWS, 8)),
}


@pytest.mark.parametrize("layout", [torch.jagged, torch.strided])
@pytest.mark.parametrize(("run", "shape"), RUNS.values(), ids=RUNS)
def test_rows_are_counted(run: Callable[[nn.Module, torch.Tensor], Any], shape: Any, layout: Any):
    net, x = Ragged(run, layout), torch.rand(3, 9, 16)
    for _ in range(2):  # as well the second time
        report = netscope.summary(net, args=(x,))
        assert (report.macs, report.unknown) == (ROWS * 16 * 8, {})
        assert ROWS * 16 * 8 == 2176
        layer = report["layer"]
        assert (layer.input_shapes, layer.output_shape) == (((ROWS, 16),), (ROWS, 8))
        assert layer.output_bytes == ROWS * 8 * 4
        assert report.root.output_shape == shape
        assert not report.notes
    made = net(x)
    assert made.is_nested == (shape == (ROWS, 8) and run is not RUNS["and their parts"][0])


@pytest.mark.parametrize("layout", [torch.jagged, torch.strided])
def test_made_of_tensors_that_take_gradients(layout: Any):
    net = Ragged(lambda layer, t: layer(t), layout, torch.nested.as_nested_tensor)
    assert netscope.summary(net, args=(torch.rand(3, 9, 16),)).macs == 2176


def test_made_of_values_and_offsets():
    class Packed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(16, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            rows = x.flatten(0, 1)[:ROWS]
            nested = torch.nested.nested_tensor_from_jagged(rows, torch.tensor([0, 5, 14, 17]))
            return self.layer(nested).values()

    report = netscope.summary(Packed(), args=(torch.rand(3, 9, 16),))
    assert (report.macs, report.root.output_shape) == (2176, (ROWS, 8))


def test_each_sequence_attends_to_itself():
    def attend(layer: nn.Module, t: torch.Tensor) -> torch.Tensor:
        heads = layer(t).unflatten(-1, [2, 4]).transpose(1, 2)
        return nn.functional.scaled_dot_product_attention(heads, heads, heads)

    report = netscope.summary(Ragged(attend, torch.jagged), args=(torch.rand(3, 9, 16),))
    attention = 2 * sum(length**2 for length in LENGTHS) * (4 + 4)
    assert report.macs == 2176 + attention


def test_strided_rows_of_several_ragged_sides():
    class Images(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(torch.nested.nested_tensor([x[0, :2, :3], x[1, :4, :5]], layout=torch.strided))

    report = netscope.summary(Images(), args=(torch.rand(2, 6, 6),))
    assert report.root.output_shape == (2 * 3 + 4 * 5,)
    assert report.root.output_bytes == 26 * 4


def test_what_torch_made_for_itself_is_as_at_first():
    net = Ragged(lambda layer, t: layer(t), torch.jagged)
    netscope.summary(net, args=(torch.rand(3, 9, 16),))
    assert net(torch.rand(3, 9, 16)).is_nested
    module = sys.modules["torch.nested._internal.nested_tensor"]
    assert "_dummy_instance" in survivors._empty_at_first(module)
    assert "LENGTHS" not in survivors._empty_at_first(sys.modules[__name__])
