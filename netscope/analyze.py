"""From the facts of a trace to a report: a pure function.

Rows follow qualified names: one for each module at each place, in the order of first execution, and one
more under a module that has submodules and work of its own.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from netscope.cost import NO_VECTOR_OPS, Cost, VectorOps
from netscope.formulas import cost_of
from netscope.report import FUNCTIONAL, Layer, Parameter, Report, Tensor
from netscope.trace.facts import Operator, ParameterFact, Trace, Value
from netscope.workload import Workload


@dataclass(slots=True)
class _Work:
    """What a set of operators cost together."""

    macs: int = 0
    causal: int = 0
    vector: VectorOps = NO_VECTOR_OPS
    output_bytes: int = 0
    unknown: dict[str, int] = field(default_factory=dict)

    def add(self, other: _Work) -> None:
        self.macs += other.macs
        self.causal += other.causal
        if other.vector is not NO_VECTOR_OPS:
            self.vector += other.vector
        self.output_bytes += other.output_bytes
        for name, calls in other.unknown.items():
            self.unknown[name] = self.unknown.get(name, 0) + calls


class _Sizes(NamedTuple):
    """Parameters and buffers, each storage once."""

    params: int = 0
    trainable: int = 0
    param_bytes: int = 0
    buffer_bytes: int = 0


@dataclass(slots=True)
class _Node:
    """A row in the making. `calls` are indices into the trace's."""

    path: str
    depth: int
    module: int = -1
    calls: list[int] = field(default_factory=list)
    children: list[_Node] = field(default_factory=list)
    own: _Work = field(default_factory=_Work)
    inclusive: _Work = field(default_factory=_Work)
    operators: dict[str, int] = field(default_factory=dict)
    costly: bool = False
    last_output: Operator | None = None
    order: float = 0.0
    used: bool = False
    sizes: _Sizes = field(default_factory=_Sizes)


def analyze(
    trace: Trace, workload: Workload | None = None, *, environment: dict[str, str] | None = None
) -> Report:
    """The report of a trace. `workload` gives its name, source and description."""
    root, nodes = _tree(trace)
    _cost(trace, nodes)
    rows = list(_preorder(root))
    _gather(rows, trace)
    return Report(
        name=workload.name if workload else (trace.modules[0].type if trace.modules else ""),
        source=workload.source if workload else "python",
        description=workload.description if workload else "",
        layers=tuple(_layers(trace, rows)),
        inputs=tuple(map(_tensor, trace.inputs)),
        training=trace.training,
        rung=trace.rung,
        rung_reason=trace.rung_reason,
        trace_seconds=trace.seconds,
        error=trace.error,
        error_path=trace.error_path,
        notes=trace.notes,
        environment=environment or {},
    )


# The tree


def _tree(trace: Trace) -> tuple[_Node, dict[str, _Node]]:
    """Nodes by qualified name, linked, siblings in order of first execution."""
    nodes: dict[str, _Node] = {}
    for index, call in enumerate(trace.calls):
        node = nodes.get(call.path)
        if node is None:
            node = nodes[call.path] = _Node(call.path, 0, call.module, order=index)
        node.calls.append(index)
    called = {node.module for node in nodes.values()}
    for index, fact in enumerate(trace.modules):
        # A module that was called under another of its names needs no second row here.
        if fact.path not in nodes and (index not in called or not fact.path):
            nodes[fact.path] = _Node(fact.path, 0, index, order=-1.0)
    by_path = {fact.path: index for index, fact in enumerate(trace.modules)}
    for index, fact in enumerate(trace.modules):
        for alias in fact.aliases:
            by_path.setdefault(alias, index)
    root = nodes.get("") or _Node("", 0)
    nodes[""] = root
    for path in list(nodes):
        _link(path, nodes, by_path)
    for node in nodes.values():
        _order(node)
    for node in _preorder(root):
        for child in node.children:
            child.depth = node.depth + 1
    return root, nodes


def _link(path: str, nodes: dict[str, _Node], by_path: dict[str, int]) -> None:
    """Hang a node under its nearest named ancestor, which may be a shared container yet without a row."""
    while path:
        above = path.rpartition(".")[0]
        while above and above not in nodes and above not in by_path:
            above = above.rpartition(".")[0]
        known = above in nodes
        if not known:
            nodes[above] = _Node(above, 0, by_path[above], order=-1.0)
        nodes[above].children.append(nodes[path])
        if known:
            return
        path = above


