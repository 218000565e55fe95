"""The data flow of a trace, for `Report.flow`: a pure function of what was recorded.

The recorded operators and calls are walked once, in order, while it is known of every storage who made what
is in it now. A read then is an edge, and it leads through every call on the way: out of those that the value
leaves, and into those that it enters.

Views of one storage need not be told apart: a view makes nothing, so that all of them come from whoever made
the content. A write in place to a part makes the next content of all of it, as in torch's functional graphs:
the write reads what was there, and whoever looks at any part afterwards reads from the write. Only a module
that hands on what it was given (an Identity, a Flatten) is read from by others, and what it hands on is known
by its storage and shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from netscope.base.cost import Cost
from netscope.formulas import cost_of
from netscope.report.analysis.receptive.registry import specs_in
from netscope.report.flow import INPUT, MODULE, OPERATOR, OUTPUT, Flow, FlowEdge, FlowNode, Group
from netscope.report.layer import Shape
from netscope.trace.facts import OpCall, Operator, Trace, Value

# Who calls the network: its inputs come from there.
_NOBODY: Final = -1


class _Maker(NamedTuple):
    """Who made a value: a node of a call's group, and the storage in which the value lies.

    shape, dtype:
        as it was made; None and "" where only a part of the storage was written.
    """

    call: int
    node: _Node
    storage: int
    shape: Shape | None = None
    dtype: str = ""


class _Through(NamedTuple):
    """A value that a call was given and hands on, beside other work. It enters there once it is read."""

    maker: _Maker
    call: int
    value: Value


class _Node:
    """A node in the making, of one call's group. Ports have a value's maker, other nodes what ran."""

    __slots__ = ("call", "kind", "name", "operator")

    def __init__(self, kind: str, name: str = "", call: int = -1, operator: Operator | None = None) -> None:
        self.kind = kind
        self.name = name
        self.call = call
        self.operator = operator


class _Edge(NamedTuple):
    source: _Node
    target: _Node
    shape: Shape | None
    dtype: str
    read: Shape | None
    out_port: _Node | None
    in_port: _Node | None


class _Draft:
    """A group in the making. Ports are kept by what they let through: a node and a storage."""

    __slots__ = ("edges", "inputs", "nodes", "outputs")

    def __init__(self) -> None:
        self.nodes: list[_Node] = []
        self.inputs: dict[tuple[_Node, int], _Node] = {}
        self.outputs: dict[tuple[_Node, int], _Node] = {}
        self.edges: dict[tuple[_Node, _Node, _Node | None, _Node | None], _Edge] = {}

    def link(self, edge: _Edge) -> None:
        self.edges.setdefault((edge.source, edge.target, edge.out_port, edge.in_port), edge)


def flow_of(trace: Trace) -> Flow:
    """Which module and operator reads what which other one made."""
    return _Walk(trace).flow() if trace.calls else Flow(())


class _Walk:
    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._drafts = [_Draft() for _ in trace.calls]
        self._nodes = [_Node(MODULE, call=index) for index in range(len(trace.calls))]
        self._depths: list[int] = []
        for call in trace.calls:
            self._depths.append(self._depths[call.parent] + 1 if call.parent >= 0 else 0)
        # By storage: who wrote it last, and who has handed it on since, by the shape.
        self._written: dict[int, _Maker] = {}
        self._handed: dict[int, dict[Shape, _Maker | _Through]] = {}
        self._unknown = 0

    def flow(self) -> Flow:
        trace = self._trace
        self._receive(trace.inputs)
        open_calls: list[int] = []
        done = 0
        for index, call in enumerate(trace.calls):
            self._run(open_calls, done, call.first_op)
            done = max(done, call.first_op)
            self._leave(open_calls, call.parent)
            open_calls.append(index)
            if call.parent >= 0:
                self._drafts[call.parent].nodes.append(self._nodes[index])
        self._run(open_calls, done, len(trace.ops))
        self._leave(open_calls, _NOBODY)
        self._return(trace.outputs)
        return Flow(tuple(_Groups(trace, self._drafts).all()), self._unknown)

    # The order of events

    def _leave(self, open_calls: list[int], until: int) -> None:
        """Leave the calls inside the one that goes on; one that is not open was left before."""
        while open_calls and open_calls[-1] != until and (until < 0 or until in open_calls):
            self._left(open_calls.pop())

    def _run(self, open_calls: list[int], first: int, end: int) -> None:
        for index in range(first, end):
            op = self._trace.ops[index]
            self._leave(open_calls, op.call)
            self._operate(index, op)

    # What makes and reads values

    def _receive(self, inputs: Sequence[Value]) -> None:
        """The network's own inputs."""
        draft = self._drafts[0]
        for value in inputs:
            node = _Node(INPUT, value.place)
            draft.inputs[node, value.storage] = node
            if value.storage >= 0:
                self._written.setdefault(value.storage, _made(0, node, value))
                if value.spec is not None:
                    handed = self._handed.setdefault(value.storage, {})
                    handed.setdefault(value.spec.shape, _made(0, node, value))

    def _return(self, outputs: Sequence[Value]) -> None:
        draft = self._drafts[0]
        for value in outputs:
            node = _Node(OUTPUT, value.place)
            draft.outputs[node, value.storage] = node
            self._read(0, node, value.storage, _shape(value))

    def _operate(self, index: int, op: OpCall) -> None:
        what, call, reads, writes = op
        specs = [*specs_in(what.args), *specs_in(tuple(what.kwargs.values()))]
        shapes = [spec.shape for spec in specs] if len(specs) == len(reads) else [None] * len(reads)
        changes = "inplace" in what.tags
        if not changes and ("view" in what.tags or (reads and writes and writes[0] == reads[0])):
            self._view(reads, shapes, op)
            return
        node = _Node(OPERATOR, what.name, operator=what)
        self._drafts[call].nodes.append(node)
        for storage, shape in zip(reads, shapes, strict=True):
            self._read(call, node, storage, shape)
        made = what.outputs
        if changes and not writes:
            # It hands its result to nobody: what it writes to is its first argument, a list as a rule.
            made = tuple(specs_in(what.args[:1]))
            writes = reads[: len(made)]
        for number, storage in enumerate(writes):
            if storage < 0:
                continue
            spec = made[number] if len(made) == len(writes) else None
            whole = spec is not None and spec.nbytes >= self._trace.storages[storage].nbytes
            shape, dtype = (spec.shape, spec.dtype) if spec is not None and whole else (None, "")
            self._written[storage] = _Maker(call, node, storage, shape, dtype)
            self._handed.pop(storage, None)

    def _view(self, reads: Sequence[int], shapes: Sequence[Shape | None], op: OpCall) -> None:
        """A view of what a module handed on comes from there, in its own shape as well."""
        handed = self._handed.get(reads[0]) if reads else None
        maker = None if handed is None or shapes[0] is None else handed.get(shapes[0])
        if handed is not None and maker is not None:
            for spec in op.operator.outputs:
                handed[spec.shape] = maker

    def _left(self, index: int) -> None:
        """A call is over: it may hand on what it was given, or what nobody was seen to make."""
        call = self._trace.calls[index]
        if call.parent < 0:
            return
        idle = not self._drafts[index].nodes
        if idle:
            # There was nothing to be done, or nothing of it was seen: it has what it was given.
            for value in call.inputs:
                if value.storage >= 0:
                    self._read(call.parent, self._nodes[index], value.storage, _shape(value))
        for value in call.outputs:
            if value.storage < 0 or value.spec is None:
                continue
            maker = self._holder(value.storage, value.spec.shape)
            if maker is not None and self._is_within(maker.call, index):
                continue
            handed = self._handed.setdefault(value.storage, {})
            if idle:
                handed[value.spec.shape] = _made(call.parent, self._nodes[index], value)
            elif maker is not None:
                handed[value.spec.shape] = _Through(self._resolved(maker), index, value)

    # Edges

    def _holder(self, storage: int, shape: Shape | None) -> _Maker | _Through | None:
        handed = self._handed.get(storage)
        found = None if handed is None or shape is None else handed.get(shape)
        return found or self._written.get(storage)

    def _resolved(self, holder: _Maker | _Through) -> _Maker:
        """Who made it; what comes through a call is made by the input there."""
        if isinstance(holder, _Maker):
            return holder
        maker, index, value = holder
        assert value.spec is not None
        made = _made(index, self._link(maker, index, None, value.spec.shape), value)
        self._handed[value.storage][value.spec.shape] = made
        return made

    def _read(self, call: int, node: _Node, storage: int, shape: Shape | None) -> None:
        """A node of a call's group reads a storage."""
        if storage < 0:
            self._unknown += 1
            return
        holder = self._holder(storage, shape)
        if holder is not None:
            self._link(self._resolved(holder), call, node, shape)

    def _link(self, maker: _Maker, call: int, node: _Node | None, shape: Shape | None) -> _Node:
        """Lead a value from its maker into a call's group, to the node there or only up to the input.

        Returns:
            who has the value in that group: the maker, the call that it comes out of, or the input.
        """
        key = (maker.node, maker.storage)
        source, port = maker.node, None
        at, made = maker.call, maker.shape
        entered = []
        target = call
        while at != target:
            if self._depths[at] < self._depths[target]:
                entered.append(target)
                target = self._trace.calls[target].parent
                continue
            left = self._trace.calls[at]
            draft = self._drafts[at]
            out = draft.outputs.get(key)
            if out is None:
                out = draft.outputs[key] = _Node(OUTPUT, _place(left.outputs, maker.storage))
            returned = _seen(left.outputs, maker.storage, made)
            draft.link(_Edge(source, out, made, maker.dtype, _other(made, returned), port, None))
            source, port, made = self._nodes[at], out, returned or made
            at = left.parent
        for index in reversed(entered):
            inside = self._trace.calls[index]
            draft = self._drafts[index]
            into = draft.inputs.get(key)
            if into is None:
                into = draft.inputs[key] = _Node(INPUT, _place(inside.inputs, maker.storage))
            given = _seen(inside.inputs, maker.storage, made) or made
            edge = _Edge(source, self._nodes[index], made, maker.dtype, _other(made, given), port, into)
            self._drafts[at].link(edge)
            source, port, made, at = into, None, given, index
        if node is not None:
            self._drafts[at].link(_Edge(source, node, made, maker.dtype, _other(made, shape), port, None))
        return source

    def _is_within(self, inner: int, outer: int) -> bool:
        while self._depths[inner] > self._depths[outer]:
            inner = self._trace.calls[inner].parent
        return inner == outer


