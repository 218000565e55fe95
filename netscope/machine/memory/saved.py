"""What autograd keeps of a real forward, by torch's own hooks."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch

from netscope.trace.step.program import Recipe, Training


class _Held:
    """What autograd keeps, for as long as it does."""

    __slots__ = ("__weakref__", "tensor")

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor


class _Enough(Exception):
    """What was to be seen has been seen."""


class _Hooks:
    """Sees what is kept by the end of the first forward, and ends the step there."""

    def __init__(self, own: set[int]) -> None:
        self._own = own
        self._held: list[weakref.ref[_Held]] = []
        self.nbytes: list[int] = []

    def phase(self, name: str) -> None:
        """A part begins; with the first backward the forward is over."""
        if name != "backward":
            return
        found: dict[int, int] = {}
        for reference in self._held:
            held = reference()
            if held is not None:
                storage = held.tensor.untyped_storage()
                if storage._cdata not in self._own:
                    found[storage._cdata] = storage.nbytes()
        self.nbytes = sorted(found.values())
        raise _Enough

    @contextmanager
    def forwarding(self) -> Iterator[None]:
        """The forward and its loss."""

        def hold(tensor: torch.Tensor) -> _Held:
            held = _Held(tensor.detach())  # its own result, autograd is not to hold
            self._held.append(weakref.ref(held))
            return held

        with torch.autograd.graph.saved_tensors_hooks(hold, lambda held: held.tensor):
            yield


def saved_sizes(
    module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], recipe: Recipe
) -> list[int]:
    """Bytes of each storage that autograd keeps of a step's first forward, parameters and buffers apart.

    The module is run in training mode: it is a copy's turn to be given.
    """
    own = {t.untyped_storage()._cdata for t in (*module.parameters(), *module.buffers())}
    hooks = _Hooks(own)
    with suppress(_Enough):
        Training(module, args, kwargs, recipe, torch.device("cpu")).step(hooks)
    return hooks.nbytes
