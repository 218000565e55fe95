"""Networks whose layers take planted times on a fake machine, run through the whole of `netscope.profile`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from netscope.machine.timing import scopes
from netscope.report.measured.device import Device
from netscope.report.measured.events import LAYER, PHASE, STEP
from netscope.trace.here import here
from tests.machine.timing.fake import TICK, FakeBackend, Kernel
from tests.machine.timing.gpu import kept

_KINDS = {LAYER: "layer", PHASE: "phase", STEP: "step"}


class Machine(FakeBackend):
    """A fake machine where torch's own tensors are on the processor.

    homeless:
        seconds of work that nobody asked for, whenever the host waits for the device.
    replays:
        whether work can be handed over in one go; it then takes no time of the host's.
    """

    homeless = 0.0
    replays = False
    factor = 1.0

    def device(self) -> Device:
        return Device("cpu", "Fake 9000", self.memory)

    def begin(self) -> None:
        """A step begins: how long it takes is drawn."""
        self.allocated = 0
        truth = self.noise.drift(self.now)
        self.factor = truth * self.noise.step() * self.slow(self.rounds)

    def synchronize(self) -> None:
        if self.homeless:
            self.now += TICK  # the last step is over
            self.work(Kernel(None, self.homeless, name="daemon"), 1.0)
        super().synchronize()

    def captured(self, run: Callable[[], object]) -> Callable[[], object] | None:
        if not self.replays:
            return None
        asked: list[Kernel] = []
        work, self.work = self.work, lambda kernel, factor: asked.append(kernel)  # type: ignore[method-assign]
        run()
        self.work = work  # type: ignore[method-assign]

        def replay() -> None:
            for kernel in asked:
                self.work(replace(kernel, host=0.0), 1.0)

        return replay

    def peak_memory(self, run: Callable[[], object]) -> int | None:
        run()
        return self.allocated


class Planted(nn.Module):
    """A layer that has the machine work, and adds one to what it gets."""

    def __init__(self, machine: Machine, *kernels: Kernel, each: int = 0) -> None:
        super().__init__()
        self.machine = kept(machine)
        self.kernels = kernels
        self.each = each
        self.bias = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        if here.recorder is not None:
            return x + self.bias
        machine = self.machine()
        machine.allocate(self.each * len(x))
        for kernel in self.kernels:
            machine.work(kernel, machine.factor)
        return x + self.bias


class Net(nn.Module):
    """Two layers, one of them around another, and work of its own between them."""

    def __init__(self, machine: Machine, own: Sequence[Kernel] = ()) -> None:
        super().__init__()
        self.machine = kept(machine)
        self.own = tuple(own)
        self.first = Planted(machine, Kernel(None, 2e-3))
        self.block = nn.Sequential(Planted(machine, Kernel(None, 3e-3), Kernel(None, 1e-3)))

    def forward(self, x: Tensor) -> Tensor:
        machine = self.machine()
        if here.recorder is None:
            machine.begin()
        x = self.first(x)
        for kernel in self.own if here.recorder is None else ():
            machine.work(kernel, machine.factor)
        return self.block(x * 2)


@pytest.fixture
def ranges(monkeypatch: pytest.MonkeyPatch) -> Callable[[Machine], None]:
    """Has a machine record the ranges around layers, phases and steps, in torch's place."""

    def use(machine: Machine) -> None:
        @contextmanager
        def mark(name: str) -> Iterator[None]:
            prefix = next(prefix for prefix in _KINDS if name.startswith(prefix))
            with machine.range(_KINDS[prefix], name.removeprefix(prefix)):
                yield

        monkeypatch.setattr(scopes, "_range", lambda: mark)

    return use


def times(report: Any) -> dict[str, float]:
    """Path -> the forward's own seconds."""
    return {layer.path: layer.timing.own.forward for layer in report.layers if layer.timing is not None}
