"""What a step does otherwise on CUDA: on the thread that records, and for as long as it does."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from torch import nn

from netscope.base.workload import Workload
from netscope.trace import ForwardError
from netscope.trace.step.cuda import _patches, as_on_cuda
from netscope.trace.step.facts import Step
from netscope.trace.step.program import Recipe
from netscope.trace.step.record import record_step
from netscope.trace.step.tensors import placed

HOME = placed(torch.device("cpu"))
FORWARD = Recipe(optimizer=None, loss="mean")


def names(step: Step) -> list[str]:
    return [op.operator.name for op in step.trace.ops]


def bytes_made_by(step: Step, name: str) -> list[int]:
    ops = names(step)
    return [
        made.nbytes for made in step.trace.storages if 0 <= made.born < len(ops) and ops[made.born] == name
    ]


def functions() -> list[Any]:
    # Attributes that are not there (of tensors' classes) are None.
    return [vars(owner).get(name) for owner, name in (patch.place for patch in _patches(HOME))]


def test_dropout_keeps_a_byte_an_element() -> None:
    net = nn.Sequential(nn.Dropout(0.5))
    made = bytes_made_by(
        record_step(Workload("", net, (torch.zeros(10, 100, requires_grad=True),)), FORWARD, device="cuda"),
        "aten.native_dropout.default",
    )
    assert made == [4000, 1000]


class Attends(nn.Module):
    def forward(self, query: Any, key: Any) -> Any:
        return nn.functional.scaled_dot_product_attention(query, key, key, enable_gqa=True)


@pytest.mark.parametrize(
    ("dtype", "size", "kernel"),
    [
        (torch.bfloat16, 64, "flash_attention"),
        (torch.float32, 64, "efficient_attention"),
        (torch.float32, 62, "attention_math"),
    ],
)
def test_attention_has_cudas_kernels(dtype: torch.dtype, size: int, kernel: str) -> None:
    if kernel == "efficient_attention" and tuple(map(int, torch.__version__.split(".")[:2])) < (2, 14):
        kernel = "attention_math"  # which takes several heads of queries to one of keys since then
    query = torch.zeros(2, 4, 8, size, dtype=dtype, requires_grad=True)
    found = names(record_step(Workload("", Attends(), (query, query)), FORWARD, device="cuda"))
    fused = [name for name in found if "scaled_dot_product" in name and "backward" not in name]
    assert (f"aten._scaled_dot_product_{kernel}.default" in fused) or (
        kernel == "attention_math" and not fused
    )


class Norms(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line, self.norm = nn.Linear(16, 16), nn.LayerNorm(16)
        self.told: list[Any] = []

    def forward(self, x: Any) -> Any:
        made = self.norm(self.line(x))
        self.told += [torch.is_autocast_enabled(), made.dtype, made.softmax(-1).dtype]
        return made


def test_autocast_is_that_of_cuda() -> None:
    net = Norms()
    told: list[Any] = []
    net.told = told
    recipe = Recipe(optimizer=None, loss="mean", amp="bfloat16")
    step = record_step(Workload("", net, (torch.zeros(4, 16),)), recipe, device="cuda")
    # The layer's product in bfloat16, its norm and what follows in float32.
    assert bytes_made_by(step, "aten.addmm.default") == [4 * 16 * 2]
    assert bytes_made_by(step, "aten.native_layer_norm.default")[0] == 4 * 16 * 4


def test_a_bias_is_added_in_place_to_rows_that_do_not_follow_each_other() -> None:
    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = nn.Linear(8, 8)

        def forward(self, x: Any) -> Any:
            return self.line(x.transpose(0, 1))

    step = record_step(Workload("", Turned(), (torch.zeros(3, 5, 8),)), device="cuda")
    assert "aten.add_.Tensor" in names(step)
    assert bytes_made_by(step, "aten.add.Tensor") == []


@pytest.mark.parametrize(
    "optimizer", ["sgd:fused=true,momentum=0.9", "adamw:fused=true", "adamw:capturable=true"]
)
def test_optimizers_that_are_cudas_alone(optimizer: str) -> None:
    step = record_step(
        Workload("", nn.Linear(8, 8), (torch.zeros(2, 8),)), Recipe(optimizer=optimizer), device="cuda"
    )
    assert step.phases[-1].name == "end"


class Raises(nn.Module):
    def forward(self, x: Any) -> Any:
        raise RuntimeError("not today")


def test_nothing_stays_also_after_an_error() -> None:
    before = functions()
    record_step(Workload("", nn.Linear(8, 8), (torch.zeros(2, 8),)), FORWARD, device="cuda")
    assert functions() == before
    with pytest.raises(ForwardError, match="not today"):
        record_step(Workload("", Raises(), (torch.zeros(2, 8),)), FORWARD, device="cuda")
    assert functions() == before


def test_other_threads_have_torchs_own() -> None:
    query = torch.rand(1, 2, 4, 8)
    expected = nn.functional.scaled_dot_product_attention(query, query, query)
    found: list[Any] = []

    def other() -> None:
        found.append(nn.functional.scaled_dot_product_attention(query, query, query))
        found.append(torch.is_autocast_enabled())
        with torch.autocast("cpu", torch.bfloat16):
            found.append(torch.is_autocast_enabled())
            found.append(torch.mm(query[0, 0], query[0, 0].T).softmax(-1).dtype)
        found.append(type(nn.functional.dropout(query, 0.5)))

    with as_on_cuda(HOME):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert torch.equal(found[0], expected)
    # Of CUDA's autocast is asked, which is off, and the processor's leaves softmax in float32 as it does.
    assert found[1:3] == [False, False]
    with torch.autocast("cpu", torch.bfloat16):
        assert found[3] is torch.mm(query[0, 0], query[0, 0].T).softmax(-1).dtype
    assert found[4] is torch.Tensor
