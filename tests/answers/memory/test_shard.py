"""One rank of many: parts by hand, and that a world of one is the whole."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import netscope
from netscope.answers.memory.shard import STRATEGIES, checked, sharded
from netscope.base.errors import UsageError
from netscope.trace.step.facts import Step

# Two blocks of 8 x 8 and 8 numbers, and a head of 8 x 10 and 10.
BLOCK, HEAD = 4 * (8 * 8 + 8), 4 * (8 * 10 + 10)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8)])
        self.head = nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x).relu()
        made: torch.Tensor = self.head(x)
        return made


def step(**how: object) -> Step:
    report = netscope.memory(Net(), args=(torch.randn(2, 8),), train=True, device="cpu", **how)  # type: ignore[arg-type]
    assert report.step is not None
    return report.step


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_world_of_one_is_the_whole(strategy: str) -> None:
    report = netscope.memory(Net(), args=(torch.randn(2, 8),), train=True, device="cpu")
    assert report.step is not None
    found = sharded(report.step, strategy, 1)
    memory = report.memory
    assert memory is not None
    assert found.parameters == memory.parameters == 2 * BLOCK + HEAD
    assert found.gradients == memory.gradients
    assert found.optimizer_state == memory.optimizer_state
    assert found.gathered == 0
    assert memory.training is not None
    assert found.peak == memory.training.peak - memory.training.scratch


def test_what_each_keeps_in_parts() -> None:
    whole = 2 * BLOCK + HEAD
    state = 2 * whole + 6 * 4  # of AdamW, with a count for each of six parameters
    parts = {
        strategy: (found.parameters, found.gradients, found.optimizer_state)
        for strategy in ("zero1", "zero2", "zero3")
        for found in [sharded(step(), strategy, 2)]
    }
    assert parts == {
        "zero1": (whole, whole, state // 2),
        "zero2": (whole, whole // 2, state // 2),
        "zero3": (whole // 2, whole // 2, state // 2),
    }


def test_rows_are_what_fsdp_divides() -> None:
    # Over 4 ranks: of 8 rows 2 each; of 10 the first ranks have 3.
    found = sharded(step(optimizer="sgd"), "fsdp", 4)
    assert found.parameters == 2 * 4 * (2 * 8 + 2) + 4 * (3 * 8 + 3)
    assert found.units == ("blocks.0", "blocks.1")


def test_what_is_gathered_by_hand() -> None:
    # The most is gathered in the backward of the second block: all of it, the block before it on its way, the
    # head for as long as the network runs, and the block's gradients until they are handed out. Of all that
    # the rank has its own quarter already.
    found = sharded(step(optimizer=None), "fsdp", 4)
    assert 0 < found.gathered <= 0.75 * (2 * BLOCK + HEAD + BLOCK)
    assert found.gathered >= 0.75 * HEAD


@pytest.mark.parametrize("strategy", ["zero1", "zero2"])
def test_more_ranks_take_less_each(strategy: str) -> None:
    recorded = step()
    peaks = [sharded(recorded, strategy, world).peak for world in (1, 2, 4, 8)]
    assert peaks == sorted(peaks, reverse=True)
    assert len(set(peaks)) == 4


def test_what_there_is_not() -> None:
    with pytest.raises(UsageError, match="zero1, zero2, zero3, fsdp"):
        checked("ddp", 2)
    with pytest.raises(UsageError, match="0 ranks"):
        checked("fsdp", 0)
