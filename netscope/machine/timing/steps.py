"""What is repeated: one inference or one training step, in phases."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch

from netscope.base.errors import UsageError
from netscope.trace.modules import tensors_of
from netscope.trace.tree import leaves

Phases = tuple[tuple[str, Callable[[], object]], ...]

_SEED: Final = 0
# Whoever has parts of tensors has imported it.
_FUNCTIONAL: Final = "torch.distributed._functional_collectives"

# A learning rate of zero: every update is computed and written, and no weight ever leaves the range of
# ordinary numbers, however often the step is repeated.
Optimizer = Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]
OPTIMIZERS: Final[dict[str, Optimizer]] = {
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=0.0),
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.0, momentum=0.9),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.0),
}


def optimizer_named(name: str) -> Optimizer:
    """What makes that optimizer for some parameters.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in OPTIMIZERS:
        raise UsageError(f"no optimizer is named {name!r}.", hint=f"use {', '.join(OPTIMIZERS)}")
    return OPTIMIZERS[name]


class Inference:
    """One forward without gradients."""

    def __init__(self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._module = module
        self._args = args
        self._kwargs = dict(kwargs)
        self._sent = _sent()

    @property
    def phases(self) -> Phases:
        """The forward."""
        return (("forward", self._forward),)

    def prepare(self) -> None:
        """Nothing to do between forwards."""

    def _forward(self) -> None:
        with torch.no_grad():
            result = self._module(*self._args, **self._kwargs)
        if self._sent:
            arrived(result)


class Training:
    """Forward, backward and optimizer. Gradients are dropped in `prepare`, outside the timed region.

    The backward starts from random gradients of the outputs, so that no loss adds work of its own; a
    network that returns its loss gets a gradient for that, as for everything else that it returns.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        optimizer: str = "adamw",
    ) -> None:
        """Make the optimizer; its state comes with the first step.

        Raises:
            UsageError: there is no such optimizer, or nothing that it could train.
        """
        make = optimizer_named(optimizer)
        trained = [p for p in tensors_of(module) if isinstance(p, torch.nn.Parameter) and p.requires_grad]
        if not trained:
            raise UsageError("no parameter of the network can be trained: none requires a gradient.")
        self._module = module
        self._args = args
        self._kwargs = dict(kwargs)
        self._optimizer = make(trained)
        self._sent = _sent()
        self._outputs: list[torch.Tensor] = []
        self._gradients: list[torch.Tensor] = []

    @property
    def phases(self) -> Phases:
        """Forward, backward, optimizer."""
        return (("forward", self._forward), ("backward", self._backward), ("optimizer", self._step))

    def prepare(self) -> None:
        """Drop the gradients and whatever a step that failed has left."""
        self._outputs = []
        self._optimizer.zero_grad(set_to_none=True)

    def _forward(self) -> None:
        with torch.enable_grad():
            result = self._module(*self._args, **self._kwargs)
        if self._sent:
            arrived(result)
        self._outputs = [
            leaf for _, leaf in leaves(result) if isinstance(leaf, torch.Tensor) and leaf.requires_grad
        ]
        if not self._outputs:
            raise UsageError("the network returned nothing that depends on its parameters.")

    def _backward(self) -> None:
        if [g.shape for g in self._gradients] != [out.shape for out in self._outputs]:
            self._gradients = [_noise_like(out) for out in self._outputs]
        torch.autograd.backward(self._outputs, self._gradients)
        self._outputs = []

    def _step(self) -> None:
        self._optimizer.step()


def _sent() -> bool:
    """Whether ranks may send each other something; else nothing has to arrive."""
    return _FUNCTIONAL in sys.modules and torch.distributed.is_initialized()


def arrived(result: Any) -> None:
    """Wait for what is still on its way in a result: a collective is over once somebody uses what it made."""
    for _, leaf in leaves(result):
        local = getattr(leaf, "_local_tensor", leaf)
        wait = getattr(local, "trigger_wait", None)
        if wait is not None:
            wait()


def _noise_like(tensor: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator(tensor.device).manual_seed(_SEED)
    noise = torch.randn(tensor.shape, generator=generator, device=tensor.device)
    return noise.to(tensor.dtype)
