"""A machine with a clock of its own, kernels of planted lengths, and whatever can go wrong with one."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from netscope.report.measured.device import Device
from netscope.report.measured.events import Event
from netscope.report.measured.samples import Reading

# What passes between the host's begins and ends, so that nothing begins when what is around it does.
TICK = 1e-12
# Writing over the caches takes so long.
FLUSH = 1e-4


class FakeOutOfMemory(Exception):
    pass


@dataclass(frozen=True)
class Kernel:
    """One piece of work of a layer: `seconds` on a stream, after `host` seconds of the host's own work.

    node:
        the sequence number of the autograd node that the operator makes (forward) or is (backward).
    """

    layer: str | None
    seconds: float
    stream: int = 0
    host: float = 0.0
    node: int = -1
    backward: bool = False
    accumulates: bool = False
    name: str = "kernel"


@dataclass
class Noise:
    """How steps scatter; `level` is the standard deviation of a logarithm."""

    seed: int = 0
    level: float = 0.0
    alike: float = 0.0  # correlation of a step with the one before
    outliers: float = 0.0  # share of steps that take up to three times as long
    rounds: float = 0.0  # what all steps of a round share
    drift: Callable[[float], float] = lambda now: 1.0  # this is no noise, but the truth that moves

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._last = self._random.gauss(0, self.level)
        self._round = self._random.gauss(0, self.rounds)

    def step(self) -> float:
        draw = self._random
        self._last = self.alike * self._last + math.sqrt(1 - self.alike**2) * draw.gauss(0, self.level)
        outlier = 1 + 2 * draw.random() if draw.random() < self.outliers else 1.0
        return math.exp(self._last + self._round) * outlier

    def next_round(self) -> None:
        self._round = self._random.gauss(0, self.rounds)


@dataclass
class FakeBackend:
    """`slow` tells for each round how much longer its steps take, with the clock that the sensors show."""

    asynchronous: bool = True
    noise: Noise = field(default_factory=Noise)
    readings: Sequence[Reading] = ()
    slow: Callable[[int], float] = lambda round: 1.0
    memory: int = 2**40
    cpu_share: float = 1.0
    waited_share: float | None = None
    latency: float = 0.0  # from a launch to the earliest start of what it launched
    name: str = "fake"

    def __post_init__(self) -> None:
        self.now = 0.0
        self.free: dict[int, float] = {}
        self.rounds = 0
        self.allocated = 0
        self.log: list[str] = []
        self.threads = 4
        self.precise = "fp32"
        self.true_steps: list[float] = []
        self._events: list[Event] | None = None
        self._launched = 0

    # What steps are made of

    def work(self, kernel: Kernel, factor: float) -> None:
        start = self.now
        self.now += kernel.host + TICK
        seconds = kernel.seconds * factor
        self._launched += 1
        if self.asynchronous:
            begun = max(self.now + self.latency, self.free.get(kernel.stream, 0.0))
            self.free[kernel.stream] = begun + seconds
            self._note("launch", "launch", self.now, self.now, 0, self._launched)
            self.now += TICK
            self._note("device", kernel.name, begun, begun + seconds, kernel.stream, self._launched)
        else:
            self.now += seconds
        self._note(
            "operator",
            "evaluate: AccumulateGrad" if kernel.accumulates else kernel.name,
            start,
            self.now,
            sequence=kernel.node,
            forward_lane=0 if kernel.backward and not kernel.accumulates else -1,
        )

    def allocate(self, nbytes: int) -> None:
        if self.allocated + nbytes > self.memory:
            raise FakeOutOfMemory(f"{nbytes} bytes")
        self.allocated += nbytes

    @contextmanager
    def range(self, kind: Any, name: str) -> Iterator[None]:
        start = self.now
        self.now += TICK
        yield
        self.now += TICK
        self._note(kind, name, start, self.now)

    def _note(
        self,
        kind: Any,
        name: str,
        start: float,
        end: float,
        lane: int = 0,
        correlation: int = -1,
        sequence: int = -1,
        forward_lane: int = -1,
    ) -> None:
        if self._events is not None:
            self._events.append(Event(kind, name, start, end, lane, correlation, sequence, forward_lane))

    # The protocol

    def device(self) -> Device:
        return Device("fake:0", "Fake 9000", self.memory)

    def dtypes(self) -> frozenset[str]:
        return frozenset({"fp32", "bf16"})

    def clock(self) -> float:
        return self.now

    def cpu_seconds(self) -> float | None:
        return self.cpu_share * self.now

    def waited_seconds(self) -> float | None:
        return None if self.waited_share is None else self.waited_share * self.now

    def synchronize(self) -> None:
        self.now = max(self.now, *self.free.values()) if self.free else self.now

    def expect(self, marks: int) -> None:
        pass

    def flush(self) -> None:
        self.log.append("flushed")
        self.work(Kernel(None, FLUSH), 1.0)

    def mark(self) -> float:
        return max(self.now, *self.free.values()) if self.free else self.now

    def between(self, start: float, end: float) -> float:
        return end - start

    def reading(self) -> Reading | None:
        self.rounds += 1
        self.noise.next_round()
        return self.readings[(self.rounds - 1) % len(self.readings)] if self.readings else None

    @contextmanager
    def steady(self, threads: int | None) -> Iterator[None]:
        self.log.append(f"threads {threads}")
        yield
        self.log.append("threads back")

    @contextmanager
    def precision(self, dtype: str) -> Iterator[None]:
        before, self.precise = self.precise, dtype
        yield
        self.precise = before

    def captured(self, run: Callable[[], object]) -> Callable[[], object] | None:
        return None

    def record(self, run: Callable[[], object]) -> tuple[Event, ...]:
        self._events = []
        run()
        events, self._events = self._events, None
        return tuple(events)

    def peak_memory(self, run: Callable[[], object]) -> int | None:
        return None

    def out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, FakeOutOfMemory)

    def release(self) -> None:
        self.log.append("released")
        self.allocated = 0

    def copy(self, nbytes: int) -> Callable[[], object]:
        return lambda: self.work(Kernel(None, 2 * nbytes / 4e12), 1.0)

    def matmul(self, side: int, dtype: str) -> Callable[[], object]:
        rate = {"fp32": 50e12, "bf16": 900e12}[self.precise if dtype == "fp32" else dtype]
        return lambda: self.work(Kernel(None, 2 * side**3 / rate), 1.0)

    def convolve(self, side: int, dtype: str) -> Callable[[], object] | None:
        return None


@dataclass
class FakeStep:
    """Runs planted kernels, phase by phase; each in the range of its layer."""

    backend: FakeBackend
    plan: dict[str, Sequence[Kernel]]
    preparation: float = 0.0
    memory: int = 0

    @property
    def phases(self) -> tuple[tuple[str, Callable[[], object]], ...]:
        return tuple(
            (name, lambda kernels=kernels: self._run(kernels)) for name, kernels in self.plan.items()
        )

    def prepare(self) -> None:
        self.backend.now += self.preparation
        self.backend.allocated = 0
        self.backend.allocate(self.memory)
        self._truth = self.backend.noise.drift(self.backend.now)
        self._factor = self._truth * self.backend.noise.step() * self.backend.slow(self.backend.rounds)
        self.backend.true_steps.append(
            self._truth * sum(kernel.seconds for kernels in self.plan.values() for kernel in kernels)
        )

    def _run(self, kernels: Sequence[Kernel]) -> None:
        for kernel in kernels:
            if kernel.layer is None or kernel.backward:
                self.backend.work(kernel, self._factor)
            else:
                with self.backend.range("layer", kernel.layer):
                    self.backend.work(kernel, self._factor)

    def recorded(self, steps: int) -> tuple[Event, ...]:
        """What `scopes.recorded` does for a real network."""

        def run() -> None:
            for _ in range(steps):
                self.prepare()
                self.backend.synchronize()
                with self.backend.range("step", ""):
                    for name, function in self.phases:
                        with self.backend.range("phase", name):
                            function()
                    self.backend.synchronize()

        return self.backend.record(run)


def forward(*kernels: Kernel) -> dict[str, Sequence[Kernel]]:
    return {"forward": kernels}
