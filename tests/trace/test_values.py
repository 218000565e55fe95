"""Small values that a forward asks for are had on meta, and are the ones that its owner's forward finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import netscope
from netscope.base.cost import VectorOps
from netscope.base.workload import TensorSpec, Workload
from netscope.trace import record

GLOBAL = torch.tensor(2)


class Net(nn.Module):
    """A Linear(4, 4), a forward that is given, and buffers and attributes."""

    def __init__(self, run: Callable[..., Any], **held: Any) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.run = run
        for name, value in held.items():
            if isinstance(value, torch.Tensor):
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def forward(self, x: torch.Tensor) -> Any:
        return self.run(self, x)


def counts(net: Net, x: torch.Tensor) -> Any:
    """Another branch at every second call."""
    net.n += 1
    return net.layer(x) if int(net.n) % 2 else net.layer(net.layer(x))


def through_a_view(net: Net, x: torch.Tensor) -> Any:
    net.places[0].fill_(1)
    net.places[1:].mul_(2)
    return net.layer(x[: int(net.places.sum())])


def by_out(net: Net, x: torch.Tensor) -> Any:
    torch.add(net.n, 1, out=net.n)
    return net.layer(x[: int(net.n)])


def globally(net: Net, x: torch.Tensor) -> Any:
    GLOBAL.add_(1)
    return net.layer(x[: int(GLOBAL)])


def by_copy(net: Net, x: torch.Tensor) -> Any:
    net.n.copy_(torch.tensor(3))
    return net.layer(x[: int(net.n)])


def by_numpy(net: Net, x: torch.Tensor) -> Any:
    net.n.numpy()[...] = 1
    return net.layer(x[: int(net.n)])


def given_data(net: Net, x: torch.Tensor) -> Any:
    """What is written there is data, and then read."""
    net.n.copy_((x > -1).sum())
    return net.layer(x[: int(net.n) // 8])


def scratch(net: Net, x: torch.Tensor) -> Any:
    mask = torch.zeros(4, dtype=torch.bool)
    mask[1:3] = True
    return net.layer(x)[: int(mask.sum())] if mask.any() else x


ROW = 4 * 4
CASES: dict[str, tuple[Net, int, str]] = {
    "int": (Net(lambda net, x: net.layer(x[: int(net.n)]), n=torch.tensor(3)), 3 * ROW, "meta"),
    "item": (Net(lambda net, x: net.layer(x[: net.n.item()]), n=torch.tensor(3)), 3 * ROW, "meta"),
    "a plain attribute": (
        Net(lambda net, x: net.layer(x[: int(net.kept[0])]), kept=[torch.tensor(2)]),
        2 * ROW,
        "meta",
    ),
    "computed from it": (
        Net(lambda net, x: net.layer(x[: int((net.n * 2 - 1).max())]), n=torch.tensor([1, 2])),
        3 * ROW,
        "meta",
    ),
    "a threshold": (
        Net(lambda net, x: net.layer(x) if net.p > 0.5 else net.layer(x[:1]), p=torch.tensor(0.75)),
        8 * ROW,
        "meta",
    ),
    "a mask": (
        Net(lambda net, x: net.layer(x[net.mask]), mask=torch.tensor([True, False] * 4)),
        4 * ROW,
        "meta",
    ),
    "another mask of the same shape": (
        Net(
            lambda net, x: net.layer(x[net.mask]) + net.layer(x[~net.mask]).sum(),
            mask=torch.tensor([True] + [False] * 7),
        ),
        8 * ROW,
        "meta",
    ),
    "places": (
        Net(lambda net, x: net.layer(x[net.mask.nonzero()[:, 0]]), mask=torch.tensor([1, 0, 0, 1] * 2)),
        4 * ROW,
        "meta",
    ),
    "counted": (Net(counts, n=torch.tensor(1)), 2 * 8 * ROW, "meta"),
    "through a view": (Net(through_a_view, places=torch.tensor([0, 1, 2])), 7 * ROW, "meta"),
    "by out": (Net(by_out, n=torch.tensor(2)), 3 * ROW, "any"),
    "by copy": (Net(by_copy, n=torch.tensor(2)), 3 * ROW, "meta"),
    "by numpy": (Net(by_numpy, n=torch.tensor(2)), ROW, "meta"),
    "of a global": (Net(globally), 3 * ROW, "any"),
    "given data": (Net(given_data, n=torch.tensor(2)), 4 * ROW, "real"),
    "a scratch of its own": (Net(scratch), 8 * ROW, "meta"),
    "weights are not kept": (
        Net(lambda net, x: net.layer(x) if net.layer.bias[0] > 9 else net.layer(x[:1])),
        ROW,
        "real",
    ),
}


@pytest.mark.parametrize(("net", "macs", "rung"), CASES.values(), ids=CASES)
def test_the_branch_is_the_owners(net: Net, macs: int, rung: str):
    x = torch.rand(8, 4)
    before = {name: value.clone() for name, value in net.named_buffers()}
    for _ in range(2):  # nothing is left of the first
        report = netscope.summary(net, args=(x,))
        assert report.macs == macs
        assert rung in ("any", report.rung)
    assert all(torch.equal(value, before[name]) for name, value in net.named_buffers())
    assert int(GLOBAL) == 2


@pytest.mark.parametrize("net", [net for net, _, rung in CASES.values() if rung == "meta"])
def test_rows_and_figures_are_those_of_real_tensors(net: Net):
    traces = [record(Workload("net", net, (torch.rand(8, 4),)), ladder=(rung,)) for rung in ("meta", "real")]
    calls = [[(c.path, c.inputs, c.outputs) for c in trace.calls] for trace in traces]
    macs = [[(op.operator.name, op.operator.outputs) for op in trace.ops] for trace in traces]
    assert [[(p, [v.spec for v in i], [v.spec for v in o]) for p, i, o in one] for one in calls][:1] == [
        [(p, [v.spec for v in i], [v.spec for v in o]) for p, i, o in calls[1]]
    ]
    assert macs[0] == macs[1]


def test_arguments_that_choose_have_their_values():
    class Grid(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor, grid: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
            parts = x.split(grid.prod(-1).tolist())
            return torch.cat([self.layer(part) for part in parts])[keep]

    args = torch.rand(10, 4), torch.tensor([[2, 2], [3, 2]]), torch.tensor([True] * 3 + [False] * 7)
    report = netscope.summary(Grid(), args=args)
    assert (report.rung, report.macs, report["layer"].calls) == ("meta", 10 * ROW, 2)
    assert report.root.output_shape == (3, 4)


def shapes_by_index(net: Net, x: torch.Tensor) -> Any:
    sizes = torch.empty((2, 2), dtype=torch.long, device=x.device)
    for level in range(2):
        sizes[level, 0], sizes[level, 1] = 1, level + 1
    return net.layer(x[: int(sizes.prod(1).sum())])


def all_ones(net: Net, x: torch.Tensor) -> Any:
    mask = torch.ones((1, 640, 640), device=x.device)
    return net.layer(x[:2]) if mask.bool().all() else net.layer(x)


def of_its_kind(net: Net, x: torch.Tensor) -> Any:
    hidden = net.layer(x)
    ones = x.new_ones(3, dtype=torch.long) + torch.ones_like(hidden, dtype=torch.bool)[0, :3]
    ones = ones + hidden.new_full((3,), 2, dtype=torch.int32)
    return net.layer(hidden[: int(ones.sum()) // 6])


def of_two_kinds(net: Net, x: torch.Tensor) -> Any:
    table = torch.arange(1024).reshape(2, 512)
    kept = torch.minimum(table, table.to(torch.float32)) * (table < 2)
    return net.layer(x[: int(kept.sum()) + 1])


@pytest.mark.parametrize(
    ("run", "rows"), [(shapes_by_index, 3), (all_ones, 2), (of_its_kind, 8 + 2), (of_two_kinds, 2)]
)
def test_what_is_made_of_numbers_alone_is_known(run: Callable[..., Any], rows: int):
    report = netscope.summary(Net(run), args=(torch.rand(8, 4),))
    assert (report.rung, report.macs) == ("meta", rows * ROW)


def test_token_ids_of_a_size_are_those_of_the_real_rung():
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(8, 4)
            self.layer = nn.Linear(4, 4)

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            x = self.layer(self.table(ids[ids > 3]))
            return x if mask.all() else self.layer(x)

    specs = TensorSpec((2, 9), "int64"), TensorSpec((2, 9), "bool")
    meta, real = (record(Workload("words", Words(), specs), ladder=(rung,)) for rung in ("meta", "real"))
    assert meta.outputs == real.outputs
    assert [op.operator.name for op in meta.ops] == [op.operator.name for op in real.ops]


def test_large_ones_have_none():
    net = Net(lambda net, x: net.layer(x[: int(net.n[0])]), n=torch.full((2**17,), 2))
    report = netscope.summary(net, args=(torch.rand(8, 4),))
    assert (report.rung, report.macs) == ("real", 2 * ROW)


def test_what_an_index_makes_is_bounded_by_it():
    net = Net(
        lambda net, x: net.layer(x[: int(net.table[net.places].sum())]),
        table=torch.arange(1024) % 2,
        places=torch.arange(0, 1024, 512) + 1,
    )
    report = netscope.summary(net, args=(torch.rand(8, 4),))
    assert (report.rung, report.macs) == ("meta", 2 * ROW)


def test_a_constant_of_numbers_is_no_work_of_another_thread() -> None:
    """`new_tensor` makes a tensor as `torch.tensor` does, and torch takes it to meta unseen."""

    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            scale = x.new_tensor([1.0, 2.0])
            return x * scale if float(scale.sum()) == 3 else x

    report = netscope.summary(Net(), args=(torch.rand(2, 2),))
    assert (report.rung, report.root.unseen, report.vector) == ("meta", {}, VectorOps(mul=4, add=1))
