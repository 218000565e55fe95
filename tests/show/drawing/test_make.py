from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import netscope
from netscope.report.flow import Flow, FlowEdge, FlowNode, Group
from netscope.report.layer import Layer
from netscope.report.report import Report
from netscope.show.drawing.blocks import in_blocks
from netscope.show.drawing.drawing import Drawing
from netscope.show.drawing.make import drawing_of, opened_of, opened_to
from netscope.show.drawing.place import path_in


def none(index: int | None) -> int:
    """Of data flows as of drawings: -1 for none."""
    return -1 if index is None else index


class Leaves:
    """The innermost nodes of a network in order, and who reads whom, through all ports."""

    def __init__(self, groups: Sequence[Any]) -> None:
        self.groups = groups
        self.names: list[str] = []
        self.edges: Counter[tuple[int, int]] = Counter()
        self.enter(0, {})

    def enter(self, index: int, came: dict[int, list[int]]) -> dict[int, list[int]]:
        """The makers of what each output gives, with the makers of what each input has."""
        group = self.groups[index]
        reads: dict[int, list[Any]] = {}
        for edge in group.edges:
            reads.setdefault(edge.target, []).append(edge)
        gave: dict[tuple[int, int], list[int]] = {}
        left: dict[int, list[int]] = {}
        for number, node in enumerate(group.nodes):
            whole = index == 0 and node.kind in ("input", "output")
            if node.kind == "input" and not whole:
                gave[number, -1] = came.get(number, [])
                continue
            read = [(edge, gave[edge.source, none(edge.out_port)]) for edge in reads.get(number, [])]
            if node.kind == "output" and not whole:
                left[number] = [maker for _, makers in read for maker in makers]
            elif none(node.inside) >= 0:
                into: dict[int, list[int]] = {}
                for edge, makers in read:
                    port = none(edge.in_port)
                    into[port] = [*into.get(port, []), *makers]
                gave |= {(number, port): makers for port, makers in self.enter(node.inside, into).items()}
            else:
                self.names.append(node.kind)
                for _, makers in read:
                    self.edges.update([(maker, len(self.names) - 1) for maker in makers])
                gave[number, -1] = [len(self.names) - 1]
        return left


def assert_whole(report: Report) -> Drawing:
    """The drawing, which has the same innermost nodes with the same edges as the data flow."""
    drawn = drawing_of(report)
    assert drawn is not None
    assert report.flow is not None
    flow, drawing = Leaves(report.flow.groups), Leaves(drawn.groups)
    assert drawing.names == flow.names
    assert set(drawing.edges) == set(flow.edges)
    for group in drawn.groups:
        for edge in group.edges:
            passed = group.nodes[edge.target].rank - group.nodes[edge.source].rank - 1
            assert passed >= 0
            assert len(edge.bends) in (0, passed)
        taken = Counter((node.rank, node.x) for node in group.nodes)
        assert max(taken.values(), default=1) == 1
    return drawn


def traced(model: nn.Module, *sizes: int) -> Report:
    return netscope.summary(model, args=(torch.zeros(*sizes),))


def named(drawing: Drawing, index: int = 0) -> list[tuple[str, str, int]]:
    """(kind, label, times) of the boxes of a group, without ports."""
    nodes = drawing.groups[index].nodes
    return [(node.kind, node.label, node.times) for node in nodes if node.kind not in ("input", "output")]


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.down(torch.relu(self.up(self.norm(x))))


class Decoder(nn.Module):
    def __init__(self, blocks: int = 6) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 8)
        self.layers = nn.ModuleList([Residual(8) for _ in range(blocks)])
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        for layer in self.layers:
            x = layer(x)
        return self.head(x)


def test_identical_blocks_are_a_run() -> None:
    drawn = assert_whole(traced(Decoder(), 1, 8))
    assert named(drawn) == [("module", "embed", 1), ("run", "layers.0-5", 6), ("module", "head", 1)]
    run = drawn.groups[0].nodes[2]
    assert run.below == "Residual"
    assert run.path == ""
    assert [label for _, label, _ in named(drawn, run.inside)] == [f"layers.{n}" for n in range(6)]
    # All six open into one group.
    copies = {node.inside for node in drawn.groups[run.inside].nodes if node.kind == "module"}
    assert len(copies) == 1
    assert [label for _, label, _ in named(drawn, copies.pop())] == ["norm", "up", "relu", "down", "add"]


