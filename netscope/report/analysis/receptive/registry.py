"""Operator -> what it does to receptive fields: the one table, and what a rule may ask.

    @rule("aten.flip")
    def flip(call: TrackedOp) -> State: ...

Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from netscope.base.workload import TensorSpec
from netscope.report.analysis.receptive.spans import Spans, Unknown
from netscope.report.analysis.receptive.tracks import INDEPENDENT, State, along
from netscope.trace.facts import Operator


class TrackedOp(NamedTuple):
    """An operator with the states of the tensors among its arguments, in order."""

    op: Operator
    specs: Sequence[TensorSpec]
    states: Sequence[State | None]

    @property
    def first(self) -> State:
        """The state of the first tensor, on which alone the result depends."""
        if any(state != INDEPENDENT for state in self.states[1:]):
            raise Unknown("a further argument depends on the input")
        return self.state(0)

    @property
    def shape(self) -> tuple[int, ...]:
        """The first tensor's shape."""
        return self.specs[0].shape

    @property
    def result(self) -> tuple[int, ...]:
        """The first result's shape."""
        return self.op.outputs[0].shape

    def state(self, index: int) -> State:
        """The state of the `index`-th tensor."""
        state = self.states[index]
        if state is None:
            raise Unknown("an argument is unknown")
        return state

    def arg(self, position: int, name: str, default: Any = None) -> Any:
        """The argument at `position` or called `name`."""
        args = self.op.args
        return args[position] if position < len(args) else self.op.kwargs.get(name, default)

    def dim(self, position: int = 1, name: str = "dim", default: int | None = None) -> int:
        """An argument that is one dimension, counted from the front."""
        value = self.arg(position, name, default)
        if not isinstance(value, int):
            raise Unknown("no dimension")
        return value % max(len(self.shape), 1)

    def dims(self, position: int = 1, name: str = "dim") -> list[int]:
        """An argument that is some dimensions; all of them when it was left out."""
        value = self.arg(position, name)
        rank = len(self.shape)
        if isinstance(value, bool) or value is None or value == ():
            return list(range(rank))
        return [d % rank for d in ((value,) if isinstance(value, int) else value)]

    def windows(self, state: State, changes: Sequence[Callable[[Spans], Spans] | None]) -> State:
        """The state after something moved along the last dimensions; None where nothing happens."""
        first = len(self.shape) - len(changes)
        for dim, change in enumerate(changes, first):
            if change is not None:
                state = along(state, dim, change, self.shape[dim], self.result[dim])
        return state


Rule = Callable[[TrackedOp], State | list[State]]

_RULES: Final[dict[str, Rule]] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register the decorated function for the operators of these names, all overloads and in-place."""

    def register(function: Rule) -> Rule:
        for name in names:
            _RULES[name] = function
        return function

    return register


def find(name: str) -> Rule | None:
    """The rule of a full operator name ("aten.relu_.default")."""
    packet = name.rpartition(".")[0]
    return _RULES.get(packet) or (_RULES.get(packet[:-1]) if packet.endswith("_") else None)


def specs_in(value: Any) -> Iterator[TensorSpec]:
    """The tensors among arguments, in the order in which the tracer read them."""
    if isinstance(value, TensorSpec):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from specs_in(item)
