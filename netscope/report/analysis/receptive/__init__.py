"""Receptive fields from the traced data flow: for every output the input window that one position sees.

The recorded operators are walked once, in order. What each tensor sees of the first image-like input is
derived by a rule for its operator; an operator without one, and whatever comes of it, is unknown: no
guess. Definitions: the window is the hull of everything that can influence a position (the theoretical
support), unclipped by borders; the jump is the distance between neighbouring windows; the start is the
first pixel of the first window, negative where it begins in the padding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from netscope.base.workload import TensorSpec
from netscope.report.analysis.receptive import layout, mixing, windows
from netscope.report.analysis.receptive.registry import TrackedOp, find, specs_in
from netscope.report.analysis.receptive.spans import Spans, Unknown
from netscope.report.analysis.receptive.tracks import INDEPENDENT, Shape, State, Track, initial
from netscope.report.layer import Window
from netscope.trace.facts import OpCall, Operator, Trace, Value

__all__ = ["Fields", "receptive_fields", "states_of_calls", "window_of"]

# Importing them fills the table.
_RULES: Final = (layout, mixing, windows)

_FLOATS: Final = frozenset({"float16", "float32", "float64", "bfloat16", "uint8"})


class Fields(NamedTuple):
    """What the first tensor that each module call returned sees, and each call's last own operator's."""

    calls: tuple[Window | None, ...]
    own: dict[int, Window | None]


def receptive_fields(trace: Trace) -> Fields:
    """The windows of all module calls of a trace; None where it is unknown or there is no image."""
    source = image_input(trace)
    if source is None:
        return Fields((None,) * len(trace.calls), {})
    sides = _sides(source)
    calls, own = states_of_calls(trace)
    # One state serves many rows; the lists keep all of them, so their ids stay theirs.
    known: dict[int, Window | None] = {}

    def window(state: State | None) -> Window | None:
        if id(state) not in known:
            known[id(state)] = window_of(state, sides)
        return known[id(state)]

    return Fields(tuple(map(window, calls)), {call: window(state) for call, state in own.items()})


def states_of_calls(trace: Trace) -> tuple[list[State | None], dict[int, State | None]]:
    """`receptive_fields` before it is put into figures."""
    source = image_input(trace)
    if source is None:
        return [None] * len(trace.calls), {}
    flow = _Flow(trace, *source)
    leaving: defaultdict[int, list[int]] = defaultdict(list)
    for index, call in enumerate(trace.calls):
        leaving[call.last_op].append(index)
    states: list[State | None] = [None] * len(trace.calls)
    own: dict[int, State | None] = {}
    for done in range(len(trace.ops) + 1):
        for index in leaving.get(done, ()):
            states[index] = flow.of_value(_first_tensor(trace.calls[index].outputs))
        if done < len(trace.ops):
            op = trace.ops[done]
            made = flow.run(op)
            if op.operator.outputs:
                own[op.call] = made[-1] if made else None
    return states, own


def image_input(trace: Trace) -> tuple[Value, int] | None:
    """The first image-like input, and how many of its last dimensions are spatial.

    As many as the first convolution has; without one, an input of four or five dimensions has all but
    two. Integers other than bytes are indices, not pixels.
    """
    axes = next(
        (
            len(spec.shape) - 2
            for op in trace.ops
            if op.operator.name.startswith("aten.convolution")
            for spec in list(specs_in(op.operator.args))[1:2]
        ),
        None,
    )
    for value in trace.inputs:
        if value.spec is None or value.spec.dtype not in _FLOATS:
            continue
        rank = len(value.spec.shape)
        if axes is not None and rank >= axes and rank >= 2:
            return value, axes
        if axes is None and rank in (4, 5):
            return value, rank - 2
    return None


def _sides(source: tuple[Value, int]) -> Shape:
    value, axes = source
    assert value.spec is not None
    return value.spec.shape[-axes:]


def _first_tensor(values: Sequence[Value]) -> Value | None:
    return next((value for value in values if value.spec is not None), None)


class _Flow:
    """What every tensor sees, as the operators are walked.

    A tensor is known by its storage and shape. Views of one storage that have equal shapes but see
    different things (every other row from the first on, and from the second on) are told apart only by
    an operator that reads all of them; read singly, they are unknown.
    """

    def __init__(self, trace: Trace, source: Value, axes: int) -> None:
        assert source.spec is not None
        self._storages = trace.storages
        self._known: dict[int, dict[Shape, list[State | None]]] = {
            source.storage: {source.spec.shape: [initial(source.spec.shape, axes)]}
        }

    def of_value(self, value: Value | None) -> State | None:
        """What a module returned."""
        if value is None or value.spec is None:
            return None
        found = self._candidates(value.storage, value.spec.shape)
        return found[0] if len(found) == 1 else None

    def run(self, op: OpCall) -> list[State | None]:
        """Walk one operator; the states of its results."""
        what = op.operator
        states = self._results(op)
        if "inplace" in what.tags:
            self._write(op, states)
        elif "view" in what.tags or (op.reads and op.writes and op.writes[0] == op.reads[0]):
            for storage, spec, state in zip(op.writes, what.outputs, states, strict=False):
                if not (state == INDEPENDENT and storage not in self._known):
                    self._view(storage, spec.shape, state)
        else:
            for storage, spec, state in zip(op.writes, what.outputs, states, strict=False):
                if state != INDEPENDENT:
                    self._known[storage] = {spec.shape: [state]}
        return states

    def _results(self, op: OpCall) -> list[State | None]:
        what = op.operator
        count = len(what.outputs)
        if not any(storage in self._known or storage < 0 for storage in op.reads):
            return [INDEPENDENT] * count
        specs = [*specs_in(what.args), *specs_in(tuple(what.kwargs.values()))]
        if len(specs) != len(op.reads) or len(op.writes) != count:
            return [None] * count
        made = _apply(what, specs, self._read(op.reads, [spec.shape for spec in specs]))
        return made + [None] * (count - len(made))

    def _read(self, storages: Sequence[int], shapes: Sequence[Shape]) -> list[State | None]:
        keys = list(zip(storages, shapes, strict=True))
        states: list[State | None] = []
        for number, key in enumerate(keys):
            found = self._candidates(*key)
            if len(found) == 1:
                states.append(found[0])
            elif len(found) == keys.count(key):  # all of them, in the order in which they were made
                states.append(found[keys[:number].count(key)])
            else:
                states.append(None)
        return states

    def _candidates(self, storage: int, shape: Shape) -> list[State | None]:
        known = self._known.get(storage)
        if known is None:
            return [INDEPENDENT if storage >= 0 else None]
        return known.get(shape) or [None]

    def _view(self, storage: int, shape: Shape, state: State | None) -> None:
        known = self._known.setdefault(storage, {}).setdefault(shape, [])
        if state not in known:
            known.append(state)

    def _write(self, op: OpCall, states: list[State | None]) -> None:
        """A write in place: whoever else looks at the storage sees something that is not known."""
        written = dict(zip(op.writes, zip(op.operator.outputs, states, strict=False), strict=False))
        if not written:  # a write whose results nobody gets
            for storage in op.reads:
                self._known[storage] = {}
            return
        for storage, (spec, state) in written.items():
            before = self._known.get(storage, {})
            if before.get(spec.shape) == [state]:
                continue
            if storage not in self._known and state == INDEPENDENT:
                continue
            whole = spec.nbytes >= self._storages[storage].nbytes if storage >= 0 else False
            self._known[storage] = {spec.shape: [state if whole else None]}


def _apply(what: Operator, specs: Sequence[TensorSpec], states: list[State | None]) -> list[State | None]:
    """What the results see."""
    found = find(what.name)
    if found is None and "pointwise" in what.tags:
        found = mixing.elementwise
    if found is None:
        return []
    try:
        made = found(TrackedOp(what, specs, states))
    except Unknown:
        return []
    return list(made) if isinstance(made, list) else [made]


def window_of(state: State | None, sides: Shape) -> Window | None:
    """The figures of a state; `sides` are the input's. A tensor that sees no input has none."""
    if not state:
        return None
    axes = [_Axis.of(tracks, side) for tracks, side in zip(state, sides, strict=True)]
    jumps = [axis.jumps for axis in axes]
    known = all(jumps)
    return Window(
        sides=tuple([axis.side for axis in axes]),
        start=tuple([axis.start for axis in axes]),
        jump=tuple([min(j) for j in jumps]) if known else None,
        largest_jump=tuple([max(j) for j in jumps]) if known else None,
        sees_all=all(axis.sees_all for axis in axes),
    )


class _Axis(NamedTuple):
    side: int
    start: int
    jumps: list[float]
    sees_all: bool

    @classmethod
    def of(cls, tracks: tuple[Track, ...], side: int) -> _Axis:
        jumps = sorted({abs(track.spans.jump) for track in tracks if track.pieces})
        everything = [track.spans for track in tracks if track.is_global]
        if everything:
            spans = [_clipped(one, side) for one in everything]
            low, high = min(s[0] for s in spans), max(s[1] for s in spans)
            return cls(high - low + 1, low, list(map(float, jumps)), True)
        widest = max((track.spans for track in tracks), key=lambda spans: spans.widest)
        return cls(widest.widest, widest.start or 0, list(map(float, jumps)), False)


def _clipped(spans: Spans, side: int) -> tuple[int, int]:
    """What of the input all positions together see."""
    low, high = spans.phases[0] or (0, -1)
    return max(low, 0), min(high, side - 1)
