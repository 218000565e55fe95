"""Where tensors leave torch: named where what was computed leaves for arithmetic, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netscope.base.workload import Workload
from netscope.trace import ForwardError, Trace, record
from netscope.trace.exits import exits_watched
from netscope.trace.recorder import Recorder

NUMPY = "arithmetic in numpy"
KERNEL = "a kernel that is not torch's"


class Leaves(nn.Module):
    def __init__(self, does: Callable[[Tensor, nn.Linear], object]) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.does = does

    def forward(self, x: Tensor) -> Tensor:
        y = self.linear(x)
        self.does(y, self.linear)
        return y


def traced(does: Callable[[Tensor, nn.Linear], object], rung: str = "real") -> Trace:
    return record(Workload("leaves", Leaves(does), (torch.ones(1, 2),)), ladder=(rung,))


EXITS: dict[str, tuple[Callable[[Tensor, nn.Linear], object], list[str]]] = {
    "numpy": (lambda y, _: y.detach().numpy(), [NUMPY]),
    "an array of it": (lambda y, _: np.asarray(y.detach()), [NUMPY]),
    "its address": (lambda y, _: y.data_ptr(), [KERNEL]),
    "dlpack": (lambda y, _: y.detach().__dlpack__(), [KERNEL]),
    "more than once": (lambda y, _: (y.data_ptr(), y.data_ptr()), [KERNEL]),
    "both": (lambda y, _: (y.detach().numpy(), y.data_ptr()), [NUMPY, KERNEL]),
    "a list": (lambda y, _: y.tolist(), []),
    "a number": (lambda y, _: y.sum().item(), []),
    "indices": (lambda y, _: y.argmax(1).numpy(), []),
    "a mask": (lambda y, _: (y > 0).numpy(), []),
    "a weight": (lambda _, linear: linear.weight.data_ptr(), []),
    "a weight's values": (lambda _, linear: linear.weight.detach().numpy(), []),
    "nothing": (lambda y, _: y.shape, []),
}


@pytest.mark.parametrize("name", EXITS)
def test_what_leaves_torch_is_named(name: str) -> None:
    does, expected = EXITS[name]
    trace = traced(does)
    assert [unseen.what for unseen in trace.unseen] == expected
    assert {unseen.call for unseen in trace.unseen} <= {0}  # the root's, not the linear layer's


@pytest.mark.parametrize("name", ["numpy", "a list"])
def test_on_fake_tensors_there_is_nothing_to_leave(name: str) -> None:
    does, _ = EXITS[name]
    with pytest.raises(ForwardError):
        traced(does, "fake")


def test_a_failure_that_the_forward_swallows_is_remembered() -> None:
    recorder = Recorder(on_meta=False)
    with exits_watched(recorder):
        with pytest.raises(RuntimeError):
            torch.ones(1, requires_grad=True).numpy()
        with pytest.raises(RuntimeError):
            torch.empty(1, device="meta").tolist()
    assert recorder.failed == ["numpy()", "tolist()"]
    assert recorder.unseen == []


def test_the_watch_ends_with_its_block() -> None:
    depth = torch._C._len_torch_function_stack()
    with exits_watched(Recorder(on_meta=False)):
        assert torch._C._len_torch_function_stack() == depth + 1
    assert torch._C._len_torch_function_stack() == depth
    with pytest.raises(KeyError), exits_watched(Recorder(on_meta=False)):
        raise KeyError
    assert torch._C._len_torch_function_stack() == depth