def _order(node: _Node) -> None:
    """Sort children by when they first ran; one that never ran stays behind its registered neighbour."""
    if not node.children:
        return
    before = -0.5
    keys: dict[int, float] = {}
    for child in node.children:
        first = _first_call(child)
        before = keys[id(child)] = before if first is None else first
    node.children.sort(key=lambda child: keys[id(child)])


def _first_call(node: _Node) -> float | None:
    """When anything within first ran."""
    first: float | None = None
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        if inner.calls and (first is None or inner.calls[0] < first):
            first = inner.calls[0]
        if not inner.calls:
            waiting.extend(inner.children)
    return first


def _preorder(root: _Node) -> Iterator[_Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children))


# Costs


def _cost(trace: Trace, nodes: dict[str, _Node]) -> None:
    """Give every operator to the row of the call that ran it."""
    costs: dict[int, Cost | None] = {}
    owners = [nodes[call.path] for call in trace.calls]
    handed_on = _handed_on(trace)
    for op in trace.ops:
        what = op.operator
        key = id(what)
        if key in costs:
            cost = costs[key]
        else:
            cost = costs[key] = cost_of(what)
        node = owners[op.call]
        own = node.own
        name = what.name
        node.operators[name] = node.operators.get(name, 0) + 1
        if cost is None:
            own.unknown[name] = own.unknown.get(name, 0) + 1
            node.costly = True
        elif cost.kind != "free":
            own.macs += cost.macs
            own.causal += cost.macs if cost.causal_macs is None else cost.causal_macs
            if cost.vector != NO_VECTOR_OPS:
                own.vector += cost.vector
            node.costly = True
        for storage in op.writes:
            if storage in handed_on and trace.storages[storage].born >= 0:
                # Counted where it was made, once: writes in place come later and find it gone.
                if handed_on[storage] == op.call:
                    own.output_bytes += trace.storages[storage].nbytes
                    node.costly = True
                del handed_on[storage]
        if what.outputs:
            node.last_output = what


