"""Tensors on meta that say they are where their owner's are, and the truth where nobody records."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netscope.base.workload import Workload
from netscope.trace import Trace, record
from netscope.trace.here import here
from netscope.trace.recorder import Recorder
from netscope.trace.standins import PLAIN_TENSORS, dressed, is_meta, standins

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 1)
# What a forward saw, of the file so that it is in no copy; in tuples, since texts are put back.
SEEN: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_seen() -> Iterator[None]:
    SEEN.clear()
    yield
    assert (here.recorder, here.outside) == (None, False)


@pytest.fixture
def outside() -> Iterator[None]:
    """As in the owner's code."""
    here.outside = True
    yield
    here.outside = False


def stand_in(device: torch.device, parameter: bool = False) -> Tensor:
    made: Any = torch.empty(2, 3, device="meta")
    made.__class__ = standins(device)[parameter]
    return made  # type: ignore[no-any-return]


class Asks(nn.Module):
    def __init__(self, ask: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.ask = ask

    def forward(self, x: Tensor) -> Tensor:
        y = self.linear(x)
        SEEN.append((self.ask(self, y),))
        return y


def seen(ask: Callable[[Any, Tensor], Any]) -> Any:
    """What the forward got to see on meta."""
    traced(ask)
    ((answer,),) = SEEN
    return answer


def traced(ask: Callable[[Any, Tensor], Any], *rungs: str) -> Trace:
    return record(Workload("asks", Asks(ask), (torch.ones(1, 2),)), ladder=rungs or ("meta",))


def answers(t: Tensor) -> dict[str, Any]:
    return {
        "device": t.device,
        "flags": (t.is_meta, t.is_cpu, t.is_cuda, t.is_xpu, t.is_mps),
        "index": t.get_device(),
    }


SAID: dict[torch.device, dict[str, Any]] = {
    CPU: {"device": CPU, "flags": (False, True, False, False, False), "index": -1},
    CUDA: {"device": CUDA, "flags": (False, False, True, False, False), "index": 1},
    torch.device("mps"): {
        "device": torch.device("mps"),
        "flags": (False, False, False, False, True),
        "index": 0,
    },
}


@pytest.mark.parametrize("device", SAID, ids=str)
@pytest.mark.parametrize("parameter", [False, True])
def test_the_owners_code_is_told_its_device(device: torch.device, parameter: bool, outside: None) -> None:
    tensor = stand_in(device, parameter)
    assert answers(tensor) == SAID[device]
    assert is_meta(tensor)


def test_where_nobody_records_it_is_the_truth() -> None:
    meta = torch.empty(2, 3, device="meta")
    for device in SAID:
        assert answers(stand_in(device)) == answers(meta)


def test_they_are_torchs_by_name() -> None:
    assert isinstance(stand_in(CPU), Tensor)
    parameter = stand_in(CPU, parameter=True)
    assert isinstance(parameter, nn.Parameter)
    for tensor, name in ((stand_in(CPU), "Tensor"), (parameter, "Parameter")):
        assert (type(tensor).__name__, type(tensor).__module__) == (name, "torch")
        assert type(tensor) in PLAIN_TENSORS
    assert standins(CPU) is standins(torch.device("cpu"))


def test_all_that_a_forward_meets_says_so() -> None:
    def ask(self: Asks, y: Tensor) -> Any:
        made = [y, self.linear.weight, y + 1, y[0], y.view(2), torch.ones(2), torch.zeros_like(y), y.data]
        made += [*torch.max(y, 1), *y.chunk(2, 1), y.to("cpu"), y.cpu(), torch.tensor([1.0]), y.detach()]
        return [(t.is_meta, t.device, t.get_device()) for t in made]

    assert seen(ask) == [(False, CPU, -1)] * 16


@pytest.mark.parametrize("name", ["numpy", "tolist", "__array__", "__dlpack__", "data_ptr"])
def test_values_are_refused_and_the_recorder_told(name: str) -> None:
    def ask(self: Asks, y: Tensor) -> Any:
        try:
            return getattr(y, name)()
        except RuntimeError as error:
            return str(error)

    trace = traced(ask)
    assert SEEN[0][0] == f"a tensor without data has no values for {name}()"
    # The forward went on, but who knows where.
    assert [unseen.what for unseen in trace.unseen] == [f"what a forward does where {name}() does not fail"]


def test_numpy_itself_is_refused(outside: None) -> None:
    with pytest.raises(RuntimeError, match="no values for __array__"):
        np.asarray(stand_in(CPU))


def test_a_swallowed_refusal_sends_the_forward_down() -> None:
    trace = traced(lambda self, y: y.tolist() and None, "meta", "fake", "real")
    assert trace.rung == "real"


def test_addresses_of_parameters_may_be_compared(outside: None) -> None:
    assert stand_in(CPU, parameter=True).data_ptr() == 0


def test_data_is_of_the_same_memory() -> None:
    def ask(self: Asks, y: Tensor) -> Any:
        y.data.add_(1)
        return y.data.device, tuple(y.data.shape)

    trace = traced(ask)
    assert SEEN[0][0] == (CPU, (1, 2))
    written = {op.operator.name: op.writes for op in trace.ops}
    assert written["aten.add_.Tensor"] == written["aten.addmm.default"]


def test_data_can_be_given() -> None:
    def ask(self: Asks, y: Tensor) -> Any:
        self.linear.weight.data = 2 * y.expand(5, 2)
        return tuple(self.linear.weight.shape), self.linear.weight.device

    assert seen(ask) == ((5, 2), CPU)


def test_a_copy_is_of_its_class() -> None:
    def ask(self: Asks, y: Tensor) -> Any:
        weight = self.linear.weight
        again, (one, other) = copy.deepcopy(self.linear), copy.deepcopy((weight, weight))
        return (
            *(type(again.weight) is type(weight), again.weight is not weight, again.weight.requires_grad),
            *(one is other, isinstance(copy.deepcopy(y), nn.Parameter), list(again.state_dict())),
        )

    assert seen(ask) == (True, True, True, True, False, ["weight", "bias"])


def test_they_print_without_values() -> None:
    found = seen(lambda self, y: (repr(y), str(self.linear.weight), f"{y}"))
    said = "tensor(..., size=(1, 2), dtype=torch.float32)"
    assert found == (said, said.replace("(1, 2)", "(2, 2)"), said)
    assert repr(stand_in(CPU)) == "tensor(..., size=(2, 3), dtype=torch.float32)"


def test_types_are_the_owners() -> None:
    """By name, as old code asks."""

    def ask(self: Asks, y: Tensor) -> Any:
        return y.type(), y.type_as(self.linear.weight).dtype, y.type(torch.float64).dtype, y.dtype

    assert seen(ask) == ("torch.FloatTensor", torch.float32, torch.float64, torch.float32)
    here.outside = True
    try:
        assert stand_in(CUDA).type() == "torch.cuda.FloatTensor"
        assert stand_in(CUDA, parameter=True).type() == "torch.cuda.FloatTensor"
    finally:
        here.outside = False
    assert stand_in(CUDA).type() == "torch.meta.FloatTensor"


def test_only_plain_meta_tensors_are_dressed() -> None:
    classes = standins(CPU)
    meta, real, parameter = (
        torch.empty(1, device="meta"),
        torch.ones(1),
        nn.Parameter(torch.empty(1, device="meta")),
    )
    made = [meta, (real, [parameter]), None, 3]
    assert dressed(made, classes.tensor) is made
    assert [type(one) for one in (meta, real, parameter)] == [classes.tensor, Tensor, nn.Parameter]


def test_a_recorder_of_real_tensors_leaves_data_alone() -> None:
    here.recorder = Recorder(on_meta=False)
    try:
        assert type(stand_in(CPU).data) is Tensor
    finally:
        here.recorder = None
