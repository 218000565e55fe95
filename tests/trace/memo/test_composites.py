"""Composite functions that are written down without being taken apart: the facts are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from netscope.base.plain import plain
from netscope.base.workload import TensorSpec, Workload
from netscope.trace.memo.composites import CompositeMemo
from tests.trace.memo.test_modules import traced

VECTOR = TensorSpec((2, 3, 4))


class Does(nn.Module):
    """A forward of one line, with weights to take."""

    def __init__(self, does: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(4, 4))
        self.b = nn.Parameter(torch.randn(4))
        self.register_buffer("v", torch.randn(4, 4))
        self.does = does

    def forward(self, x: Tensor) -> Any:
        return self.does(self, x)


def written_down(model: nn.Module, monkeypatch: pytest.MonkeyPatch, train: bool = False) -> int:
    """How many calls were taken from the memo, once the facts are known to be those of a run without it."""
    count = 0
    apply = CompositeMemo.apply

    def counting(*args: Any) -> Any:
        nonlocal count
        count += 1
        return apply(*args)

    monkeypatch.setattr(CompositeMemo, "apply", counting)
    workload = Workload("", model, (VECTOR,))
    with plain("composites"):
        without = traced(workload, train)
    assert count == 0
    assert traced(workload, train) == without
    return count


def linear(m: Any, x: Tensor) -> Tensor:
    return functional.linear(x, m.w, m.b)


def matmul(m: Any, x: Tensor) -> Tensor:
    return x @ x.transpose(1, 2)


@pytest.mark.parametrize(
    ("does", "times"),
    [
        (lambda m, x: linear(m, linear(m, linear(m, x))), 2),
        # Of the other weight it is the same product, but for the gradient of which no fold is made.
        (lambda m, x: x @ m.w + x @ m.w + x @ m.v + x @ m.v, 2),
        # The left one and the right one are one storage at first, so it is not clear which is read where.
        (lambda m, x: matmul(m, x) + matmul(m, x) + x @ (x + 1).transpose(1, 2), 0),
        (lambda m, x: x @ (x + 1).transpose(1, 2) + matmul(m, x), 1),
        # Equal but for a number, a flag, or the kind of a number.
        (lambda m, x: functional.pad(x, (1, 1), "circular") + functional.pad(x, (1, 1), "circular"), 1),
        (lambda m, x: torch.std(x, 1) + torch.std(x, 1, unbiased=False), 0),
        (lambda m, x: torch.cdist(x, x + 1, 2.0) + torch.cdist(x, x + 1, 1.0), 0),
        # Another layout of equal sizes.
        (lambda m, x: linear(m, x) + linear(m, x.transpose(0, 1).contiguous().transpose(0, 1)), 0),
        # Several results, and views of what was given.
        (lambda m, x: [*x.tensor_split(3, -1), *x.tensor_split(3, -1), *(x + 1).tensor_split(3, -1)], None),
        (lambda m, x: torch.einsum("bij,jk->bik", x, m.w) + torch.einsum("bij,jk->bik", x, m.w), 1),
        # What is complex may be meant to be read as its conjugate.
        (lambda m, x: (x + 0j) @ (x + 0j).mT + (x + 0j) @ (x + 0j).conj().mT + (x + 0j) @ (x + 1j).mT, 0),
        # Writes to what it was given.
        (lambda m, x: functional.batch_norm(x, None, None, training=True) + x.ravel().view_as(x), 0),
    ],
)
def test_functions(does: Any, times: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = written_down(Does(does), monkeypatch)
    assert times is None or counted == times


def test_gradients_have_a_say(monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        y = linear(m, x)
        with torch.no_grad():
            y = y + linear(m, x)
            return y + linear(m, x)

    assert written_down(Does(forward), monkeypatch) == 1


def test_a_training_dropout_is_written_down_with_what_it_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        return functional.dropout(functional.dropout(x, 0.5, m.training), 0.5, m.training)

    assert written_down(Does(forward), monkeypatch, train=True) == 1
    assert written_down(Does(forward), monkeypatch, train=False) == 0


def test_what_a_known_function_makes_has_its_parents_storage() -> None:
    """Two products of one function are two storages, and a view of either lies in its own."""

    class Twice(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            one, other = x @ (x + 1).mT, x @ (x + 1).mT
            return one, other.view(-1)

    from netscope.trace import record

    trace = record(Workload("", Twice(), (VECTOR,)))
    one, other = trace.outputs
    assert one.storage != other.storage
    assert trace.storages[one.storage].nbytes == trace.storages[other.storage].nbytes == 2 * 3 * 3 * 4
    assert [op.operator.name for op in trace.ops].count("aten.bmm.default") == 2