def _made(call: int, node: _Node, value: Value) -> _Maker:
    spec = value.spec
    return _Maker(call, node, value.storage, spec.shape if spec else None, spec.dtype if spec else "")


def _shape(value: Value) -> Shape | None:
    return None if value.spec is None else value.spec.shape


def _place(values: Sequence[Value], storage: int) -> str:
    """Where among the arguments or results a storage is."""
    return next((value.place for value in values if value.storage == storage), "")


def _seen(values: Sequence[Value], storage: int, made: Shape | None) -> Shape | None:
    """The shape in which a storage is among them: the one it was made in, if that is there."""
    shapes = [value.spec.shape for value in values if value.storage == storage and value.spec is not None]
    return made if made in shapes else shapes[0] if shapes else None


def _other(made: Shape | None, read: Shape | None) -> Shape | None:
    return None if read == made else read


class _Groups:
    """The finished groups, each once."""

    def __init__(self, trace: Trace, drafts: Sequence[_Draft]) -> None:
        self._trace = trace
        self._drafts = drafts
        self._costs: dict[int, Cost | None] = {}
        self._known: dict[Group, int] = {}
        # Of calls that have something inside: the group's index, and where in it the ports are.
        self._insides: dict[int, int] = {}
        self._ports: dict[_Node, int] = {}

    def all(self) -> list[Group]:
        """That of the network first, then the innermost ones, and so on outwards."""
        for index in range(len(self._drafts) - 1, 0, -1):
            nodes = self._ran(index)
            # One operator is all that a convolution is.
            if len(nodes) > 1 or (nodes and nodes[0].kind == MODULE):
                group = self._group(index, nodes)
                self._insides[index] = self._known.setdefault(group, len(self._known) + 1)
        return [self._group(0, self._ran(0)), *self._known]

    def _ran(self, index: int) -> list[_Node]:
        """What ran, without memory that nobody reads, such as a normalisation allots and gives back."""
        draft = self._drafts[index]
        joined = {node for edge in draft.edges.values() for node in (edge.source, edge.target)}
        return [node for node in draft.nodes if node.kind == MODULE or node in joined] or draft.nodes

    def _group(self, index: int, ran: Sequence[_Node]) -> Group:
        draft = self._drafts[index]
        nodes = [*draft.inputs.values(), *ran, *draft.outputs.values()]
        places = {node: place for place, node in enumerate(nodes)}
        if index:
            self._ports |= {node: place for node, place in places.items() if node.kind in (INPUT, OUTPUT)}
        edges = [
            FlowEdge(
                *(places[source], places[target], shape, dtype, read),
                *(None if port is None else self._ports.get(port) for port in (out_port, in_port)),
            )
            for source, target, shape, dtype, read, out_port, in_port in draft.edges.values()
        ]
        around = self._trace.calls[index].path
        return Group(tuple([self._node(node, around) for node in nodes]), tuple(dict.fromkeys(edges)))

    def _node(self, node: _Node, around: str) -> FlowNode:
        if node.kind == MODULE:
            path = self._trace.calls[node.call].path
            inside = self._insides.get(node.call)
            if around and not path.startswith(f"{around}."):
                return FlowNode(MODULE, path, True, inside)
            return FlowNode(MODULE, path[len(around) + 1 :] if around else path, False, inside)
        if node.operator is None:
            return FlowNode(node.kind, node.name)
        cost = self._cost(node.operator)
        return FlowNode(
            OPERATOR,
            node.name,
            macs=None if cost is None else cost.macs,
            vector=None if cost is None else cost.vector.total,
        )

    def _cost(self, operator: Operator) -> Cost | None:
        key = id(operator)
        if key not in self._costs:
            self._costs[key] = cost_of(operator)
        return self._costs[key]
