"""Large tensors that a constructor makes by itself take no memory; small ones, and all it reads, are real."""

from __future__ import annotations

import copy
import io
import sys
import threading
from collections.abc import Callable

import numpy
import pytest
import torch
from torch import nn

import netscope
from netscope.base.meta.building import build
from netscope.base.meta.twins import LARGE_BUFFER

# A petabyte each: were one of them made for real, torch would refuse.
HUGE = (2**16, 2**16, 2**16)
ROW = 2**48

FACTORIES: dict[str, Callable[[], torch.Tensor]] = {
    "zeros": lambda: torch.zeros(*HUGE),
    "zeros of a list": lambda: torch.zeros(list(HUGE), dtype=torch.float16),
    "size by name": lambda: torch.ones(size=HUGE),
    "rand": lambda: torch.rand(HUGE),
    "randn with a generator": lambda: torch.randn(HUGE, generator=torch.Generator().manual_seed(1)),
    "randint": lambda: torch.randint(0, 9, HUGE).float(),
    "normal": lambda: torch.normal(0.0, 1.0, HUGE),
    "full": lambda: torch.full(HUGE, 0.5),
    "empty": lambda: torch.empty(HUGE).uniform_(-1, 1),
    "eye": lambda: torch.eye(2**24),
    "arange": lambda: torch.arange(ROW, dtype=torch.float32),
    "arange by a step": lambda: torch.arange(0, 2**20, 2**-28),
    "linspace": lambda: torch.linspace(0, 1, ROW),
    "on the processor": lambda: torch.zeros(HUGE, device="cpu"),
    "new_zeros": lambda: torch.zeros(2).new_zeros(HUGE),
    "scaled": lambda: torch.randn(HUGE) / HUGE[1] ** 0.5,
    "like": lambda: torch.randn_like(torch.zeros(HUGE)),
    "masked": lambda: torch.full((2**24, 2**24), float("-inf")).triu(1),
    "with a small real one": lambda: torch.ones(HUGE) * torch.arange(2**16),
    "a small real one first": lambda: torch.arange(2**16) + torch.ones(HUGE),
    "filled by slices": lambda: _filled(torch.zeros(ROW, 2)),
    "stacked": lambda: torch.stack([torch.zeros(HUGE), torch.ones(HUGE)]),
    "to the processor": lambda: torch.zeros(HUGE).to("cpu").cpu(),
}


def _filled(table: torch.Tensor) -> torch.Tensor:
    table[:4, 0] = torch.sin(torch.arange(4))
    return table


class Holding(nn.Module):
    """One parameter and one buffer, of what is made."""

    def __init__(self, make: Callable[[], torch.Tensor]) -> None:
        super().__init__()
        self.weight = nn.Parameter(make())
        self.register_buffer("table", make())
        self.kept = make()


@pytest.mark.parametrize("make", FACTORIES.values(), ids=FACTORIES)
def test_a_petabyte_is_built_in_no_time(make: Callable[[], torch.Tensor]):
    built = build(lambda: Holding(make))
    assert type(built.weight) is nn.Parameter
    assert (type(built.table), type(built.kept)) == (torch.Tensor, torch.Tensor)
    for made in (built.weight, built.table, built.kept):
        assert made.is_meta
        assert made.numel() >= ROW or made.shape == (2**24, 2**24)
        assert "_is_param" not in made.__dict__
    assert built.weight.requires_grad
    assert isinstance(built.weight * 2, torch.Tensor)


def test_shapes_and_dtypes_are_those_of_real_ones():
    for name, make, want in (
        ("randn", lambda: torch.randn(3, 2**21), (3, 2**21)),
        ("eye", lambda: torch.eye(2**11, 2**11 + 1), (2**11, 2**11 + 1)),
        ("arange", lambda: torch.arange(5, 2**20, 1), (2**20 - 5,)),
        ("linspace", lambda: torch.linspace(0, 1, steps=2**21), (2**21,)),
        ("half", lambda: torch.ones(2**22, dtype=torch.half), (2**22,)),
    ):
        kept = {}
        build(lambda kept=kept, make=make: kept.setdefault("made", make()) is None or nn.Module())
        made, real = kept["made"], make()
        assert made.is_meta, name
        assert (tuple(made.shape), made.dtype, made.stride()) == (want, real.dtype, real.stride()), name


def test_an_expert_in_one_tensor_takes_no_memory():
    class Experts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = nn.Parameter(torch.zeros(16, 5120, 16384))

    def peak() -> int:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    build(lambda: nn.Linear(2, 2))
    before = peak()
    assert build(Experts).up.numel() == 16 * 5120 * 16384
    assert (peak() - before) * (1 if sys.platform == "darwin" else 1024) < 100e6