class Flat(nn.Module):
    """Blocks that are no modules."""

    def __init__(self, pattern: str = "{0}") -> None:
        super().__init__()
        self.times = 4
        for number in range(self.times):
            at = pattern.format(number)
            holder = self
            if "." in at:
                holder = nn.Module()
                self.add_module(at.split(".")[0], holder)
                at = at.split(".")[1]
            holder.add_module(f"conv{at}", nn.Conv2d(4, 4, 3, padding=1))
            holder.add_module(f"bn{at}", nn.BatchNorm2d(4))
        self.pattern = pattern

    def forward(self, x: Tensor) -> Tensor:
        for number in range(self.times):
            at = self.pattern.format(number)
            around, _, last = at.rpartition(".")
            holder = self.get_submodule(around)
            conv, bn = holder.get_submodule(f"conv{last}"), holder.get_submodule(f"bn{last}")
            x = x + torch.relu(bn(conv(x)))
        return x


def test_copies_of_several_nodes() -> None:
    drawn = assert_whole(traced(Flat(), 1, 4, 8, 8))
    ((kind, label, times),) = named(drawn)
    assert (kind, label, times) == ("run", "conv0…bn3", 4)
    run = next(node for node in drawn.groups[0].nodes if node.kind == "run")
    copies = named(drawn, run.inside)
    assert copies == [("module", f"{n} of 4", 1) for n in range(1, 5)]
    inside = [node.inside for node in drawn.groups[run.inside].nodes if node.kind == "module"]
    assert [label for _, label, _ in named(drawn, inside[1])] == ["conv1", "bn1", "relu", "add"]


def test_copies_of_several_nodes_have_the_name_in_common() -> None:
    drawn = assert_whole(traced(Flat("stage{0}."), 1, 4, 8, 8))
    assert named(drawn) == [("run", "stage0-3", 4)]
    run = next(node for node in drawn.groups[0].nodes if node.kind == "run")
    copies = [node for node in drawn.groups[run.inside].nodes if node.kind == "module"]
    assert [(node.label, node.path) for node in copies] == [(f"stage{n}", f"stage{n}") for n in range(4)]
    assert len({node.inside for node in copies}) == 1
    assert [node.path for node in drawn.groups[copies[0].inside].nodes if node.path] == ["conv", "bn"]


def test_layers_of_other_sizes_are_no_copies() -> None:
    model = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 5, padding=2), nn.Conv2d(4, 4, 1))
    assert [kind for kind, _, _ in named(assert_whole(traced(model, 1, 4, 8, 8)))] == ["module"] * 3


class Loop(nn.Module):
    """A cell that is called step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(4, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        state = torch.zeros(1, 4)
        states = []
        for step in range(5):
            state = self.cell(x[:, step], state)
            states.append(state)
        return torch.stack(states), state


def test_steps_of_a_loop() -> None:
    drawn = assert_whole(traced(Loop(), 1, 5, 4))
    assert ("run", "cell", 5) in named(drawn)
    run = next(node for node in drawn.groups[0].nodes if node.kind == "run")
    marks = [node.marks for node in drawn.groups[run.inside].nodes if node.kind == "module"]
    assert marks[1] == ("call 2 of 5",)


class Detector(nn.Module):
    """Much work of its own behind a module, no two steps alike."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 4)
        self.last = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.head(x)
        found = []
        for step in range(30):
            found.append(x[:, : 1 + step % 4].exp().sum() * x.mean())
            x = x * found[-1] if step % 7 else x + found[-1]
        return self.last(x + torch.stack(found).max())


def test_long_stretches_of_operators_are_a_box() -> None:
    drawn = assert_whole(traced(Detector(), 1, 4))
    (_, head, _), (kind, label, _), (_, last, _) = named(drawn)
    assert (head, kind, last) == ("head", "module", "last")
    number = int(label.removesuffix(" operators"))
    stretch = next(node for node in drawn.groups[0].nodes if node.label == label)
    assert (len(named(drawn, stretch.inside)), stretch.path) == (number, "")
    assert number > 100
    assert drawn.opened == frozenset()
    # A module without modules inside keeps its operators: they are all that is there to see.
    alone = assert_whole(traced(nn.Sequential(Operators()), 1, 4))
    assert len(named(alone, alone.groups[0].nodes[1].inside)) > 100


