"""From the facts of a trace to a report: a pure function.

One layer for each row, and one more under a module that has submodules and work of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from netscope.base.workload import TensorSpec, Workload
from netscope.report.analysis.rows import NO_COSTS, Draft, rows_of
from netscope.report.analysis.tiling import misfits
from netscope.report.layer import FUNCTIONAL, Layer, Parameter, Tensor, Window, later
from netscope.report.partial import with_failure, with_unseen
from netscope.report.report import Report
from netscope.trace.facts import ParameterFact, Trace, Value

if TYPE_CHECKING:
    from netscope.report.analysis.receptive import Fields
    from netscope.report.flow import Flow


def analyze(
    trace: Trace, workload: Workload | None = None, *, environment: dict[str, str] | None = None
) -> Report:
    """The report of a trace. `workload` gives its name, source and description."""
    report = Report(
        name=workload.name if workload else (trace.modules[0].type if trace.modules else ""),
        source=workload.source if workload else "python",
        description=workload.description if workload else "",
        layers=tuple(_layers(trace, rows_of(trace))),
        inputs=tuple(map(_tensor, trace.inputs)),
        training=trace.training,
        rung=trace.rung,
        rung_reason=trace.rung_reason,
        trace_seconds=trace.seconds,
        error=trace.error,
        error_path=trace.error_path,
        notes=(*trace.notes, *_unread(trace)),
        environment=environment or {},
        misfits=later(partial(misfits, trace)),
        flow=later(partial(_flow, trace)),
        facts=trace,
    )
    if trace.unseen:
        places = [trace.calls[one.call].path if one.call >= 0 else "" for one in trace.unseen]
        report = with_unseen(report, zip(places, [one.what for one in trace.unseen], strict=True))
    return with_failure(report)


def _flow(trace: Trace) -> Flow:
    from netscope.report.analysis.flow import flow_of  # most summaries draw nothing

    return flow_of(trace)


def _unread(trace: Trace) -> Iterator[str]:
    """Inputs that went nowhere: an argument of that name was swallowed, or has no say in this mode."""
    if trace.error is not None or trace.notes or trace.unseen:  # what was not recorded may have read it
        return
    returned = {value.storage for value in trace.outputs}
    for value in trace.inputs:
        if value.spec is None or value.storage in returned or value.storage < 0:
            continue
        if not any(value.storage in op.reads for op in trace.ops):
            yield f"no operator reads the input {value.place}"


def _layers(trace: Trace, rows: list[Draft]) -> Iterator[Layer]:
    first_row: dict[int, str] = {}
    tensors = _Tensors()
    parameters = _Parameters()
    windows = _Windows(trace)
    window_of = windows.of_call
    users = _users(trace, rows)
    broken_off = {index for index, call in enumerate(trace.calls) if not call.completed}
    after: list[tuple[Draft, int]] = []
    for node in rows:
        while after and node.depth <= after[-1][1]:
            yield _functional(trace, after.pop()[0], windows)
        fact = trace.modules[node.module]
        path, calls, sizes, inclusive = node.path, node.calls, node.sizes, node.inclusive
        shared_with = first_row.setdefault(node.module, path)
        placed, own_params = parameters.of(fact.parameters, path)
        first = trace.calls[calls[0]] if calls else None
        used_by = users.get(path, ())
        known = not inclusive.unknown and not used_by
        holds_work = bool(node.children)
        own = NO_COSTS if holds_work else node.own
        yield Layer.made(
            path=path,
            type=fact.type,
            base=fact.base,
            kind="module",
            depth=node.depth,
            calls=len(calls),
            used=node.used,
            used_by=used_by,
            completed=broken_off.isdisjoint(calls),
            registered=fact.registered,
            training=fact.training,
            shared_with=None if shared_with == path else shared_with,
            hyperparameters=fact.hyperparameters,
            detail=fact.detail,
            inputs=tensors.of(first.inputs) if first else (),
            outputs=tensors.of(first.outputs) if first else (),
            parameters=placed,
            buffers=parameters.buffers(fact.buffers),
            operators=node.operators,
            params=sizes.params,
            trainable_params=sizes.trainable,
            param_bytes=sizes.param_bytes,
            buffer_bytes=sizes.buffer_bytes,
            own_params=own_params,
            window=later(partial(window_of, calls[0])) if calls else None,
            unknown=dict(inclusive.unknown),
            unseen={},
            macs=inclusive.macs if known else None,
            counted_macs=inclusive.macs,
            causal_macs=inclusive.causal,
            vector=inclusive.vector if known else None,
            output_bytes=None if used_by else inclusive.output_bytes,
            own_macs=own.macs,
            own_vector=own.vector,
            own_output_bytes=own.output_bytes,
        )
        if holds_work and node.costly:
            after.append((node, node.depth))
    while after:
        yield _functional(trace, after.pop()[0], windows)


def _functional(trace: Trace, node: Draft, windows: _Windows) -> Layer:
    """The row of what a module with submodules ran itself."""
    made = node.last_output
    outputs = () if made is None else (Tensor("", made.outputs[-1].shape, made.outputs[-1].dtype),)
    own = node.own
    return Layer.made(
        path=f"{node.path}.{FUNCTIONAL}" if node.path else FUNCTIONAL,
        type=FUNCTIONAL,
        kind="functional",
        depth=node.depth + 1,
        calls=len(node.calls),
        training=trace.modules[node.module].training,
        hyperparameters={},
        outputs=outputs,
        operators=dict(node.operators),
        window=later(partial(windows.of_own_work, tuple(node.calls))),
        unknown=dict(own.unknown),
        unseen={},
        macs=None if own.unknown else own.macs,
        counted_macs=own.macs,
        causal_macs=own.causal,
        vector=None if own.unknown else own.vector,
        output_bytes=own.output_bytes,
        own_macs=own.macs,
        own_vector=own.vector,
        own_output_bytes=own.output_bytes,
    )


# A view of a weight is no work yet: a forward that only looks at a weight's dtype may make one.
_NO_WORK = frozenset({"view", "factory"})


def _users(trace: Trace, rows: list[Draft]) -> dict[str, tuple[str, ...]]:
    """{path: users}: modules without a call whose own parameters others read, and the paths of those.

    What is inside the module itself counts among its own figures already.
    """
    called = {call.module for call in trace.calls}
    readers: dict[int, set[int]] = {}
    owners: dict[str, set[int]] = {}
    for node in rows:
        if node.module in called:
            continue
        storages = {p.storage for p in trace.modules[node.module].parameters if p.storage >= 0}
        if storages:
            owners[node.path] = storages
            readers.update((storage, set()) for storage in storages)
    if not readers:
        return {}
    for op in trace.ops:
        for storage in op.reads:
            if storage in readers and _NO_WORK.isdisjoint(op.operator.tags):
                readers[storage].add(op.call)
    found = {}
    for path, storages in owners.items():
        calls = sorted(set().union(*(readers[storage] for storage in storages)))
        users = dict.fromkeys(trace.calls[call].path for call in calls)
        inside = f"{path}."
        outside = tuple([user for user in users if not user.startswith(inside)]) if path else ()
        if outside:
            found[path] = outside
    return found


# Leaves


class _Parameters:
    """Parameters and buffers of rows, knowing where each storage was met first; equal ones are one object."""

    def __init__(self) -> None:
        # identity -> the qualified name under which it came first.
        self._placed: dict[int, str] = {}
        # By name and by the spec's id: the trace keeps specs.
        self._known: dict[tuple[Any, ...], Parameter] = {}

    def of(self, facts: tuple[ParameterFact, ...], path: str) -> tuple[tuple[Parameter, ...], int]:
        """The parameters of the row at `path`, and the elements of those that no row had before."""
        if not facts:
            return (), 0
        found = []
        new = 0
        for fact in facts:
            name = f"{path}.{fact.name}" if path else fact.name
            first = self._placed.setdefault(fact.identity, name)
            if first == name:
                new += fact.spec.numel
                found.append(self._one(fact, None))
            else:
                found.append(self._one(fact, first))
        return tuple(found), new

    def buffers(self, facts: tuple[ParameterFact, ...]) -> tuple[Parameter, ...]:
        """The buffers of a row."""
        return tuple([self._one(fact, None) for fact in facts]) if facts else ()

    def _one(self, fact: ParameterFact, shared_with: str | None) -> Parameter:
        name, spec, _, trainable, stored_bytes, packed, _, other, *_ = fact
        overlaps = self._placed.get(other)
        key = name, id(spec), trainable, stored_bytes, packed, shared_with, overlaps
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = Parameter(
                *(name, spec.shape, spec.dtype, trainable, stored_bytes, shared_with, packed),
                layout=_layout(spec),
                overlaps=overlaps,
            )
        return known


class _Windows:
    """Receptive fields, all worked out when the first is asked for."""

    def __init__(self, trace: Trace) -> None:
        self._trace: Trace | None = trace
        self._fields: Fields | None = None

    def _found(self) -> Fields:
        if self._fields is None:
            from netscope.report.analysis.receptive import receptive_fields

            assert self._trace is not None
            self._fields = receptive_fields(self._trace)
            self._trace = None
        return self._fields

    def of_call(self, call: int) -> Window | None:
        """What the first tensor returned by a module call sees."""
        return self._found().calls[call]

    def of_own_work(self, calls: tuple[int, ...]) -> Window | None:
        """What the last operator sees that these calls ran outside their submodules."""
        own = self._found().own
        return next((own[call] for call in reversed(calls) if call in own), None)


class _Tensors:
    """Arguments and results of a row's first call; equal ones share one object."""

    def __init__(self) -> None:
        # Specs are shared already; the trace keeps them, so their ids stay theirs.
        self._known: dict[tuple[str, str | None, int], Tensor] = {}

    def of(self, values: tuple[Value, ...]) -> tuple[Tensor, ...]:
        """The arguments or the results of a call."""
        known = self._known
        found = []
        for value in values:
            place, spec, opaque, *_ = value
            key = place, opaque, id(spec)
            tensor = known.get(key)
            if tensor is None:
                tensor = known[key] = _tensor(value)
            found.append(tensor)
        return tuple(found)


def _tensor(value: Value) -> Tensor:
    if value.spec is None:
        return Tensor(value.place, None, None, value.opaque)
    return Tensor(value.place, value.spec.shape, value.spec.dtype, None, _layout(value.spec))


def _layout(spec: TensorSpec) -> str | None:
    return None if spec.stored is None else spec.stored.layout
