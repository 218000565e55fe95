"""What autograd keeps, equal to what torch's own hooks are given of real tensors, storage by storage."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from netscope.base.workload import Workload
from netscope.machine.memory.saved import saved_sizes
from netscope.trace.step.facts import Role, Step
from netscope.trace.step.program import Recipe
from netscope.trace.step.record import record_step

RECIPE = Recipe(optimizer=None, loss="mean")


class Square(torch.autograd.Function):
    """Keeps its input, and a tensor of its own that is none of its results."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x, x.abs())
        return x * x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        x, _ = ctx.saved_tensors
        return 2 * x * grad


class Applied(nn.Module):
    """A linear layer, and a function after it."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.linear(x))


class Adapted(nn.Module):
    """A frozen layer with a low-rank one beside it, as LoRA has them."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Linear(8, 8).requires_grad_(False)
        self.down, self.up = nn.Linear(8, 2, bias=False), nn.Linear(2, 8, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.frozen(x) + self.up(self.down(x)) * 0.5


class Again(nn.Module):
    """Two blocks of three layers that are computed again in backward."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.first = nn.Linear(8, 8)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8)) for _ in range(2)
        )
        self.reentrant = reentrant

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=self.reentrant)
        return x


class Tied(nn.Module):
    """One weight for the words that come and those that go."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 20, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids)
        return self.head(self.attention(x, x, x, need_weights=False)[0])


def rows() -> Tensor:
    return torch.ones(4, 8)


def images() -> Tensor:
    return torch.ones(2, 3, 16, 16)


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "linear": (lambda: nn.Linear(8, 8), rows),
    "in place": (lambda: nn.Sequential(nn.Linear(8, 8), nn.ReLU(inplace=True), nn.Linear(8, 8)), rows),
    "not in place": (lambda: nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8)), rows),
    "views": (lambda: Applied(lambda x: x.view(2, 2, 8).transpose(0, 1)[:, :1].exp()), rows),
    "custom function": (lambda: Applied(Square.apply), rows),
    "dropout": (lambda: nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.1), nn.GELU()), rows),
    "lora": (Adapted, rows),
    "all frozen but the first": (
        lambda: nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8).requires_grad_(False), nn.Tanh()),
        rows,
    ),
    "checkpointed": (lambda: Again(False), rows),
    "checkpointed, reentrant": (lambda: Again(True), rows),
    "tied": (Tied, lambda: torch.ones(2, 6, dtype=torch.int64)),
    "convolution": (
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.MaxPool2d(2), nn.SiLU()),
        images,
    ),
    "recurrent, of steps": (lambda: nn.GRU(8, 8, batch_first=True), lambda: torch.ones(2, 5, 8)),
    "group norm": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8)), images),
}


HALVES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "batch norm": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()), images),
    "layer norm": (lambda: nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8)), rows),
    "group norm": CASES["group norm"],
    "without weights": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.InstanceNorm2d(8)), images),
}


def recorded(module: nn.Module, x: Tensor, recipe: Recipe | None = RECIPE, **how: Any) -> Step:
    return record_step(Workload("it", module, (x,)), recipe, **how)


def kept(step: Step) -> list[int]:
    return sorted(step.trace.storages[storage].nbytes for storage, _ in step.saved)


@pytest.mark.parametrize("amp", [None, "bfloat16"])
@pytest.mark.parametrize("name", CASES)
def test_what_is_kept_is_what_hooks_see(name: str, amp: str | None) -> None:
    build, make = CASES[name]
    recipe = dataclasses.replace(RECIPE, amp=amp)
    torch.manual_seed(0)
    step = recorded(build(), make(), recipe)
    assert step.trace.rung == "meta"
    torch.manual_seed(0)
    assert kept(step) == saved_sizes(build().train(), (make(),), {}, recipe)


@pytest.mark.parametrize("name", HALVES)
def test_a_network_of_halves_keeps_its_statistics_as_the_processor_does(name: str) -> None:
    build, make = HALVES[name]
    x = make().bfloat16()
    assert kept(recorded(build().bfloat16(), x)) == saved_sizes(build().bfloat16().train(), (x,), {}, RECIPE)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bags_of_embeddings(mode: str) -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.EmbeddingBag(10, 8, mode=mode), nn.Linear(8, 8))

    ids = torch.ones(4, 3, dtype=torch.int64)
    assert kept(recorded(build(), ids)) == saved_sizes(build().train(), (ids,), {}, RECIPE)


@pytest.mark.parametrize("name", ["linear", "checkpointed", "tied", "convolution"])
def test_a_real_run_keeps_the_same(name: str) -> None:
    build, make = CASES[name]
    step = recorded(build(), make(), ladder=("real",))
    assert step.trace.rung == "real"
    assert kept(step) == kept(recorded(build(), make()))


def test_by_hand() -> None:
    # The input of the first layer (4 x 8 float32), what ReLU made (4 x 16) which the second layer has too.
    step = recorded(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2)), rows())
    assert kept(step) == [4 * 8 * 4, 4 * 16 * 4]
    paths = [step.trace.calls[call].path for _, call in step.saved]
    assert paths == ["0", "1"]
    # A frozen first layer keeps no input.
    frozen = nn.Sequential(nn.Linear(8, 16).requires_grad_(False), nn.Linear(16, 2))
    assert kept(recorded(frozen, rows())) == [4 * 16 * 4]


def test_what_onednn_keeps_of_a_recurrent_layer_is_said_not_to_be_known() -> None:
    step = recorded(nn.LSTM(8, 8), torch.ones(5, 2, 8))
    seen = saved_sizes(nn.LSTM(8, 8).train(), (torch.ones(5, 2, 8),), {}, RECIPE)
    # The workspace is the last of what is seen; all that has a shape is as it is.
    assert [one for one in kept(step) if one] == seen[:-1]
    assert [what.what for what in step.trace.unseen] == [
        "what oneDNN keeps of a recurrent layer for backward"
    ]


def test_patterns_of_a_recipe_checkpoint_as_the_code_does() -> None:
    plain = Again(False)
    plain.forward = lambda x: plain.blocks[1](plain.blocks[0](plain.first(x)))  # type: ignore[method-assign]
    recipe = dataclasses.replace(RECIPE, checkpoint=("blocks.*",))
    step = recorded(plain, rows(), recipe)
    assert kept(step) == kept(recorded(Again(False), rows()))
    assert sum(kept(step)) < sum(kept(recorded(plain, rows())))


def test_a_number_is_kept_though_no_hook_sees_it() -> None:
    step = recorded(Applied(lambda x: x * 2.0), rows())
    (number,) = [
        index
        for index, storage in enumerate(step.trace.storages)
        if storage.nbytes == 8 and step.roles[index] is Role.SAVED
    ]
    assert number not in {storage for storage, _ in step.saved}
    came, went = (event for event in step.events if event.storage == number)
    parts = [phase.name for phase in step.phases for event in (came, went) if phase.op <= event.op]
    assert came.born
    assert not went.born
    assert parts.count("backward") == 1  # it went when its node had run, and not before