class Operators(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        chance = random.Random(0)
        for _ in range(120):
            x = chance.choice([torch.exp, torch.sin, torch.cos, torch.tanh, torch.sigmoid])(x)
        return x


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.tied = nn.Linear(4, 4)
        self.tied.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.first(torch.relu(self.first(x))) + self.tied(x)


def test_marks() -> None:
    drawn = assert_whole(traced(Twice(), 1, 4))
    marks = {(node.label, node.marks) for node in drawn.groups[0].nodes if node.kind == "module"}
    assert ("first", ("call 1 of 2",)) in marks
    assert ("first", ("call 2 of 2",)) in marks


def test_sizes_of_boxes() -> None:
    drawn = assert_whole(traced(Decoder(), 1, 8))
    boxes = {node.label: node for node in drawn.groups[0].nodes}
    assert (boxes["head"].width, boxes["head"].height) == (7 * len("Linear") + 22, 40)
    assert boxes["layers.0-5"].width == 7 * len("layers.0-5 ×6") + 22
    run = boxes["layers.0-5"]
    inner = drawn.groups[drawn.groups[run.inside].nodes[1].inside].nodes
    sizes = [(node.width, node.height) for node in inner if node.kind != "module"]
    assert sizes == [(10, 10), (56, 24), (56, 24), (10, 10)]


def test_shapes_are_written_without_the_samples() -> None:
    drawn = assert_whole(traced(nn.Sequential(nn.Flatten(), nn.Linear(12, 5)), 2, 3, 2, 2))
    assert [edge.text for edge in drawn.groups[0].edges] == ["3×2×2", "12", "5"]


class Mixed(nn.Module):
    """What comes in has no samples, though it begins with the same size."""

    def forward(self, images: list[Tensor]) -> tuple[Tensor, Tensor]:
        return images[0].flatten(1).exp(), torch.zeros(7) + images[0].sum()


def test_shapes_are_written_whole_where_nobody_knows_of_samples() -> None:
    drawn = assert_whole(netscope.summary(Mixed(), args=([torch.zeros(3, 8, 8)],)))
    ends = [node for node in drawn.groups[0].nodes if node.kind in ("input", "output")]
    assert [(node.label, node.below) for node in ends] == [
        ("input", "3×8×8"), ("output 0", "3×64"), ("output 1", "7"),
    ]  # fmt: skip


def test_a_report_without_its_flow_has_no_drawing() -> None:
    assert drawing_of(replace(traced(Decoder(1), 1, 8), flow=None)) is None


def test_values_are_those_of_the_rows() -> None:
    report = traced(Decoder(2), 1, 8)
    drawn = assert_whole(report)
    assert list(drawn.values) == ["macs", "params", "output_bytes"]
    assert drawn.values["params"][""] == report.params
    assert drawn.values["macs"]["layers.1"] == 2 * 8 * 32
    assert drawn.failed is None


class Fails(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.good = nn.Linear(4, 4)
        self.bad = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.bad(self.good(x))


def test_a_forward_that_failed_is_drawn_up_to_there() -> None:
    with pytest.raises(netscope.TraceError) as caught:
        traced(Fails(), 1, 4)
    assert caught.value.report is not None
    drawn = drawing_of(caught.value.report)
    assert drawn is not None
    assert drawn.failed == "bad"
    assert "good" in [label for _, label, _ in named(drawn)]


def test_boxes_are_open_at_first_level_by_level() -> None:
    drawn = assert_whole(traced(nn.Sequential(nn.Sequential(Residual(8)), Residual(8)), 1, 8))
    assert drawn.opened == {(1,), (2,), (1, 1)}
    assert opened_of(drawn.groups, most=4) == frozenset()
    assert opened_to(drawn.groups, 1) == {(1,), (2,)}
    assert opened_to(drawn.groups, 0) == frozenset()


def test_runs_are_closed_at_first_and_hold_one_copy_on_paper() -> None:
    drawn = assert_whole(traced(Decoder(), 1, 8))
    assert drawn.opened == frozenset()
    paper = in_blocks(drawn)
    run = paper.groups[0].nodes[2]
    assert (run.kind, run.times, run.path) == ("run", 6, "layers.0")
    inner = paper.groups[run.inside].nodes
    assert [node.label for node in inner if node.kind == "module"] == ["norm", "up", "down"]
    assert path_in(path_in("", run), inner[1]) == "layers.0.norm"
    into, out = (edge for edge in paper.groups[0].edges if 2 in (edge.source, edge.target))
    assert inner[into.in_port].kind == "input"
    assert inner[out.out_port].kind == "output"


@pytest.mark.parametrize(
    "name", ["torchvision/resnet18", "torchvision/googlenet", "alexnet", "torchvision/vit_b_16"]
)
def test_known_networks(name: str) -> None:
    assert_whole(netscope.summary(name))


@pytest.mark.drawn
@pytest.mark.parametrize("seed", range(60))
def test_drawn_flows_lose_nothing(seed: int) -> None:
    chance = random.Random(seed)
    assert_whole(_report(_flow(chance)))


def _flow(chance: random.Random) -> Flow:
    """Nested groups with stretches that repeat, by a pattern that may be broken anywhere."""
    groups: list[Group] = [Group((), ())]
    kinds: list[tuple[int, int, int]] = []  # groups with their numbers of inputs and outputs
    for _ in range(chance.randint(0, 3)):
        came, went = chance.randint(1, 2), chance.randint(1, 2)
        groups.append(_group(chance, came, went, kinds, groups))
        kinds.append((len(groups) - 1, came, went))
    groups[0] = _group(chance, 1, 1, kinds, groups)
    return Flow(tuple(groups))


def _group(
    chance: random.Random,
    came: int,
    went: int,
    kinds: Sequence[tuple[int, int, int]],
    groups: Sequence[Group],
) -> Group:
    nodes = [FlowNode("input", str(number)) for number in range(came)]
    edges: list[FlowEdge] = []
    free: list[tuple[int, int]] = [(number, -1) for number in range(came)]  # values, by source and port
    for _ in range(chance.randint(1, 4)):
        pattern = [
            (chance.choice([None, None, *kinds]), chance.randint(0, 2)) for _ in range(chance.randint(1, 3))
        ]
        reaches = [[chance.randint(1, 4) for _ in range(2)] for _ in pattern]
        outside = free[-1] if chance.random() < 0.4 else None  # what the copies have in common
        begun = len(free)
        for _ in range(chance.randint(1, 5)):
            for (kind, look), reach in zip(pattern, reaches, strict=True):
                number = len(nodes)
                wanted = chance.choice(free) if chance.random() < 0.1 else None
                reads = [free[-min(back, len(free))] for back in reach]
                if outside is not None and chance.random() < 0.98:
                    reads = [outside, outside if reach[0] > 1 else reads[1]]
                if wanted is not None:
                    reads[0] = wanted
                if kind is None:
                    nodes.append(FlowNode("operator", f"aten.op{look}.default"))
                    edges += [
                        FlowEdge(source, number, (look,), "", None, out)
                        for source, out in dict.fromkeys(reads)
                    ]
                    free.append((number, -1))
                    continue
                index, inputs, _ = kind
                nodes.append(FlowNode("module", f"m{number}", False, index))
                edges += [
                    FlowEdge(*reads[place % 2][:1], number, (look,), "", None, reads[place % 2][1], place)
                    for place in range(inputs)
                ]
                inner = groups[index].nodes
                free += [(number, port) for port, node in enumerate(inner) if node.kind == "output"]
        if chance.random() < 0.4:  # what gathers what they gave, or most of it
            edges += [
                FlowEdge(source, len(nodes), (9,), "", None, out)
                for source, out in free[begun:]
                if chance.random() < 0.97
            ]
            nodes.append(FlowNode("operator", "aten.cat.default"))
            free.append((len(nodes) - 1, -1))
    for place in range(went):
        source, out = free[-1 - place % len(free)]
        edges.append(FlowEdge(source, len(nodes) + place, (1,), "", None, out))
    nodes += [FlowNode("output", str(place)) for place in range(went)]
    return Group(tuple(nodes), tuple(edges))


def _report(flow: Flow) -> Report:
    return Report(name="drawn", source="", layers=(Layer(path="", type="Net"),), flow=flow)
