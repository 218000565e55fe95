"""Twins of tensors: the same shapes, strides, sharing and classes, on meta, fake or copied memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from netscope.base.errors import UsageError
from netscope.base.workload import Workload
from netscope.trace import record
from netscope.trace.constants import most_kept
from netscope.trace.standins import standins
from netscope.trace.twin import tensors
from netscope.trace.twin.tensors import Twins

CPU = torch.device("cpu")
MAKERS: dict[str, Callable[[], Twins]] = {
    "meta": lambda: tensors.on_meta(standins(CPU)),
    "fake": lambda: tensors.on_fake(FakeTensorMode(allow_non_fake_inputs=True)),
    "copied": tensors.copied,
}


@pytest.fixture(params=MAKERS)
def twins(request: pytest.FixtureRequest) -> Any:
    with torch.no_grad():
        yield MAKERS[request.param]()


def layout(tensor: Tensor) -> Any:
    return tuple(tensor.shape), tensor.stride(), tensor.storage_offset(), tensor.dtype


def owners() -> dict[str, Tensor]:
    whole = torch.arange(24.0).reshape(4, 6)
    return {
        "whole": whole,
        "part": whole[1:3, 2:],
        "transposed": torch.ones(2, 3).t(),
        "expanded": torch.ones(3, 1).expand(3, 4),
        "gaps": whole[::2, ::3],
        "scalar": torch.tensor(3),
        "empty": torch.empty(0, 5),
        "channels last": torch.ones(1, 3, 2, 2).contiguous(memory_format=torch.channels_last),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "complex": torch.ones(2, dtype=torch.complex64),
        "flags": torch.tensor([True, False]),
        "parameter": nn.Parameter(torch.ones(2, 3)),
        "frozen": nn.Parameter(torch.ones(2), requires_grad=False),
        "window of a parameter": nn.Parameter(whole)[1:, 1:].detach(),
    }


@pytest.mark.parametrize("name", owners())
def test_a_twin_has_the_layout(twins: Twins, name: str) -> None:
    owner = owners()[name]
    twin = twins(owner)
    assert twin is not owner
    assert layout(twin) == layout(owner)
    assert twin.requires_grad == owner.requires_grad
    assert isinstance(twin, nn.Parameter) == isinstance(owner, nn.Parameter)
    assert twin.untyped_storage()._cdata != owner.untyped_storage()._cdata


def test_of_values_there_are_copies_or_none() -> None:
    for owner in owners().values():
        with torch.no_grad():
            same = tensors.copied()(owner)
            assert torch.equal(same, owner)
            same.fill_(0) if owner.stride() != (1, 0) else None
            meta = tensors.on_meta(standins(CPU))(owner)
            kept = not isinstance(owner, nn.Parameter) and owner.numel() <= most_kept(owner.dtype)
            assert meta.untyped_storage().device.type == ("cpu" if kept else "meta")
            assert not kept or torch.equal(meta, owner)
            assert type(MAKERS["fake"]()(owner)) in (FakeTensor, nn.Parameter)
        assert torch.equal(
            owner, owners()[next(n for n, t in owners().items() if layout(t) == layout(owner))]
        )


def test_a_twin_is_told_by_its_class_where_it_is() -> None:
    classes = standins(CPU)
    with torch.no_grad():
        twins = tensors.on_meta(classes)
        assert type(twins(torch.ones(2))) is classes.tensor
        assert type(twins(torch.ones(1))) is torch.Tensor  # which has its value
        assert type(twins(nn.Parameter(torch.ones(1)))) is classes.parameter
        assert type(tensors.copied()(nn.Parameter(torch.ones(1)))) is nn.Parameter
        assert tensors.on_fake(FakeTensorMode())(torch.ones(1)).device == CPU


def test_what_shares_memory_shares_it(twins: Twins) -> None:
    whole = torch.arange(6.0)
    owner = [whole, whole[2:], whole.view(2, 3), nn.Parameter(whole), whole.view(torch.int32), whole.detach()]
    for order in (owner, owner[::-1]):
        made = [twins(one) for one in order]
        assert len({twin.untyped_storage()._cdata for twin in made}) == 1
        assert [layout(twin) for twin in made] == [layout(one) for one in order]
    assert twins(torch.ones(6)).untyped_storage()._cdata != made[0].untyped_storage()._cdata


def test_a_copy_is_written_to_in_all_views() -> None:
    whole = torch.zeros(6)
    twins = tensors.copied()
    part, all_of_it = twins(whole[2:4]), twins(whole)  # the part first
    part.fill_(1)
    assert all_of_it.tolist() == [0, 0, 1, 1, 0, 0]
    assert whole.tolist() == [0] * 6


class Named(Tensor):
    """A class without a say in operators."""


class Weight(nn.Parameter):
    pass


@pytest.mark.parametrize("rung", ["meta", "copied"])
def test_classes_without_a_say_in_operators_stay(rung: str) -> None:
    named = torch.ones(4).as_subclass(Named)
    plain = named.as_subclass(Tensor)
    weight = Weight(torch.ones(2))
    with torch.no_grad(), torch._C.DisableTorchFunctionSubclass():
        twins = MAKERS[rung]()
        made = [twins(named), twins(plain[1:]), twins(weight)]
    assert type(made[0]) is Named
    assert not isinstance(made[1], Named)  # though it lies in the memory of one
    assert type(made[2]) is Weight
    assert made[2].requires_grad


class Wrapped(Tensor):
    """With a dispatch of its own, and data in another tensor."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Self:
        made: Self = Tensor._make_wrapper_subclass(cls, held.shape, dtype=held.dtype)  # type: ignore[attr-defined]
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        held = [arg.held if isinstance(arg, Wrapped) else arg for arg in args]
        made = func(*held, **(kwargs or {}))
        return Wrapped(made) if isinstance(made, Tensor) else made


