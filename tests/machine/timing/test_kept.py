"""The user's module stays bit for bit, whatever its twin was run on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from netscope.base.errors import UsageError
from netscope.base.workload import Workload
from netscope.machine.timing.inputs import arguments
from netscope.machine.timing.kept import kept, writes_to_parameters
from netscope.machine.timing.steps import Inference, Training
from netscope.trace import record
from tests import models as m
from tests.trace.test_untouched import MODELS, process_state, same, state_of, with_gradients

RUNNABLE = sorted(MODELS.keys() - {"raises", "needs data"})


def run(model: nn.Module, args: tuple[Any, ...], train: bool, parameters: bool = False) -> None:
    with kept(model, (args, {}), train=train, parameters=parameters) as (held, given, named):
        assert held.training == train
        step = (Training if train else Inference)(held, given, named)
        for _ in range(2):
            step.prepare()
            for _, phase in step.phases:
                phase()


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("name", RUNNABLE)
def test_nothing_changes(name: str, train: bool):
    make, inputs = MODELS[name]
    model, args = with_gradients(make()), inputs()
    if name == "lazy" and train:
        model = with_gradients(nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5)))
    before, before_args, process = state_of(model), state_of(args), process_state()
    # "hoards" writes to what its backward needs, as to everything else that it holds.
    fails = name == "hoards" and train
    workload = Workload(name, model, args)
    writes = not train and name != "lazy" and writes_to_parameters(record(workload))
    assert writes == (name == "hoards" and not train)
    with pytest.raises(RuntimeError) if fails else contextlib.nullcontext():
        run(model, arguments(workload, "cpu")[0], train, writes)
    assert same(process_state(), process)
    assert same(state_of(args), before_args)
    assert same(state_of(model), before)


def test_nothing_changes_when_a_step_raises():
    model, args = with_gradients(m.Raises()), (torch.randn(2, 4),)
    before, process = state_of(model), process_state()
    with pytest.raises(RuntimeError):
        run(model, args, True)
    assert same(state_of(model), before)
    assert same(process_state(), process)


def test_hooks_modes_and_formats_survive():
    calls: list[str] = []
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).to(memory_format=torch.channels_last)
    model[0].register_forward_hook(lambda *_: calls.append("hook"))
    model[1].eval()
    model[0].bias.requires_grad_(False)
    before, strides = state_of(model), model[0].weight.stride()
    run(model, (torch.randn(2, 3, 8, 8),), True)
    assert calls == []  # the hook of the twin had a list of its own
    assert same(state_of(model), before)
    assert model[0].weight.stride() == strides
    assert [part.training for part in model] == [True, False]


def test_inference_copies_no_parameter():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    with kept(model, train=False) as (held, _, _):
        assert held[0].weight is not model[0].weight
        assert held[0].weight.data_ptr() == model[0].weight.data_ptr()
        assert held[1].running_mean.data_ptr() != model[1].running_mean.data_ptr()


def test_a_forward_that_writes_to_its_parameters_is_not_passed_over():
    class Writes(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            with torch.no_grad():
                self.weight.mul_(0.5)
            return super().forward(input)

    with pytest.raises(UsageError, match="wrote to a parameter of its own"):
        run(Writes(2, 2), (torch.ones(1, 2),), False)
    model, args = Writes(2, 2), (torch.ones(1, 2),)
    before = state_of(model)
    assert writes_to_parameters(record(Workload("writes", model, args)))
    run(model, args, False, parameters=True)
    assert same(state_of(model), before)


def test_fast_paths_stay_on(monkeypatch: pytest.MonkeyPatch):
    seen: list[bool] = []
    forward: Callable[..., Any] = nn.ReLU.forward

    def looks(self: nn.ReLU, x: Tensor) -> Any:
        seen.append(torch.backends.mha.get_fastpath_enabled())
        return forward(self, x)

    monkeypatch.setattr(nn.ReLU, "forward", looks)
    run(nn.Sequential(nn.ReLU()), (torch.ones(1),), False)
    assert set(seen) == {True}
