"""Whose time it was: events -> seconds of each layer, what belongs to none, and what was idle.

A pure function of recorded events, for every machine. Work is what the device ran, where there is a device
with a queue of its own; else it is the operators on the host, each without the operators inside it.

- An operator belongs to the innermost module call around it on its thread.
- Work on a device belongs where the call that launched it belongs; where the recording has no such call,
  where the operator belongs by which the profiler knows it.
- An autograd node belongs where the operator that made it belongs: the last one that began with the node's
  sequence number. A node made between operators goes to the last one before it.
- The accumulation of a gradient has no number. The engine runs it at once after the node that completed the
  gradient, and it belongs to that one's layer.

What no rule reaches is unattributed, and named.

Profilers lose work: CUPTI of CUDA 12.6 to 13.0 hands out kernels without a time at the start of a recording,
which are dropped on the way. A step with launches of which nothing came is left out while others have all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from netscope.machine.timing.spans import Span, clipped, covered
from netscope.report.measured.breakdown import Breakdown, LayerTime, Work
from netscope.report.measured.events import Event

# A phase whose work is that of no layer.
OPTIMIZER: Final = "optimizer"
_ACCUMULATES: Final = "AccumulateGrad"
# Profilers count in nanoseconds: less is a rounding of sums.
_TICK: Final = 1e-9
# What the names of calls that hand a kernel over have in them ("cudaLaunchKernelExC"); others ask, or wait.
_HANDS_OVER: Final = ("LaunchKernel", "LaunchCooperativeKernel", "GraphLaunch")
# Work that seems to begin longer than this before the recording does has no time: clocks differ by less.
_SKEW: Final = 1.0


class _Place(NamedTuple):
    """Where a piece of work belongs. `path` is None outside every module."""

    path: str | None
    backward: bool


class _Piece(NamedTuple):
    """A piece of work: its place, and the time that it has to itself between `start` and `end`.

    asked:
        when the host asked for it, which tells the step and the phase.
    innermost:
        whether no other work is inside it.
    """

    name: str
    place: _Place
    asked: float
    start: float
    end: float
    seconds: float
    innermost: bool = True


def attribute(events: Iterable[Event], *, on_device: bool) -> Breakdown:
    """Attribute the work of the recorded steps. The middle half of the steps, by length, counts.

    on_device:
        whether work is what ran on a device, or the operators on the host.
    """
    recorded = sorted(events, key=lambda e: (e.start, -e.end))
    steps = [e for e in recorded if e.kind == "step"]
    walk = _Walk()
    for event in recorded:
        walk.meet(event)
    walk.end()
    lost = 0.0
    pieces: Sequence[_Piece] = walk.pieces
    if on_device:
        landed = _landed(recorded)
        pieces = _device(landed, walk)
        steps, lost = _complete(steps, recorded, {event.correlation for event in landed})
    steps = _typical(steps)
    if not steps:
        return Breakdown(on_device=on_device)
    found = _summed(steps, [e for e in recorded if e.kind == "phase"], pieces)
    return replace(found, on_device=on_device, lost=lost)


def layers_of(recorded: Sequence[Event]) -> list[str | None]:
    """The layer that each event belongs to, by the same rules; events in order of time, outer ones first."""
    walk = _Walk()
    places = [walk.meet(event) for event in recorded]
    return [
        walk.launch_of(event)[0].path if place is None else place.path
        for event, place in zip(recorded, places, strict=True)
    ]


def _typical(steps: Sequence[Event]) -> list[Event]:
    """The steps of middling length in order: a disturbed one would stand in every layer's mean."""
    ordered = sorted(steps, key=lambda e: e.seconds)
    cut = len(ordered) // 4
    return sorted(ordered[cut : len(ordered) - cut], key=lambda e: e.start)


def _landed(recorded: Sequence[Event]) -> list[Event]:
    """The work of the device whose times can be true."""
    return [e for e in recorded if e.kind == "device" and e.start >= -_SKEW]


def _complete(
    steps: Sequence[Event], recorded: Sequence[Event], landed: set[int]
) -> tuple[list[Event], float]:
    """The steps that lack the least of the work that was launched in them, and the share that they lack."""
    beginnings = [step.start for step in steps]
    launched: Counter[int] = Counter()
    lacking: Counter[int] = Counter()
    for event, correlations in _handed_over(recorded):
        index = bisect_right(beginnings, event.start) - 1
        if index >= 0 and event.start < steps[index].end:
            launched[index] += 1
            lacking[index] += landed.isdisjoint(correlations)
    shares = [lacking[index] / launched[index] if launched[index] else 0.0 for index in range(len(steps))]
    least = min(shares, default=0.0)
    return [step for step, share in zip(steps, shares, strict=True) if share <= least + 1e-9], least


def _handed_over(recorded: Sequence[Event]) -> list[tuple[Event, set[int]]]:
    """The calls that hand kernels over; the driver's inside one of the runtime's are one call with it."""
    calls: list[tuple[Event, set[int]]] = []
    last: dict[int, tuple[Event, set[int]]] = {}
    for event in recorded:
        if event.kind == "launch" and any(part in event.name for part in _HANDS_OVER):
            around = last.get(event.lane)
            if around is not None and event.start < around[0].end:
                around[1].add(event.correlation)
            else:
                calls.append((event, {event.correlation}))
                last[event.lane] = calls[-1]
    return calls


