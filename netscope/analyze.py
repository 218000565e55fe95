"""From the facts of a trace to a report: a pure function.

One layer for each row, and one more under a module that has submodules and work of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from netscope.report import FUNCTIONAL, Layer, Parameter, Report, Tensor, Window
from netscope.rows import Node, Work, rows_of
from netscope.trace.facts import ParameterFact, Trace, Value
from netscope.workload import Workload

if TYPE_CHECKING:
    from netscope.receptive import Fields


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
        notes=trace.notes,
        environment=environment or {},
    )
    report.__dict__["_facts"] = trace  # no field: it is neither saved nor compared
    return report


def _layers(trace: Trace, rows: list[Node]) -> Iterator[Layer]:
    placed: dict[int, str] = {}
    first_row: dict[int, str] = {}
    tensors = _Tensors(trace)
    windows = _Windows(trace)
    after: list[tuple[Node, int]] = []
    for node in rows:
        while after and node.depth <= after[-1][1]:
            yield _functional(trace, after.pop()[0], windows)
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
            window=partial(windows.of_call, node.calls[0]) if node.calls else None,  # type: ignore[arg-type]
            **_figures(node.inclusive, None if holds_work else node.own),
        )
        if holds_work and node.costly:
            after.append((node, node.depth))
    while after:
        yield _functional(trace, after.pop()[0], windows)


def _functional(trace: Trace, node: Node, windows: _Windows) -> Layer:
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
        window=partial(windows.of_own_work, tuple(node.calls)),  # type: ignore[arg-type]
        **_figures(node.own, node.own),
    )


def _figures(inclusive: Work, own: Work | None) -> dict[str, Any]:
    """The cost fields of a Layer. `own` is None for a module whose own work has a row of its own."""
    own = own or Work()
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


class _Windows:
    """Receptive fields, all worked out when the first is asked for."""

    def __init__(self, trace: Trace) -> None:
        self._trace: Trace | None = trace
        self._fields: Fields | None = None

    def _found(self) -> Fields:
        if self._fields is None:
            from netscope.receptive import receptive_fields

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

    def __init__(self, trace: Trace) -> None:
        self._calls = trace.calls
        # Specs are shared already; the trace keeps them, so their ids stay theirs.
        self._known: dict[tuple[str, int], Tensor] = {}

    def inputs(self, node: Node) -> tuple[Tensor, ...]:
        return tuple([self._tensor(v) for v in self._calls[node.calls[0]].inputs]) if node.calls else ()

    def outputs(self, node: Node) -> tuple[Tensor, ...]:
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