def test_small_ones_are_real():
    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inverse = 1 / 10000 ** (torch.arange(0, 64, 2) / 64)
            self.edge = torch.zeros(LARGE_BUFFER // 4)
            self.register_buffer("steps", torch.linspace(0, 1, 5))

    built = build(Small)
    assert built.inverse[0] == 1
    assert not built.edge.is_meta
    assert built.steps.tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_other_threads_get_real_ones():
    seen = []

    def factory() -> nn.Module:
        other = threading.Thread(target=lambda: seen.append(torch.zeros(LARGE_BUFFER)))
        other.start()
        other.join()
        return nn.Module()

    build(factory)
    assert not seen[0].is_meta
    assert type(torch.zeros(LARGE_BUFFER)) is torch.Tensor


def test_copies_are_of_their_kind():
    class Copied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kept = torch.zeros(HUGE)
            self.same = copy.deepcopy([self.kept, self.kept])
            self.weight = copy.deepcopy(nn.Parameter(torch.zeros(HUGE), requires_grad=False))
            self.layers = nn.ModuleList(copy.deepcopy(Holding(lambda: torch.ones(HUGE))) for _ in range(2))

    built = build(Copied)
    assert built.same[0] is built.same[1] is not built.kept
    assert type(built.same[0]) is torch.Tensor
    assert type(built.weight) is nn.Parameter
    assert not built.weight.requires_grad
    assert len({id(parameter) for parameter in built.parameters()}) == 3
    assert all(parameter.is_meta for parameter in built.parameters())


def test_a_constructor_goes_the_way_of_a_real_one():
    def factory() -> nn.Module:
        made = torch.ones(HUGE)
        assert made.device.type == "cpu"
        assert made.type() == "torch.FloatTensor"
        assert torch.arange(3, device=made.device).tolist() == [0, 1, 2]
        module = nn.Linear(2, 2)
        module.made = made.to(made.device)
        return module

    assert build(factory).made.device.type == "meta"


# A constructor that reads what it made is given it, whether or not it would go on without.

READS: dict[str, Callable[[torch.Tensor], int]] = {
    "item": lambda t: int(t.sum().item()),
    "int": lambda t: int(t.sum()),
    "bool": lambda t: 2**21 if (t > 0).all() else 3,
    "list": lambda t: sum(t[:2].tolist()) * 2**20,
    "numpy": lambda t: int(t.numpy().sum()),
    "nonzero": lambda t: len(t.nonzero()),
    "a slice into a small one": lambda t: int(torch.zeros(2).copy_(t[:2]).sum()) * 2**20,
    "a slice set in a small one": lambda t: int(_set(t)) * 2**20,
    "a file": lambda t: int(_written(t).sum()),
    "equal": lambda t: 2**21 if torch.equal(t, torch.ones(2**21)) else 4,
}


def _written(source: torch.Tensor) -> torch.Tensor:
    file = io.BytesIO()
    torch.save(source, file)
    file.seek(0)
    made: torch.Tensor = torch.load(file)
    return made


def _set(source: torch.Tensor) -> torch.Tensor:
    small = torch.zeros(2)
    small[:] = source[:2]
    return small.sum()


@pytest.mark.parametrize("swallows", [False, True])
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_what_is_read_is_real(read: Callable[[torch.Tensor], int], swallows: bool):
    def factory() -> nn.Module:
        table = torch.ones(2**21, dtype=torch.int32)
        try:
            width = read(table)
        except Exception:
            if not swallows:
                raise
            width = 5
        module = nn.Linear(2, 2)
        module.width = width
        return module

    built = build(factory)
    assert built.width == 2**21
    assert built.weight.is_meta  # which is no reason to make the weights for real


@pytest.mark.parametrize("swallows", [False, True])
def test_a_width_that_a_forward_tells_is_the_right_one(swallows: bool):
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Conv2d(3, 8, 3)
            try:
                width = self.features(torch.zeros(1, 3, 8, 8)).flatten(1).shape[1]
            except Exception:
                if not swallows:
                    raise
                width = 10
            self.head = nn.Linear(width, 2)

    assert build(Net).head.in_features == 8 * 6 * 6


@pytest.mark.parametrize("swallows", [False, True])
def test_a_weight_that_is_read_is_real(swallows: bool):
    def factory() -> nn.Module:
        module = nn.Linear(2, 2)
        try:
            module.scale = float(module.weight.abs().max())
        except Exception:
            if not swallows:
                raise
            module.scale = -1.0
        return module

    assert build(factory).scale > 0


def test_weights_from_numpy_and_traced_layers():
    def from_numpy() -> nn.Module:
        module = nn.Linear(4, 4)
        module.weight.data = torch.from_numpy(numpy.eye(4, dtype=numpy.float32))
        return module

    def of_arrays() -> nn.Module:
        module = nn.Linear(4, 4)
        module.weight = nn.Parameter(torch.from_numpy(numpy.ones((4, 4), numpy.float32)) * 2)
        module.register_buffer("scale", torch.from_numpy(numpy.arange(4.0)))
        return module

    def traced() -> nn.Module:
        return nn.Sequential(torch.jit.trace(nn.Linear(4, 4), torch.zeros(2, 4)), nn.Linear(4, 4))

    def copied() -> nn.Module:
        module = nn.Linear(4, 4)
        module.weight.data.copy_(torch.from_numpy(numpy.eye(4, dtype=numpy.float32)))
        return module

    for factory, macs in ((from_numpy, 32), (of_arrays, 32), (traced, 64), (copied, 32)):
        module = build(factory)
        assert netscope.summary(module, args=(torch.zeros(2, 4),)).macs == macs, factory.__name__
    assert build(of_arrays).scale.tolist() == [0, 1, 2, 3]


def test_nothing_is_allocated_on_the_way_to_a_report(tmp_path):
    (tmp_path / "experts.py").write_text(
        "import torch\n"
        "from torch import nn\n"
        "class Experts(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.up = nn.Parameter(torch.rand(2**20, 4, 2**20) * 0.02)\n"
        "        self.n = torch.tensor(3)\n"
        "    def forward(self, x):\n"
        "        return x @ self.up[int(self.n)]\n"
        "def net():\n"
        "    return Experts(), (torch.zeros(2, 4),)\n"
    )
    report = netscope.summary(f"{tmp_path / 'experts.py'}:net")
    assert (report.rung, report.params, report.macs) == ("meta", 2**42, 2 * 4 * 2**20)
