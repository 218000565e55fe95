"""The rows of a report in the making: which there are, and what each costs.

Rows follow qualified names: one for each module at each place, in the order of first execution.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from netscope.base.cost import NO_VECTOR_OPS, Cost, VectorOps
from netscope.formulas import cost_of
from netscope.report.tree import ends_of, preorder
from netscope.trace.facts import Operator, ParameterFact, Trace


@dataclass(slots=True, eq=False, repr=False)
class CostSum:
    """What a set of operators cost together."""

    macs: int = 0
    causal: int = 0
    vector: VectorOps = NO_VECTOR_OPS
    output_bytes: int = 0
    unknown: dict[str, int] = field(default_factory=dict)

    def add(self, other: CostSum) -> None:
        """Take in the work of another part."""
        self.macs += other.macs
        self.causal += other.causal
        if self.vector is NO_VECTOR_OPS:
            self.vector = other.vector
        elif other.vector is not NO_VECTOR_OPS:
            self.vector += other.vector
        self.output_bytes += other.output_bytes
        for name, calls in other.unknown.items():
            self.unknown[name] = self.unknown.get(name, 0) + calls


class ParameterSums(NamedTuple):
    """Parameters and buffers, each storage once."""

    params: int = 0
    trainable: int = 0
    param_bytes: int = 0
    buffer_bytes: int = 0


# What most nodes have none of; replaced, never added to.
NO_COSTS: Final = CostSum()
NO_PARAMETERS: Final = ParameterSums()


@dataclass(slots=True, eq=False, repr=False)
class Draft:
    """A row in the making. `calls` are indices into the trace's; a leaf's `inclusive` is its `own`."""

    path: str
    depth: int
    module: int = -1
    calls: list[int] = field(default_factory=list)
    children: list[Draft] = field(default_factory=list)
    own: CostSum = NO_COSTS
    inclusive: CostSum = NO_COSTS
    operators: dict[str, int] = field(default_factory=dict)
    costly: bool = False
    last_output: Operator | None = None
    # Index behind the run of operators, in this row without a break, that ends with `last_output`.
    run_ends: int = 0
    order: float = 0.0
    used: bool = False
    sizes: ParameterSums = NO_PARAMETERS


def rows_of(trace: Trace) -> list[Draft]:
    """All rows in preorder, with their own and inclusive figures."""
    root, nodes = _tree(trace)
    _cost(trace, nodes)
    rows = list(preorder(root, _inside))
    _gather(rows, trace)
    return rows


# The tree


def _tree(trace: Trace) -> tuple[Draft, dict[str, Draft]]:
    """Nodes by qualified name, linked, siblings in order of first execution."""
    nodes: dict[str, Draft] = {}
    for index, call in enumerate(trace.calls):
        node = nodes.get(call.path)
        if node is None:
            node = nodes[call.path] = Draft(call.path, 0, call.module, order=index)
        node.calls.append(index)
    called = {node.module for node in nodes.values()}
    for index, fact in enumerate(trace.modules):
        # A module that was called under another of its names needs no second row here.
        if fact.path not in nodes and (index not in called or not fact.path):
            nodes[fact.path] = Draft(fact.path, 0, index, order=-1.0)
    by_path = {fact.path: index for index, fact in enumerate(trace.modules)}
    for index, fact in enumerate(trace.modules):
        for alias in fact.aliases:
            by_path.setdefault(alias, index)
    root = nodes.get("") or Draft("", 0)
    nodes[""] = root
    for path in list(nodes):
        _link(path, nodes, by_path)
    for node in nodes.values():
        _order(node)
    for node in preorder(root, _inside):
        for child in node.children:
            child.depth = node.depth + 1
    return root, nodes


def _link(path: str, nodes: dict[str, Draft], by_path: dict[str, int]) -> None:
    """Hang a node under its nearest named ancestor, which may be a shared container yet without a row."""
    while path:
        above = path.rpartition(".")[0]
        while above and above not in nodes and above not in by_path:
            above = above.rpartition(".")[0]
        known = above in nodes
        if not known:
            nodes[above] = Draft(above, 0, by_path[above], order=-1.0)
        nodes[above].children.append(nodes[path])
        if known:
            return
        path = above


def _order(node: Draft) -> None:
    """Sort children by when they first ran; one that never ran stays behind its registered neighbour."""
    if not node.children:
        return
    before = -0.5
    keys: dict[int, float] = {}
    for child in node.children:
        first = _first_call(child)
        before = keys[id(child)] = before if first is None else first
    node.children.sort(key=lambda child: keys[id(child)])


def _first_call(node: Draft) -> float | None:
    """When anything within first ran."""
    if node.calls:
        return node.calls[0]
    first: float | None = None
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        if inner.calls and (first is None or inner.calls[0] < first):
            first = inner.calls[0]
        if not inner.calls:
            waiting.extend(inner.children)
    return first


def _inside(node: Draft) -> list[Draft]:
    return node.children


# Costs


def _cost(trace: Trace, nodes: dict[str, Draft]) -> None:
    """Give every operator to the row of the call that ran it."""
    costs: dict[int, Cost | None] = {}
    owners = [nodes[call.path] for call in trace.calls]
    handed_on = _handed_on(trace)
    storages = trace.storages
    for index, (what, call, _, writes) in enumerate(trace.ops):
        key = id(what)
        works = False
        if key in costs:
            cost = costs[key]
        else:
            cost = costs[key] = cost_of(what)
        node = owners[call]
        own = node.own
        if own is NO_COSTS:
            own = node.own = CostSum()
        name = what.name
        operators = node.operators
        operators[name] = operators.get(name, 0) + 1
        if cost is None:
            own.unknown[name] = own.unknown.get(name, 0) + 1
            works = True
        elif cost.kind != "free":
            own.macs += cost.macs
            own.causal += cost.macs if cost.causal_macs is None else cost.causal_macs
            vector = cost.vector
            if vector is not NO_VECTOR_OPS:
                own.vector = vector if own.vector is NO_VECTOR_OPS else own.vector + vector
            works = True
        for storage in writes:
            if storage in handed_on and storages[storage].born >= 0:
                # Counted where it was made, once: writes in place come later and find it gone.
                if handed_on[storage] == call:
                    own.output_bytes += storages[storage].nbytes
                    works = True
                del handed_on[storage]
        node.costly = node.costly or works
        # A view long after the work, of what a submodule made, is not what the row is about.
        if what.outputs and (works or index == node.run_ends or node.last_output is None):
            node.last_output = what
            node.run_ends = index + 1


def _handed_on(trace: Trace) -> dict[int, int]:
    """{storage: call} for storages that the call which made them returned or passed to a submodule."""
    made_by = {
        storage: call
        for index, (_, call, _, writes) in enumerate(trace.ops)
        for storage in writes
        if trace.storages[storage].born == index
    }
    found: dict[int, int] = {}
    for index, call in enumerate(trace.calls):
        for value in call.outputs:
            if made_by.get(value.storage) == index:
                found[value.storage] = index
        for value in call.inputs:
            if call.parent >= 0 and made_by.get(value.storage) == call.parent:
                found[value.storage] = call.parent
    return found


# Inclusive figures


def _gather(rows: list[Draft], trace: Trace) -> None:
    """Sum upwards. Where storages are shared, those within a row are united first."""
    facts = [trace.modules[node.module] for node in rows]
    parameters = [fact.parameters for fact in facts]
    buffers = [fact.buffers for fact in facts]
    shared = _any_shared(parameters) or _any_shared(buffers)
    if shared:
        for node, inside, inside_buffers in zip(
            rows, _united(rows, parameters), _united(rows, buffers), strict=True
        ):
            node.sizes = _sizes(inside, inside_buffers)
    for node, fact in zip(reversed(rows), reversed(facts), strict=True):
        node.used = bool(node.calls) or any(p.storage >= 0 for p in fact.parameters)
        if not shared and (fact.parameters or fact.buffers):
            node.sizes = _sizes(fact.parameters, fact.buffers)
        if not node.children:
            node.inclusive = node.own
            continue
        inclusive = node.inclusive = CostSum()
        inclusive.add(node.own)
        for child in node.children:
            inclusive.add(child.inclusive)
            node.used = node.used or child.used
            if not shared and child.sizes is not NO_PARAMETERS:
                node.sizes = ParameterSums(*map(operator.add, node.sizes, child.sizes))


def _any_shared(facts: list[tuple[ParameterFact, ...]]) -> bool:
    identities = [fact.identity for own in facts for fact in own]
    return len(set(identities)) < len(identities) or any(fact.overlap for own in facts for fact in own)


def _sizes(parameters: Sequence[ParameterFact], buffers: Iterable[ParameterFact]) -> ParameterSums:
    params = trainable = param_bytes = 0
    inside = None
    for parameter in parameters:
        count = parameter.spec.numel
        params += count
        if parameter.trainable:
            trainable += count
        param_bytes += parameter.stored_bytes
        if parameter.overlap:
            inside = inside or {other.identity for other in parameters}
            param_bytes -= parameter.overlap if parameter.overlaps in inside else 0
    return ParameterSums(params, trainable, param_bytes, sum([b.stored_bytes for b in buffers]))


def _united(rows: list[Draft], own: list[tuple[ParameterFact, ...]]) -> list[list[ParameterFact]]:
    """For each row the parameters within it, each storage once. Subtrees are slices of the preorder."""
    flat: list[ParameterFact] = []
    starts: list[int] = []
    for facts in own:
        starts.append(len(flat))
        flat.extend(facts)
    starts.append(len(flat))
    return [
        list({f.identity: f for f in reversed(flat[starts[index] : starts[end]])}.values())
        for index, end in enumerate(ends_of(rows))
    ]
