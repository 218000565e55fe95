"""The data flow of a network by `torch.export`, and that of a report, in the same words.

Steps are what both know: a call of a module that has nothing inside, by its name and how often it was called
before, and an operator that a module ran itself, by its place among those. An edge says that one step reads
what another one made, with nothing in between but views and modules that do nothing.
"""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from typing import Any

import torch
from torch import nn

from netscope.report.flow import INPUT, MODULE, OPERATOR, Flow, path_of
from netscope.report.layer import Layer
from netscope.report.report import Report

Step = tuple[Any, ...]
Edges = set[tuple[Step, Step]]


def exported(module: nn.Module, args: tuple[Any, ...], inside: set[tuple[str, int]]) -> Edges:
    """The edges by torch's graph of the forward; `inside` are the calls of which operators are steps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(module, args).run_decompositions({})
    steps: dict[torch.fx.Node, Step] = {}
    ran: Counter[tuple[str, int]] = Counter()
    names = program.graph_signature.user_inputs
    given = 0
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in names and isinstance(node.meta["val"], torch.Tensor):
            steps[node] = ("in", given)
            given += 1
        elif node.op == "call_function" and (source := scattered(node, steps)):
            # What was written to a part, put back into the whole: both are one write in place.
            steps[node] = steps[source]
        elif node.op == "call_function" and not is_view(node):
            call = call_of(node)
            if call in inside:
                steps[node] = ("operator", *call, ran[call])
                ran[call] += 1
            else:
                steps[node] = ("call", *call)
    returned = [arg for arg in program.graph.output_node().args[0] if isinstance(arg, torch.fx.Node)]
    results = {
        spec.arg.name for spec in program.graph_signature.output_specs if spec.kind.name == "USER_OUTPUT"
    }
    edges = {
        (source, step) for node, step in steps.items() for source in sources(node, steps) if source != step
    }
    for place, node in enumerate(node for node in returned if node.name in results):
        edges |= {
            (source, ("out", place)) for source in ({steps[node]} if node in steps else sources(node, steps))
        }
    return edges


def is_view(node: torch.fx.Node) -> bool:
    """Whether it makes nothing: another look at what it was given, one of several results, a check."""
    schema = getattr(node.target, "_schema", None)
    if schema is None or str(node.target).startswith(("aten._assert", "aten.sym_")):
        return True
    return any(result.alias_info is not None and not result.alias_info.is_write for result in schema.returns)


def scattered(node: torch.fx.Node, steps: dict[torch.fx.Node, Step]) -> torch.fx.Node | None:
    """The step whose result is put into a part of another tensor here, with nothing but views in between."""
    if not str(node.target).startswith(SCATTERS):
        return None
    source = node.args[1]
    while isinstance(source, torch.fx.Node) and source not in steps:
        source = source.args[0]
    return source if isinstance(source, torch.fx.Node) and steps[source][0] == "operator" else None


SCATTERS = tuple(f"aten.{name}_scatter" for name in ("slice", "select", "as_strided", "diagonal"))


def call_of(node: torch.fx.Node) -> tuple[str, int]:
    """The innermost module call that it belongs to."""
    key, (path, _) = list(node.meta["nn_module_stack"].items())[-1]
    return path, int(key.partition("@")[2] or 0)


def sources(node: torch.fx.Node, steps: dict[torch.fx.Node, Step]) -> set[Step]:
    """The steps whose results it reads."""
    found: set[Step] = set()
    for given in node.all_input_nodes:
        found |= {steps[given]} if given in steps else sources(given, steps)
    return found


Place = tuple[int, ...]


class Drawn:
    """A report's data flow as edges between places, led through ports where something is inside."""

    def __init__(self, report: Report) -> None:
        assert isinstance(report.flow, Flow)
        self.flow = report.flow
        # Steps but for operators, which are numbered when it is known which of them matter.
        self.steps: dict[Place, tuple[Any, ...]] = {}
        self.operators: dict[Place, tuple[str, int]] = {}
        self.inside: set[tuple[str, int]] = {("", 0)}
        self._called: Counter[str] = Counter({"": 1})
        self._before: defaultdict[Place, set[Place]] = defaultdict(set)
        self._walk(0, "", 0, ())
        self.before = {
            end: set().union(*(self._makers(source) for source in self._before[end]))
            for end in (*self.steps, *self.operators)
        }

    def _walk(self, index: int, path: str, number: int, at: Place) -> None:
        group = self.flow.groups[index]
        for place, node in enumerate(group.nodes):
            here = (*at, place)
            if node.kind == OPERATOR:
                self.operators[here] = path, number
            elif node.kind == MODULE:
                name = path_of(path, node)
                times = self._called[name]
                self._called[name] += 1
                if node.inside is None:
                    self.steps[here] = ("call", name, times)
                else:
                    self.inside.add((name, times))
                    self._walk(node.inside, name, times, here)
            elif not at:
                alike = [other for other in group.nodes[: place + 1] if other.kind == node.kind]
                self.steps[here] = ("in" if node.kind == INPUT else "out", len(alike) - 1)
        for edge in group.edges:
            source, target = (*at, edge.source), (*at, edge.target)
            source += () if edge.out_port is None else (edge.out_port,)
            target += () if edge.in_port is None else (edge.in_port,)
            self._before[target].add(source)

    def _makers(self, end: Place) -> set[Place]:
        if end in self.steps or end in self.operators:
            return {end}
        return set().union(*(self._makers(source) for source in self._before[end]))

    def edges(self) -> Edges:
        """Those that matter to what the network returns: torch forgets the others."""
        live: set[Place] = set()
        waiting = [place for place, step in self.steps.items() if step[0] == "out"]
        while waiting:
            place = waiting.pop()
            if place not in live:
                live.add(place)
                waiting += self.before[place]
        numbers: Counter[tuple[str, int]] = Counter()
        named: dict[Place, Step] = dict(self.steps)
        for place, call in self.operators.items():
            if place in live:
                named[place] = ("operator", *call, numbers[call])
                numbers[call] += 1
        return {(named[source], named[place]) for place in live for source in self.before[place]}


