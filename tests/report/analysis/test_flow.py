"""The data flow of small networks, every edge by hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import netscope
from netscope.base.errors import TraceError
from netscope.report.flow import MODULE, OPERATOR, Flow, Group, path_of
from netscope.report.report import Report

X = torch.randn(1, 4, 6, 6)


def flow(module: nn.Module, *args: Any) -> Flow:
    found = netscope.summary(module, args=args or (X,)).flow
    assert found is not None
    assert found.unknown == 0
    return found


def edges(group: Group) -> set[tuple[str, str]]:
    """By names; ports are "in" and "out" with their place."""
    names = [
        node.name.removeprefix("aten.").partition(".")[0] if node.kind == OPERATOR else
        node.name if node.kind == MODULE else f"{node.kind} {node.name}".strip()
        for node in group.nodes
    ]  # fmt: skip
    return {(names[edge.source], names[edge.target]) for edge in group.edges}


def paths(found: Flow, index: int = 0, around: str = "") -> Iterator[str]:
    """The names of all modules, each before those inside it."""
    for node in found.groups[index].nodes:
        if node.kind == MODULE:
            yield path_of(around, node)
            if node.inside is not None:
                yield from paths(found, node.inside, path_of(around, node))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x)) + x


def test_a_residual_reads_what_came_in() -> None:
    assert edges(flow(Residual()).groups[0]) == {
        ("input 0", "conv"), ("conv", "act"), ("act", "add"), ("input 0", "add"), ("add", "output"),
    }  # fmt: skip


def test_blocks_that_look_the_same_are_one_group_and_values_go_through_their_ports() -> None:
    found = flow(nn.Sequential(Residual(), Residual(), Residual()))
    whole, block = found.groups
    assert [node.inside for node in whole.nodes] == [None, 1, 1, 1, None]
    assert [(block.nodes[e.in_port].kind, e.in_port) for e in whole.edges if e.in_port is not None] == [
        ("input", 0)
    ] * 3
    last = len(block.nodes) - 1
    assert [edge.out_port for edge in whole.edges] == [None, last, last, last]
    assert list(paths(found)) == [
        "0", "0.conv", "0.act", "1", "1.conv", "1.act", "2", "2.conv", "2.act",
    ]  # fmt: skip


def test_a_view_is_part_of_its_edge() -> None:
    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 2, 3)
            self.fc = nn.Linear(32, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.conv(x).flatten(1))

    found = [(e.shape, e.read) for e in flow(Head()).groups[0].edges]
    assert found == [((1, 4, 6, 6), None), ((1, 2, 4, 4), (1, 32)), ((1, 3), None)]


def test_modules_that_hand_on_what_they_get_are_on_the_way() -> None:
    model = nn.Sequential(
        nn.Conv2d(4, 4, 1), nn.Identity(), nn.Flatten(), nn.Dropout(), nn.Linear(144, 2)
    ).eval()
    chain = ["input 0", "0", "1", "2", "3", "4", "output"]
    assert edges(flow(model).groups[0]) == set(pairwise(chain))


def test_a_module_hands_on_beside_other_work_what_it_got() -> None:
    class Twice(nn.Module):
        def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
            return (x * 2).relu(), mask

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = Twice(), Twice()

        def forward(self, x: Tensor) -> Tensor:
            mask = x > 0
            x, mask = self.one(x, mask)
            x, mask = self.two(x, mask)
            return x * mask

    found = flow(Net())
    assert edges(found.groups[0]) == {
        ("input 0", "gt"), ("input 0", "one"), ("gt", "one"), ("one", "two"), ("two", "mul"),
        ("mul", "output"),
    }  # fmt: skip
    assert {("input 0", "mul"), ("mul", "relu"), ("relu", "output 0"), ("input 1", "output 1")} == edges(
        found.groups[1]
    )


def test_what_nobody_reads_does_not_come_in() -> None:
    class Ignores(nn.Module):
        def forward(self, x: Tensor, spare: Tensor) -> tuple[Tensor, Tensor]:
            return (x * 2).relu(), spare

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = Ignores()

        def forward(self, x: Tensor) -> Tensor:
            return self.one(x, x + 1)[0]

    found = flow(Net())
    assert edges(found.groups[0]) == {("input 0", "add"), ("input 0", "one"), ("one", "output")}


def test_a_write_in_place_is_what_later_reads_read() -> None:
    class Writes(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = x.exp()
            y[:, :1].zero_()
            z = y.sum()
            y.mul_(2)
            return y + z

    assert edges(flow(Writes()).groups[0]) == {
        ("input 0", "exp"), ("exp", "zero_"), ("zero_", "sum"), ("zero_", "mul_"), ("mul_", "add"),
        ("sum", "add"), ("add", "output"),
    }  # fmt: skip


def test_what_a_list_is_added_to_is_written_and_what_is_added_is_not() -> None:
    class Lists(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            a, b = x.exp(), x.sin()
            torch._foreach_add_([a], [b])
            return a.abs() * b

    assert edges(flow(Lists()).groups[0]) == {
        ("input 0", "exp"), ("input 0", "sin"), ("exp", "_foreach_add_"), ("sin", "_foreach_add_"),
        ("_foreach_add_", "abs"), ("abs", "mul"), ("sin", "mul"), ("mul", "output"),
    }  # fmt: skip


def test_a_shared_layer_is_a_node_for_each_call() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(self.conv(x))

    group = flow(Shared()).groups[0]
    assert [node.name for node in group.nodes if node.kind == MODULE] == ["conv", "conv"]
    assert [(edge.source, edge.target) for edge in group.edges] == [(0, 1), (1, 2), (2, 3)]


def test_a_module_that_belongs_elsewhere_has_its_whole_name() -> None:
    class Borrows(nn.Module):
        def __init__(self, other: nn.Module) -> None:
            super().__init__()
            self.others = [other]

        def forward(self, x: Tensor) -> Tensor:
            return self.others[0](x) + 1

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tail = nn.Conv2d(4, 4, 1)
            self.head = Borrows(self.tail)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(x)

    found = flow(Net())
    inner = found.groups[1]
    assert [(node.name, node.elsewhere) for node in inner.nodes if node.kind == MODULE] == [("tail", True)]
    assert list(paths(found)) == ["head", "tail"]


def test_operators_have_their_costs() -> None:
    class Product(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x @ x.mT).sort().values

    nodes = [node for node in flow(Product()).groups[0].nodes if node.kind == OPERATOR]
    assert nodes[0].macs == 4 * 6 * 6 * 6


def test_a_failed_forward_has_the_flow_up_to_there() -> None:
    model = nn.Sequential(nn.Conv2d(4, 8, 1), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.ReLU())
    with pytest.raises(TraceError) as caught:
        netscope.summary(model, args=(X,))
    report = caught.value.report
    assert isinstance(report, Report)
    assert report.flow is not None
    assert edges(report.flow.groups[0]) == {("input 0", "0"), ("0", "1"), ("1", "2")}


def test_all_rungs_tell_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    class ByValue(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(Residual(), Residual())

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x) if float(x.sum()) < 1e9 else x

    real = netscope.summary(ByValue(), args=(X,))
    meta = netscope.summary(nn.Sequential(Residual(), Residual()), args=(X,))
    assert (real.rung, meta.rung) == ("real", "meta")
    assert real.flow is not None
    assert meta.flow is not None
    assert real.flow.groups[-1].edges == meta.flow.groups[0].edges


def test_a_write_in_place_ends_what_was_handed_on() -> None:
    class Writes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.same = nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            y = self.same(x.exp())
            y.mul_(2)
            return y.sum()

    assert edges(flow(Writes()).groups[0]) == {
        ("input 0", "exp"), ("exp", "same"), ("same", "mul_"), ("mul_", "sum"), ("sum", "output"),
    }  # fmt: skip


def test_a_view_of_what_was_handed_on_comes_from_there() -> None:
    class Views(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.flat = nn.Flatten(1)

        def forward(self, x: Tensor) -> Tensor:
            return self.flat(x.exp()).unsqueeze(0).sum(2)

    assert edges(flow(Views()).groups[0]) == {
        ("input 0", "exp"), ("exp", "flat"), ("flat", "sum"), ("sum", "output"),
    }  # fmt: skip


def test_results_of_one_operator_have_a_port_each() -> None:
    class Best(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            values, places = (x * 2).max(1)
            return values, places

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.best = Best()

        def forward(self, x: Tensor) -> Tensor:
            values, places = self.best(x)
            return torch.where(places > 0, values, 0.0)

    whole, best = flow(Net()).groups
    outputs = [place for place, node in enumerate(best.nodes) if node.kind == "output"]
    assert [best.nodes[place].name for place in outputs] == ["1", "0"]
    left = {edge.out_port: edge.dtype for edge in whole.edges if edge.out_port is not None}
    assert left == {outputs[0]: "int64", outputs[1]: "float32"}