def test_those_with_a_say_are_left_as_they_are() -> None:
    owner = Wrapped(torch.ones(2))
    with torch.no_grad():
        assert MAKERS["meta"]()(owner) is owner
        assert MAKERS["fake"]()(owner) is owner
        copied = tensors.copied()(owner)
    assert type(copied) is Wrapped
    assert copied.held is not owner.held


def test_sparse_tensors_are_copied(twins: Twins) -> None:
    owner = torch.eye(3).to_sparse()
    made = twins(owner)
    assert made is not owner
    assert made.layout is torch.sparse_coo
    assert torch.equal(made.to_dense(), torch.eye(3))


def test_lazy_parameters_get_a_shape_of_their_own(twins: Twins) -> None:
    for owner in (nn.UninitializedParameter(), nn.UninitializedBuffer()):
        made = twins(owner)
        assert type(made) is type(owner)
        assert made is not owner
        made.materialize((2, 3))  # type: ignore[attr-defined]
        assert tuple(made.shape) == (2, 3)
        assert nn.parameter.is_lazy(owner)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested")
def test_nested_tensors_are_refused(twins: Twins) -> None:
    with pytest.raises(UsageError, match="nested"):
        twins(torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]))


def test_the_owners_meta_tensors_have_twins_too(twins: Twins) -> None:
    owner = torch.empty(4, 2, device="meta")[1:]
    assert layout(twins(owner)) == layout(owner)


def test_a_tensor_of_which_a_gradient_may_be_asked_may_be_asked(twins: Twins) -> None:
    asked = torch.ones(2, requires_grad=True)
    assert twins(asked).requires_grad
    assert not twins(torch.ones(2)).requires_grad


class ByItsArgument(nn.Module):
    """Energy and force: the gradient by what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        (force,) = torch.autograd.grad(self.linear(x).sum(), x)
        return force


@pytest.mark.parametrize("rung", MAKERS)
def test_a_forward_takes_a_gradient_by_its_argument(rung: str) -> None:
    x = torch.ones(2, 3, requires_grad=True)
    workload = Workload("force", ByItsArgument(), (x,))
    trace = record(workload, ladder=("real" if rung == "copied" else rung,))
    (output,) = trace.outputs
    assert output.spec is not None
    assert output.spec.shape == (2, 3)
    assert x.grad is None
