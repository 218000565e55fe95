"""How a step is recorded: rungs, errors, roles, and that nobody's things are touched."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from netscope.base.errors import UsageError
from netscope.base.workload import TensorSpec, Workload
from netscope.trace import ForwardError
from netscope.trace.step.facts import Role, Step
from netscope.trace.step.program import Recipe
from netscope.trace.step.record import record_step
from netscope.trace.step.tensors import placed
from tests.owners.describe import describe, differences
from tests.owners.every import OWNERS

SGD = Recipe(optimizer="sgd", loss="mean")


@pytest.fixture(autouse=True, scope="module")
def imported() -> None:
    """What torch imports with its first tensors without data leaves a filter of warnings."""
    placed(torch.device("cpu"))


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))


def step_of(module: nn.Module, recipe: Recipe | None = SGD, **how: Any) -> Step:
    return record_step(Workload("it", module, (torch.ones(4, 8),)), recipe, **how)


def alive(step: Step, role: Role) -> int:
    """Bytes of a role when all is over."""
    live = 0
    for event in step.events:
        if step.roles[event.storage] is role:
            live += event.nbytes if event.born else -event.nbytes
    return live


# -- Roles, by hand: the network has 8 * 16 + 16 + 16 * 2 + 2 = 178 parameters


def test_roles_by_hand() -> None:
    step = step_of(net(), Recipe(optimizer="adamw", loss="mean"))
    assert alive(step, Role.PARAMETER) == 178 * 4
    assert alive(step, Role.GRADIENT) == 178 * 4
    # Two moments of each parameter, and how many steps each has made, in float32.
    assert alive(step, Role.OPTIMIZER) == 2 * 178 * 4 + 4 * 4
    assert alive(step_of(net()), Role.OPTIMIZER) == 0
    momentum = Recipe(optimizer="sgd:momentum=0.9", loss="mean")
    assert alive(step_of(net(), momentum), Role.OPTIMIZER) == 178 * 4


@pytest.mark.parametrize("rung", ["meta", "real"])
def test_gradients_go_or_stay_as_zero_grad_is_told(rung: str) -> None:
    for to_none in (True, False):
        step = step_of(net(), Recipe(optimizer="sgd", loss="mean", set_to_none=to_none), ladder=(rung,))
        forward = next(phase for phase in step.phases if phase.name == "forward")
        live = 0
        for event in step.events[: forward.event]:
            if step.roles[event.storage] is Role.GRADIENT:
                live += event.nbytes if event.born else -event.nbytes
        assert live == (0 if to_none else 178 * 4)


def test_accumulation_is_one_step_of_several_forwards() -> None:
    step = step_of(net(), Recipe(optimizer="sgd", loss="mean", accumulate=3))
    names = [phase.name for phase in step.phases]
    assert [names.count(name) for name in ("zero_grad", "forward", "backward", "optimizer")] == [1, 3, 3, 1]
    assert alive(step, Role.GRADIENT) == 178 * 4


def test_a_forward_alone_is_in_eval_mode_and_keeps_nothing() -> None:
    step = step_of(net(), None)
    assert step.saved == ()
    assert not any("dropout" in op.operator.name for op in step.trace.ops)


# -- Rungs


class Asks(nn.Module):
    """Asks a value what to do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        y = self.linear(x)
        return y if bool(y.sum() > 1e6) else y * 2


def test_who_asks_for_values_is_run_on_real_tensors_and_the_report_says_why() -> None:
    step = step_of(Asks())
    assert step.trace.rung == "real"
    assert "meta tensors did not do" in step.trace.rung_reason
    assert alive(step, Role.PARAMETER) == (8 * 8 + 8) * 4