class _Open:
    """A host event that has not ended yet."""

    __slots__ = ("event", "inner", "innermost", "place")

    def __init__(self, event: Event, place: _Place) -> None:
        self.event = event
        self.place = place
        self.inner = 0.0  # seconds of the operators directly inside
        self.innermost = True


class _Walk:
    """Goes through the host's events in order of time, with a stack of what is open on each thread."""

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []
        # correlation -> the launch's place, and when it was made
        self.launches: dict[int, tuple[_Place, float]] = {}
        # the profiler's number of an operator -> the same of the operator
        self.operators: dict[int, tuple[_Place, float]] = {}
        self._open: dict[int, list[_Open]] = defaultdict(list)
        self._origins: dict[int, _Origins] = defaultdict(_Origins)
        self._last_node: dict[int, _Place] = {}

    def meet(self, event: Event) -> _Place | None:
        """The next event, and where it belongs; None for those of devices, which follow their launches."""
        if event.kind == "device":
            return None
        lane = self._open[event.lane]
        self._close(lane, event.start)
        around = lane[-1].place if lane else _Place(None, False)
        if event.kind == "launch":
            if event.correlation >= 0:
                self.launches[event.correlation] = around, event.start
            return around
        lane.append(_Open(event, self._place(event, around)))
        if event.external >= 0:
            self.operators[event.external] = lane[-1].place, event.start
        return lane[-1].place

    def launch_of(self, event: Event) -> tuple[_Place, float]:
        """Where a device's work belongs, and when the host asked for it."""
        nowhere = _Place(None, False), event.start
        return self.launches.get(event.correlation) or self.operators.get(event.external) or nowhere

    def end(self) -> None:
        """No more events follow."""
        for lane in self._open.values():
            self._close(lane, float("inf"))

    def _place(self, event: Event, around: _Place) -> _Place:
        if event.kind == "layer":
            return around._replace(path=event.name)
        if event.kind != "operator":
            return around
        if event.forward_lane >= 0:
            origin = self._origins[event.forward_lane].of(event.sequence, around.path)
            self._last_node[event.lane] = _Place(origin, True)
            return self._last_node[event.lane]
        if _ACCUMULATES in event.name:
            return self._last_node.get(event.lane, around)
        if event.sequence >= 0:
            self._origins[event.lane].add(event.sequence, around.path)
        return around

    def _close(self, lane: list[_Open], now: float) -> None:
        """End what ended by now. An operator's own time is what no operator inside it took."""
        while lane and lane[-1].event.end <= now:
            ended = lane.pop()
            event = ended.event
            taken, innermost = ended.inner, ended.innermost
            if event.kind == "operator":
                own = max(event.seconds - ended.inner, 0.0)
                self.pieces.append(
                    _Piece(event.name, ended.place, event.start, event.start, event.end, own, innermost)
                )
                taken, innermost = event.seconds, False
            if lane:
                lane[-1].inner += taken
                lane[-1].innermost &= innermost


class _Origins:
    """The layers of one thread's operators, by the sequence number that each began with."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._paths: list[str | None] = []

    def add(self, number: int, path: str | None) -> None:
        """An operator that begins; it takes the place of those that made no node."""
        while self._numbers and self._numbers[-1] >= number:
            self._numbers.pop()
            self._paths.pop()
        self._numbers.append(number)
        self._paths.append(path)

    def of(self, number: int, otherwise: str | None) -> str | None:
        """The layer of the node with that number; `otherwise` for one made before the recording."""
        index = bisect_right(self._numbers, number) - 1
        return self._paths[index] if index >= 0 else otherwise


def _device(landed: Iterable[Event], walk: _Walk) -> list[_Piece]:
    return [
        _Piece(event.name, *walk.launch_of(event), event.start, event.end, event.seconds) for event in landed
    ]


def _summed(steps: Sequence[Event], phases: Sequence[Event], pieces: Iterable[_Piece]) -> Breakdown:
    count = len(steps)
    beginnings = [step.start for step in steps]
    optimizers = [(e.start, e.end) for e in phases if e.name == OPTIMIZER]
    layers: dict[str, list[float]] = defaultdict(lambda: [0.0] * 4)
    homeless: dict[str, list[float]] = defaultdict(lambda: [0.0] * 2)
    ran: list[list[Span]] = [[] for _ in steps]
    optimizer = worked = 0.0
    for piece in pieces:
        index = bisect_right(beginnings, piece.asked) - 1
        if index < 0 or piece.asked >= steps[index].end:
            continue
        ran[index].append((piece.start, piece.end))
        worked += piece.seconds
        if any(start <= piece.asked < end for start, end in optimizers):
            optimizer += piece.seconds
        elif piece.place.path is None:
            homeless[piece.name][0] += piece.innermost
            homeless[piece.name][1] += piece.seconds
        else:
            times = layers[piece.place.path]
            times[piece.place.backward] += piece.seconds
            times[2 + piece.place.backward] += piece.innermost
    busy = sum(
        covered(clipped(spans, (step.start, step.end))) for spans, step in zip(ran, steps, strict=True)
    )
    works = [Work(name, calls / count, seconds / count) for name, (calls, seconds) in homeless.items()]
    overlap = worked - busy
    return Breakdown(
        layers={
            path: LayerTime(*[value / count for value in values]) for path, values in sorted(layers.items())
        },
        unattributed=tuple(sorted(works, key=lambda work: -work.seconds)),
        optimizer=optimizer / count,
        overlap=overlap / count if overlap > _TICK * count else 0.0,
        span=sum(step.seconds for step in steps) / count,
        busy=busy / count,
        steps=count,
    )
