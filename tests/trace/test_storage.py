"""Bytes that are really kept: tensors made of others, views, transforms, memory in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import pytest
import torch
from torch import nn

import netscope


class Packed(torch.Tensor):
    """A weight kept in int8, `per_byte` numbers a byte, with a scale for each row."""

    @staticmethod
    def __new__(cls, data: torch.Tensor, scale: torch.Tensor, per_byte: int) -> Self:
        shape = (data.shape[0], data.shape[1] * per_byte)
        return torch.Tensor._make_wrapper_subclass(cls, shape, dtype=torch.float32)  # type: ignore[attr-defined]

    def __init__(self, data: torch.Tensor, scale: torch.Tensor, per_byte: int) -> None:
        self.data_, self.scale, self.per_byte = data, scale, per_byte

    def __tensor_flatten__(self) -> tuple[list[str], int]:
        return ["data_", "scale"], self.per_byte

    @classmethod
    def __tensor_unflatten__(cls, inner: dict[str, torch.Tensor], per_byte: int, *_: Any) -> Packed:
        return cls(inner["data_"], inner["scale"], per_byte)

    def dequantized(self) -> torch.Tensor:
        return self.data_.float().repeat_interleave(self.per_byte, 1) * self.scale[:, None]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        plain = [a.dequantized() if isinstance(a, Packed) else a for a in args]
        if func is torch.ops.aten.detach.default:
            return args[0]
        return func(*plain, **(kwargs or {}))


@pytest.mark.parametrize("per_byte", [1, 2], ids=["int8", "int4"])
@pytest.mark.parametrize("kind", ["parameter", "buffer"])
def test_a_weight_of_a_class_of_its_own_is_what_it_is_made_of(per_byte: int, kind: str) -> None:
    """8 rows of 16 numbers: 128 bytes, or half of them, and 8 scales of 4."""
    weight = Packed(torch.ones(8, 16 // per_byte, dtype=torch.int8), torch.ones(8), per_byte)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            if kind == "parameter":
                self.weight = nn.Parameter(weight, requires_grad=False)
            else:
                self.register_buffer("weight", weight)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.linear(x, self.weight)

    report = netscope.summary(Net(), args=(torch.rand(3, 16),))
    kept = report.param_bytes if kind == "parameter" else report.buffer_bytes
    assert kept == 128 // per_byte + 8 * 4
    assert report.macs == 3 * 16 * 8


def test_a_tensor_made_of_such() -> None:
    inner = Packed(torch.ones(4, 4, dtype=torch.int8), torch.ones(4), 1)

    class Twice(Packed):
        pass

    from netscope.trace.storage import bytes_of

    assert bytes_of(Twice(inner, torch.ones(4), 1)) == (16 + 16) + 16


class Batched(nn.Module):
    def __init__(self, call: Callable[[nn.Module, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.call = call

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.call(self.layer, x)


VMAPS: list[Callable[[nn.Module, torch.Tensor], torch.Tensor]] = [
    lambda layer, x: torch.vmap(layer)(x),
    lambda layer, x: torch.vmap(torch.vmap(layer))(x.view(2, 4, 4)),
    lambda layer, x: torch.vmap(layer, in_dims=1, out_dims=1)(x.T.contiguous()),
]


@pytest.mark.parametrize("call", VMAPS)
def test_under_vmap_a_layer_makes_what_it_makes_for_all(call: Any) -> None:
    """8 rows of 4 numbers: 128 bytes and 8 * 4 * 4 MACs, though the layer sees one row."""
    report = netscope.summary(Batched(call), args=(torch.rand(8, 4),))
    assert (report["layer"].output_bytes, report["layer"].macs) == (128, 128)
    assert report["layer"].output_shape == (4,)


class Parts(nn.Module):
    """`w`, and its first two rows as another parameter."""

    def __init__(self, begin: int, end: int, uses: bool) -> None:
        super().__init__()
        whole = torch.rand(4, 4)
        self.w = nn.Parameter(whole)
        self.inner = nn.Module()
        self.inner.part = nn.Parameter(whole[begin:end])
        self.uses = uses

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.w if not self.uses else (x @ self.w)[:, :1] + x @ self.inner.part.T


@pytest.mark.parametrize("uses", [True, False], ids=["used", "not used"])
@pytest.mark.parametrize(("begin", "end"), [(0, 2), (1, 3), (2, 4)])
def test_a_parameter_in_the_memory_of_another(begin: int, end: int, uses: bool) -> None:
    """16 + 8 elements in the 64 bytes of the first; said of the second."""
    report = netscope.summary(Parts(begin, end, uses), args=(torch.rand(2, 4),))
    assert (report.params, report.param_bytes) == (24, 64)
    assert (report["inner"].params, report["inner"].param_bytes) == (8, 32)
    assert report["inner"].parameters[0].overlaps == "w"
    assert "overlaps w" in str(report)


def test_parts_side_by_side_overlap_nothing() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            flat = torch.rand(24)
            self.a = nn.Parameter(flat[:16].view(4, 4))
            self.b = nn.Parameter(flat[16:].view(2, 4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ self.a @ self.b.T

    report = netscope.summary(Flat(), args=(torch.rand(2, 4),))
    assert (report.params, report.param_bytes) == (24, 96)
    assert [p.overlaps for p in report.root.parameters] == [None, None]


def test_tied_weights_are_one() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(10, 4)
            self.head = nn.Linear(4, 10, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.head(self.embed(ids))

    report = netscope.summary(Tied(), args=(torch.tensor([1, 2]),))
    assert (report.params, report.param_bytes) == (40, 160)
    assert report["head"].parameters[0].shared_with == "embed.weight"


def test_what_changes_its_shape_in_place_stays_in_its_storage() -> None:
    """A linear layer of one sample makes a row, and takes the side of 1 away in place: 8 numbers."""
    report = netscope.summary(nn.Linear(2, 8, bias=False), args=(torch.rand(2),))
    assert (report.output_bytes, report.root.output_shape) == (32, (8,))


@pytest.mark.parametrize("change", ["unsqueeze_", "squeeze_", "transpose_", "t_", "swapaxes_", "as_strided_"])
def test_every_operator_that_changes_a_shape_in_place(change: str) -> None:
    given = {"unsqueeze_": (0,), "transpose_": (0, 1), "swapaxes_": (0, 1), "as_strided_": ((3,), (1,))}

    class Layer(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return getattr(x * 2, change)(*given.get(change, ()))

    report = netscope.summary(nn.Sequential(Layer(), nn.ReLU()), args=(torch.rand(3, 1),))
    assert [report[path].output_bytes for path in "01"] == [12, 12]
