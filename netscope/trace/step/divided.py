"""What a step of a network that is divided among ranks takes beside: where the rank is, and what rests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import torch

from netscope.trace.facts import Place
from netscope.trace.sharded import is_divided, place_of, state_of
from netscope.trace.step.recorder import StepRecorder


class Divided:
    """A network's parts on this rank; of one that is not divided nothing is done.

    place:
        of the rank; None for a network that is not divided.
    """

    def __init__(self, modules: list[torch.nn.Module], recorder: StepRecorder) -> None:
        self._modules = modules
        self._recorder = recorder
        parts = [tensor for tensor in _parameters(modules) if is_divided(type(tensor))]
        self._divided = bool(parts)
        self.place: Place | None = place_of(parts)
        self._resting: list[tuple[torch.nn.Module, dict[str, torch.nn.Parameter | None]]] = []

    def settle(self, locate: Callable[[str], int], rest: Callable[[Iterable[torch.Tensor]], None]) -> None:
        """Have units made ready as the first of all steps does: parts are filled up to the size of others'.

        locate:
            as of `Units`.
        rest:
            is told of the parameters at rest.
        """
        if not self._divided:
            return
        recorder = self._recorder
        recorder.phase("state")
        recorder.follow_units(locate)
        for state in _roots(self._modules):
            with suppress(Exception):  # what is wrong with it, the forward is to say
                state._lazy_init()
        for module in self._modules:
            if state_of(module) is not None and hasattr(module, "reshard"):
                with suppress(Exception):  # one that its owner has left whole
                    module.reshard()  # type: ignore[operator]
        rest(_parameters(self._modules))
        self._resting = [(module, module._parameters.copy()) for module in self._modules]

    def rest(self) -> None:
        """Give modules the parameters back that they have at rest: a forward may leave units whole."""
        for module, parameters in self._resting:
            module._parameters.update(parameters)


def _parameters(modules: list[torch.nn.Module]) -> list[torch.Tensor]:
    return [tensor for module in modules for tensor in module._parameters.values() if tensor is not None]


def _roots(modules: list[torch.nn.Module]) -> Iterator[Any]:
    """The states of units that lie in no other and have not run yet."""
    inside: set[int] = set()
    for module in modules:
        state = state_of(module)
        if state is None or id(module) in inside:
            continue
        inside.update(map(id, module.modules()))
        if getattr(state, "_is_root", False) is None and hasattr(state, "_lazy_init"):
            yield state
