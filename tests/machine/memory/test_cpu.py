"""A step's timeline against the record of the processor's allocator, byte for byte."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from netscope.answers.memory.timeline import timeline_of
from netscope.base.workload import Workload
from netscope.machine.memory.cpu import Record, inference_record, training_record
from netscope.trace.step.program import Recipe
from netscope.trace.step.record import record_step


class Block(nn.Module):
    """Attention and two layers, with norms, as in a transformer; a number, an index and two uses of one."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 32)
        self.norm = nn.LayerNorm(32)
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
        self.first, self.second = nn.Linear(32, 64), nn.Linear(64, 32)
        self.head = nn.Linear(32, 50)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids) * 0.5
        y = self.norm(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.second(nn.functional.gelu(self.first(x)))
        return self.head(x[:, [0, 2]] / 3).mean(1)


def ids() -> Tensor:
    return torch.ones(4, 16, dtype=torch.int64)


NETS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "mlp": (
        lambda: nn.Sequential(nn.Linear(100, 200), nn.ReLU(), nn.Dropout(0.1), nn.Linear(200, 10)),
        lambda: torch.ones(4, 100),
    ),
    "block": (Block, ids),
    "norms": (
        lambda: nn.Sequential(nn.BatchNorm2d(8), nn.GroupNorm(2, 8), nn.AvgPool2d(2), nn.Hardswish()),
        lambda: torch.ones(4, 8, 12, 12),
    ),
}
RECIPES = {
    "sgd": Recipe(optimizer="sgd"),
    "adamw": Recipe(optimizer="adamw"),
    "momentum, zeros": Recipe(optimizer="sgd:momentum=0.9", set_to_none=False),
    "accumulated": Recipe(optimizer="adamw", accumulate=2),
    "cast": Recipe(optimizer="sgd", amp="bfloat16"),
}


def phases(record: Record) -> list[tuple[str, int, int]]:
    """From the begin of the forward on, above what was there then."""
    names = [name for name, _, _ in record.phases]
    begin = record.phases[names.index("forward")][1]
    return [(name, at - begin, most - begin) for name, at, most in record.phases[names.index("forward") :]]


@pytest.mark.parametrize(
    ("name", "how"),
    [("mlp", how) for how in RECIPES] + [("block", "sgd"), ("block", "accumulated"), ("norms", "adamw")],
)
def test_each_part_of_a_step_begins_and_peaks_as_recorded(name: str, how: str) -> None:
    build, make = NETS[name]
    recipe = RECIPES[how]
    timeline = timeline_of(record_step(Workload(name, build(), (make(),)), recipe))
    recorded = phases(training_record(build().train(), (make(),), {}, recipe))
    begin = timeline.part("forward").begin
    predicted = [(part.name, part.begin - begin, part.most - begin) for part in timeline.parts]
    predicted = predicted[[part for part, _, _ in predicted].index("forward") :]
    assert [(part, at) for part, at, _ in predicted] == [(part, at) for part, at, _ in recorded[:-1]]
    if recipe.amp is not None:
        return  # products of halves are oneDNN's, with scratch of their own
    for (part, _, mine), (_, _, seen) in zip(predicted, recorded, strict=False):
        # A few dozen bytes are numbers on their way to another dtype, or what an index is told by.
        assert mine == pytest.approx(seen, rel=0.001, abs=64), part


@pytest.mark.parametrize("name", NETS)
def test_a_forward_peaks_as_recorded(name: str) -> None:
    build, make = NETS[name]
    timeline = timeline_of(record_step(Workload(name, build(), (make(),))))
    recorded = phases(inference_record(build().eval(), (make(),), {}))
    part = timeline.part("forward")
    (_, _, most), (_, end, _) = recorded
    assert part.end - part.begin == end
    assert part.most - part.begin == pytest.approx(most, rel=0.001, abs=64)


def test_the_record_names_where_the_most_was() -> None:
    record = inference_record(
        nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 1024)).eval(), (torch.ones(4, 8),), {}
    )
    assert record.operator.startswith("aten::")
    # The input of the second layer, and what that makes.
    assert record.peak == 4 * 8 * 4 + 4 * 1024 * 4
