"""What is no twin and written to all the same is put back: values, version, size and place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from netscope.base.workload import Workload
from netscope.trace import record
from netscope.trace.keeper import Keeper

COUNT = torch.zeros(3)


def keeper(*ours: Tensor) -> Keeper:
    return Keeper(lambda: ours)


CHANGES: dict[str, Callable[[Tensor], object]] = {
    "values": lambda t: t.add_(1),
    "a part": lambda t: t[1:].fill_(9),
    "the same values": lambda t: t.mul_(1),
    "nothing": lambda t: None,
    "larger": lambda t: t.resize_(100).fill_(1),
    "smaller": lambda t: t.resize_(2),
    "other memory": lambda t: t.set_(torch.ones(6)),
    "transposed": lambda t: t.transpose_(0, 1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_tensor_is_put_back(change: str) -> None:
    whole = torch.arange(8.0)
    tensor = whole[2:].view(2, 3)
    before = (tensor.clone(), tensor._version, tensor.stride(), tensor.storage_offset(), whole.clone())
    kept = keeper()
    kept.keep(tensor)
    CHANGES[change](tensor)
    assert kept.restore() == 1
    assert torch.equal(tensor, before[0])
    assert (tensor._version, tensor.stride(), tensor.storage_offset()) == before[1:4]
    assert torch.equal(whole, before[4])
    assert tensor.untyped_storage()._cdata == whole.untyped_storage()._cdata


def test_memory_that_a_tensor_was_given_is_not_written_to() -> None:
    tensor, other = torch.zeros(3), torch.ones(3)
    kept = keeper()
    kept.keep(tensor)
    tensor.set_(other)
    kept.restore()
    assert other.tolist() == [1, 1, 1]


def test_ours_are_written_to_freely() -> None:
    ours = torch.zeros(4)
    kept = keeper(ours)
    for tensor in (ours, ours[1:], ours.view(2, 2)):
        kept.keep(tensor)
        tensor.add_(1)
    assert kept.restore() == 0
    assert ours.tolist() == [2, 3, 3, 3]


def test_memory_is_kept_once_as_it_was_first() -> None:
    tensor = torch.zeros(2)
    kept = keeper()
    for _ in range(3):
        kept.keep(tensor)
        tensor.add_(1)
    kept.keep(tensor[1:])
    assert kept.restore() == 1
    assert tensor.tolist() == [0, 0]
    assert kept.restore() == 0


def test_inference_tensors_have_no_version() -> None:
    with torch.inference_mode():
        tensor = torch.zeros(2)
        kept = keeper()
        kept.keep(tensor)
        tensor.add_(1)
    kept.restore()
    assert tensor.tolist() == [0, 0]


def test_what_has_no_memory_is_left_alone() -> None:
    kept = keeper()
    kept.keep(torch.eye(2).to_sparse())
    assert kept.restore() == 0


def test_who_is_ours_is_asked_when_it_matters() -> None:
    asked: list[int] = []
    kept = Keeper(lambda: asked.append(1) or [])
    assert asked == []
    kept.keep(torch.ones(1))
    kept.keep(torch.ones(1))
    assert asked == [1]


def test_a_generator_goes_on_from_the_process() -> None:
    kept, cpu = keeper(), torch.device("cpu")
    torch.manual_seed(5)
    generator = kept.generator(cpu)
    assert kept.generator(cpu) is generator
    drawn = torch.rand(3, generator=generator)
    assert torch.equal(torch.rand(3), drawn)


class Counts(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        COUNT.add_(1)
        return x + COUNT


@pytest.mark.parametrize("rung", ["meta", "fake", "real"])
def test_a_forward_that_writes_to_a_global(rung: str) -> None:
    version = COUNT._version
    record(Workload("counts", Counts(), (torch.ones(3),)), ladder=(rung,))
    assert COUNT.tolist() == [0, 0, 0]
    assert COUNT._version == version