def _handed_on(trace: Trace) -> dict[int, int]:
    """{storage: call} for storages that the call which made them returned or passed to a submodule."""
    made_by = {
        storage: op.call
        for index, op in enumerate(trace.ops)
        for storage in op.writes
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


def _gather(rows: list[_Node], trace: Trace) -> None:
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
        node.inclusive.add(node.own)
        if not shared:
            node.sizes = _sizes(fact.parameters, fact.buffers)
        for child in node.children:
            node.inclusive.add(child.inclusive)
            node.used = node.used or child.used
            if not shared:
                node.sizes = _Sizes(*map(operator.add, node.sizes, child.sizes))


def _any_shared(facts: list[tuple[ParameterFact, ...]]) -> bool:
    identities = [fact.identity for own in facts for fact in own]
    return len(set(identities)) < len(identities)


def _sizes(parameters: Iterable[ParameterFact], buffers: Iterable[ParameterFact]) -> _Sizes:
    params = trainable = param_bytes = 0
    for parameter in parameters:
        count = parameter.spec.numel
        params += count
        if parameter.trainable:
            trainable += count
        param_bytes += parameter.stored_bytes
    return _Sizes(params, trainable, param_bytes, sum([b.stored_bytes for b in buffers]))


def _layers(trace: Trace, rows: list[_Node]) -> Iterator[Layer]:
    placed: dict[int, str] = {}
    first_row: dict[int, str] = {}
    tensors = _Tensors(trace)
    after: list[tuple[_Node, int]] = []
    for node in rows:
        while after and node.depth <= after[-1][1]:
            yield _functional(trace, after.pop()[0])
        fact = trace.modules[node.module]
        shared_with = first_row.setdefault(node.module, node.path)
        own_params = 0
        for p in fact.parameters:
            if p.identity not in placed:
                own_params += p.spec.numel
        parameters = tuple(_parameter(p, node.path, placed) for p in fact.parameters)
        buffers = tuple(_parameter(b, node.path, {}) for b in fact.buffers)
        holds_work = bool(node.children)
        yield Layer(
            path=node.path,
            type=fact.type,
            base=fact.base,
            depth=node.depth,
            calls=len(node.calls),
            used=node.used,
            completed=all(trace.calls[c].completed for c in node.calls),
            registered=fact.registered,
            training=fact.training,
            shared_with=None if shared_with == node.path else shared_with,
            hyperparameters=fact.hyperparameters,
            detail=fact.detail,
            inputs=tensors.inputs(node),
            outputs=tensors.outputs(node),
            parameters=parameters,
            buffers=buffers,
            operators=dict(node.operators),
            params=node.sizes.params,
            trainable_params=node.sizes.trainable,
            param_bytes=node.sizes.param_bytes,
            buffer_bytes=node.sizes.buffer_bytes,
            own_params=own_params,
            **_figures(node.inclusive, None if holds_work else node.own),
        )
        if holds_work and node.costly:
            after.append((node, node.depth))
    while after:
        yield _functional(trace, after.pop()[0])


def _functional(trace: Trace, node: _Node) -> Layer:
    """The row of what a module with submodules ran itself."""
    made = node.last_output
    outputs = () if made is None else (Tensor("", made.outputs[-1].shape, made.outputs[-1].dtype),)
    return Layer(
        path=f"{node.path}.{FUNCTIONAL}" if node.path else FUNCTIONAL,
        type=FUNCTIONAL,
        kind="functional",
        depth=node.depth + 1,
        calls=len(node.calls),
        training=trace.modules[node.module].training,
        completed=True,
        outputs=outputs,
        operators=dict(node.operators),
        **_figures(node.own, node.own),
    )


def _figures(inclusive: _Work, own: _Work | None) -> dict[str, Any]:
    """The cost fields of a Layer. `own` is None for a module whose own work has a row of its own."""
    own = own or _Work()
    return {
        "unknown": dict(inclusive.unknown),
        "macs": None if inclusive.unknown else inclusive.macs,
        "counted_macs": inclusive.macs,
        "causal_macs": inclusive.causal,
        "vector": None if inclusive.unknown else inclusive.vector,
        "output_bytes": inclusive.output_bytes,
        "own_macs": own.macs,
        "own_vector": own.vector,
        "own_output_bytes": own.output_bytes,
    }


def _united(rows: list[_Node], own: list[tuple[ParameterFact, ...]]) -> list[list[ParameterFact]]:
    """For each row the parameters within it, each storage once. Subtrees are slices of the preorder."""
    flat: list[ParameterFact] = []
    starts: list[int] = []
    for facts in own:
        starts.append(len(flat))
        flat.extend(facts)
    starts.append(len(flat))
    return [
        list({f.identity: f for f in reversed(flat[starts[index] : starts[end]])}.values())
        for index, end in enumerate(_subtree_ends(rows))
    ]


def _subtree_ends(rows: list[_Node]) -> list[int]:
    """For each row the index after its last descendant."""
    ends = [len(rows)] * len(rows)
    open_rows: list[int] = []
    for index, node in enumerate(rows):
        while open_rows and rows[open_rows[-1]].depth >= node.depth:
            ends[open_rows.pop()] = index
        open_rows.append(index)
    return ends


# Leaves


def _parameter(fact: ParameterFact, path: str, placed: dict[int, str]) -> Parameter:
    name = f"{path}.{fact.name}" if path else fact.name
    first = placed.setdefault(fact.identity, name)
    return Parameter(
        fact.name,
        fact.spec.shape,
        fact.spec.dtype,
        fact.trainable,
        fact.stored_bytes,
        None if first == name else first,
        fact.packed,
    )


class _Tensors:
    """Arguments and results of a row's first call; equal ones share one object."""

    def __init__(self, trace: Trace) -> None:
        self._calls = trace.calls
        # Specs are shared already; the trace keeps them, so their ids stay theirs.
        self._known: dict[tuple[str, int], Tensor] = {}

    def inputs(self, node: _Node) -> tuple[Tensor, ...]:
        return tuple([self._tensor(v) for v in self._calls[node.calls[0]].inputs]) if node.calls else ()

    def outputs(self, node: _Node) -> tuple[Tensor, ...]:
        return tuple([self._tensor(v) for v in self._calls[node.calls[0]].outputs]) if node.calls else ()

    def _tensor(self, value: Value) -> Tensor:
        if value.spec is None:
            return _tensor(value)
        key = value.place, id(value.spec)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _tensor(value)
        return known


def _tensor(value: Value) -> Tensor:
    if value.spec is None:
        return Tensor(value.place, None, None, value.opaque)
    return Tensor(value.place, value.spec.shape, value.spec.dtype)
