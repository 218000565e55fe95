"""A step's memory over time: how much was alive at each operator, and whose it was at the peak."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from netscope.formulas.scratch import scratch_of
from netscope.trace.facts import Operator
from netscope.trace.step.facts import Event, Role, Step

# What a kernel allocates for itself and lets go of before it returns, in bytes.
Scratch = Callable[[Operator, str], int]


class Point(NamedTuple):
    """One operator.

    op:
        index into the step's operators.
    nbytes:
        the most that was alive while it ran.
    """

    op: int
    nbytes: int


class Part(NamedTuple):
    """A part of the step.

    begin, most, end:
        bytes alive at its begin, at most within it, and at its end.
    first, last:
        its operators are those from `first` up to `last`.
    """

    name: str
    begin: int
    most: int
    end: int
    first: int
    last: int


class Owner(NamedTuple):
    """What is alive at the peak: whose it is and how much.

    role:
        what it is for.
    path:
        the layer that had it made; "" for the network itself, None for no layer at all.
    operator:
        that made it; "" for what was there before.
    blocks:
        how many storages.
    """

    role: Role
    path: str | None
    operator: str
    nbytes: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Bytes alive over a step, parameters and all else that was there included.

    points:
        of each operator that changed what was alive.
    peak, peak_op:
        the most, and at which operator.
    scratch:
        bytes of the peak that the operator itself took for as long as it ran.
    roles:
        {role: bytes} at the peak, scratch apart.
    owners:
        who is alive at the peak, most first.
    at_rest, at_end:
        {role: bytes} before the step and after it.
    """

    points: tuple[Point, ...]
    parts: tuple[Part, ...]
    peak: int
    peak_op: int
    scratch: int
    roles: dict[Role, int]
    owners: tuple[Owner, ...]
    at_rest: dict[Role, int]
    at_end: dict[Role, int]

    def part(self, name: str) -> Part:
        """The first part of that name.

        Raises:
            KeyError: there is none.
        """
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)


def timeline_of(step: Step, scratch: Scratch = scratch_of) -> Timeline:
    """What was alive when."""
    ops, events = step.trace.ops, step.events
    start = step.begin
    live = 0
    alive: dict[int, int] = {}
    for event in events[:start]:
        live += _change(event, alive)
    at_rest = _by_role(step, alive)
    points: list[Point] = []
    parts = _Parts(step, live)
    peak, peak_op, peak_scratch, peak_event = live, parts.first, 0, start
    index = start
    for op, group_end in _groups(events, start, parts.first, len(ops)):
        most = live
        best = index
        while index < group_end:
            parts.at(index, live)
            live += _change(events[index], alive)
            index += 1
            if live > most:
                most, best = live, index
            parts.see(live)
        taken = 0 if op >= len(ops) or op < 0 else scratch(ops[op].operator, step.device)
        if taken and live + taken > most:
            most, best = live + taken, index
            parts.see(most)
        if most > peak:
            peak, peak_op, peak_event = most, op, best
            peak_scratch = taken if most == live + taken and taken else 0
        points.append(Point(op, most))
    parts.at(len(events), live)
    at_peak: dict[int, int] = {}
    for event in events[:peak_event]:
        _change(event, at_peak)
    return Timeline(
        tuple(points),
        parts.done(live),
        peak,
        peak_op,
        peak_scratch,
        _by_role(step, at_peak),
        _owners(step, at_peak),
        at_rest,
        _by_role(step, alive),
    )


def _change(event: Event, alive: dict[int, int]) -> int:
    if event.born:
        alive[event.storage] = event.nbytes
        return event.nbytes
    alive.pop(event.storage, None)
    return -event.nbytes


def _groups(events: tuple[Event, ...], start: int, first_op: int, ops: int) -> Iterator[tuple[int, int]]:
    """(operator, where its events end): those that come before the next one begins.

    An event that says so many operators have begun belongs to the last of these. What an operator makes is
    seen just before it is written down.
    """
    index = start
    for op in range(first_op, ops + 1):
        end = index
        while end < len(events) and events[end].op <= op:
            end += 1
        if end > index or op < ops:
            yield op, end
        index = end


class _Parts:
    """The parts of a step, as they go by."""

    def __init__(self, step: Step, live: int) -> None:
        self._phases = [phase for phase in step.phases if phase.name != "state"]
        self._next = 0
        self._open: list[tuple[str, int, int, int]] = []
        self._most = live
        self.first = self._phases[0].op if self._phases else 0

    def at(self, event: int, live: int) -> None:
        """Before an event, with so much alive."""
        while self._next < len(self._phases) and self._phases[self._next].event <= event:
            phase = self._phases[self._next]
            if self._open:
                name, begin, _, op = self._open[-1]
                self._open[-1] = name, begin, self._most, op
            self._open.append((phase.name, live, live, phase.op))
            self._most = live
            self._next += 1

    def see(self, live: int) -> None:
        """So much is alive."""
        self._most = max(self._most, live)

    def done(self, live: int) -> tuple[Part, ...]:
        """All of them."""
        begun = self._open
        ends = [*(begin for _, begin, _, _ in begun[1:]), live]
        lasts = [*(op for _, _, _, op in begun[1:]), begun[-1][3] if begun else 0]
        return tuple(
            Part(name, begin, most, end, op, last)
            for (name, begin, most, op), end, last in zip(begun, ends, lasts, strict=True)
            if name != "end"
        )


def _by_role(step: Step, alive: dict[int, int]) -> dict[Role, int]:
    found: Counter[Role] = Counter()
    for storage, nbytes in alive.items():
        found[step.roles[storage]] += nbytes
    return {role: found[role] for role in Role if found[role]}


def _owners(step: Step, alive: dict[int, int]) -> tuple[Owner, ...]:
    """What is alive, by role, layer and operator, most first."""
    trace = step.trace
    found: dict[tuple[Role, str | None, str], tuple[int, int]] = {}
    for storage, nbytes in alive.items():
        born = trace.storages[storage].born
        path: str | None = None
        operator = ""
        if 0 <= born < len(trace.ops):
            op = trace.ops[born]
            operator = op.operator.name
            path = trace.calls[op.call].path if op.call >= 0 else None
        key = step.roles[storage], path, operator
        known = found.get(key, (0, 0))
        found[key] = known[0] + nbytes, known[1] + 1
    owners = [Owner(*key, nbytes, blocks) for key, (nbytes, blocks) in found.items() if nbytes]
    return tuple(sorted(owners, key=lambda owner: -owner.nbytes))