class Raises(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.good, self.bad = nn.Linear(8, 8), nn.Linear(9, 9)

    def forward(self, x: Tensor) -> Tensor:
        return self.bad(self.good(x))


@pytest.mark.parametrize("recipe", [None, SGD])
def test_an_error_of_the_owner_comes_out_with_the_path(recipe: Recipe | None) -> None:
    with pytest.raises(ForwardError) as caught:
        step_of(Raises(), recipe)
    trace = caught.value.trace
    assert trace.error_path == "bad"
    assert trace.rung == "real"
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert [call.path for call in trace.calls if call.completed] == ["good"]


def test_an_error_in_backward_says_so() -> None:
    class Cut(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            raise ValueError("no way back")

    class Ahead(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return Cut.apply(super().forward(x))

    with pytest.raises(ForwardError, match=r"no way back .in the step's backward"):
        step_of(Ahead(8, 8))


def test_what_cannot_be_followed_is_a_wrong_call() -> None:
    with pytest.raises(UsageError, match="matches 'nothing'"):
        step_of(net(), Recipe(checkpoint=("nothing",)))
    with pytest.raises(UsageError, match="has no optimizer"):
        step_of(net(), Recipe(optimizer="adamx"))


def test_meta_modules_are_not_run_for_real() -> None:
    module = Asks().to("meta")
    with pytest.raises(ForwardError) as caught:
        record_step(Workload("it", module, (TensorSpec((4, 8)),)), SGD)
    assert "on meta" in caught.value.not_real


# -- Nobody's things


@pytest.mark.parametrize("rung", ["meta", "real"])
@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("recipe", [None, SGD, Recipe(optimizer="adamw", loss="mean", amp="bfloat16")])
def test_nothing_of_the_owner_changes(recipe: Recipe | None, raises: bool, rung: str) -> None:
    module: nn.Module = Raises() if raises else nn.Sequential(net(), nn.BatchNorm1d(2))
    module.train()
    first, *others = module.parameters()
    first.grad = torch.full_like(first, 3.0)
    gradient = first.grad
    args, kwargs = (torch.ones(4, 8),), {}
    torch.manual_seed(5)
    chance = torch.get_rng_state()
    beside = ()
    before = describe(module, args, kwargs, beside)
    try:
        record_step(Workload("it", module, args, kwargs), recipe, ladder=(rung,))
    except ForwardError:
        assert raises
    assert differences(before, describe(module, args, kwargs, beside)) == []
    assert first.grad is gradient
    assert bool((gradient == 3).all())
    assert all(one.grad is None for one in others)
    assert not args[0].requires_grad
    assert args[0].grad is None
    assert module.training
    assert torch.equal(torch.get_rng_state(), chance)
    assert torch.is_grad_enabled()
    assert not torch.is_autocast_enabled("cpu")
    assert torch._C._len_torch_dispatch_stack() == 0


def test_it_may_be_asked_within_no_grad() -> None:
    with torch.no_grad():
        step = step_of(net())
        assert not torch.is_grad_enabled()
    assert alive(step, Role.GRADIENT) == 178 * 4


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in OWNERS if OWNERS[name].quiet])
def test_nothing_changes_of_awkward_owners(name: str) -> None:
    owner = OWNERS[name]
    if owner.needs is not None and importlib.util.find_spec(owner.needs) is None:
        pytest.skip(f"{owner.needs} is not installed")
    made = owner.make()
    before = describe(made.module, made.args, made.kwargs, made.beside)
    for recipe in (None, SGD):
        # Many cannot be trained, or not without values.
        with contextlib.suppress(ForwardError, UsageError):
            record_step(Workload(name, made.module, made.args, made.kwargs), recipe, ladder=("meta",))
    assert differences(before, describe(made.module, made.args, made.kwargs, made.beside)) == []


def test_nothing_lives_on() -> None:
    step_of(net())
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(3):
        step_of(net())
    gc.collect()
    tensors = [one for one in gc.get_objects() if isinstance(one, Tensor) and type(one).__name__ == "Tensor"]
    assert len(gc.get_objects()) - before < 300
    assert not [one for one in tensors if type(one) is not Tensor and one.is_meta]