def without(edges: Edges, idle: set[Step]) -> Edges:
    """The edges led through steps that do nothing."""
    into: defaultdict[Step, set[Step]] = defaultdict(set)
    for source, target in edges:
        into[target].add(source)

    def makers(step: Step) -> set[Step]:
        return set().union(*(makers(source) if source in idle else {source} for source in into[step]))

    return {(maker, target) for target in list(into) if target not in idle for maker in makers(target)}


def merged(edges: Edges, calls: set[tuple[str, int]]) -> Edges:
    """The edges with the operators of these calls in one step each."""

    def one(step: Step) -> Step:
        return ("call", *step[1:3]) if step[0] == "operator" and step[1:3] in calls else step

    return {(one(source), one(target)) for source, target in edges if one(source) != one(target)}


def sizes(edges: Edges) -> Counter[tuple[str, int]]:
    """How many operators of each call there are."""
    return Counter(step[1:3] for step in {step for edge in edges for step in edge} if step[0] == "operator")


def compared(report: Report, module: nn.Module, args: tuple[Any, ...]) -> tuple[Edges, Edges, int]:
    """What only the report has, what only torch has, and how many edges torch has.

    Where torch's graph has another number of operators in a call (a linear layer that is one for it, and a
    copy and a product for the recording), they are one step for both. What a module hands on it may copy, for
    in its graph no result is an argument.
    """
    drawn = Drawn(report)
    theirs = exported(module, args, drawn.inside)
    ours = drawn.edges()
    mine, others = sizes(ours), sizes(theirs)
    uneven = {call for call in {*mine, *others} if mine[call] != others[call]}
    ours, theirs = merged(ours, uneven), merged(theirs, uneven)
    known = {step for edge in theirs for step in edge}
    idle = {
        step
        for edge in ours
        for step in edge
        if step[0] == "call" and (step not in known or not (step[1:] in uneven or made(report[step[1]])))
    }
    ours, theirs = without(ours, idle), without(theirs, idle)
    return ours - theirs, theirs - ours, len(theirs)


def made(layer: Layer) -> bool:
    """Whether a layer did anything but hand on what it was given."""
    return bool(layer.own_macs or layer.own_vector.total or layer.own_output_bytes)
