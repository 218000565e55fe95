"""One step as people write it in Python: the same program is run without data, and for real to be measured.

What it holds on to, and until when, is part of what a step costs: a training loop keeps its output and its
loss until the next ones take their names.
"""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from netscope.base.errors import UsageError
from netscope.trace.modules import tensors_of
from netscope.trace.step.losses import Loss, mean_loss, of_parts, usual_loss
from netscope.trace.step.optimizers import optimizer_of

LOSSES: Mapping[str, Loss] = {"usual": usual_loss, "mean": mean_loss}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained for one step.

    optimizer:
        a class of `torch.optim` by its name in small letters, with options after a colon
        ("sgd:momentum=0.9"), or a function of the parameters; None for forward and backward alone.
    loss:
        "usual" (`losses.usual_loss`), "mean", or a function of what the network returns.
    amp:
        what autocast converts to in the forward ("bfloat16", "float16"); None without it.
    accumulate:
        forwards and backwards for one step of the optimizer.
    set_to_none:
        whether `zero_grad` lets gradients go, or fills them with zeros.
    checkpoint:
        patterns of the modules whose activations are computed again in backward.
    """

    optimizer: str | Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer] | None = "adamw"
    loss: str | Loss = "usual"
    amp: str | None = None
    accumulate: int = 1
    set_to_none: bool = True
    checkpoint: tuple[str, ...] = field(default=())


class Listener(Protocol):
    """Told of a step as it goes."""

    def phase(self, name: str) -> None:
        """A part of the step begins."""

    def forwarding(self) -> AbstractContextManager[object]:
        """To be entered around each forward and its loss."""


Call = Callable[[torch.nn.Module, tuple[Any, ...], dict[str, Any]], Any]


def _plainly(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return module(*args, **kwargs)


class Training:
    """A network about to be trained: its optimizer has its state already, as it has from the second step on.

    device:
        whose defaults the optimizer has.
    call:
        how the network is called.
    casts:
        the device to which torch's dispatcher takes the tensors to be, if that is another.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        recipe: Recipe,
        device: torch.device,
        call: Call = _plainly,
        casts: torch.device | None = None,
    ) -> None:
        self.module = module
        self._args = args
        self._kwargs = kwargs
        self._recipe = recipe
        self._casts = casts or device
        self._call = call
        self._loss = LOSSES[recipe.loss] if isinstance(recipe.loss, str) else recipe.loss
        tensors = tensors_of(module)
        self.parameters = [p for p in tensors if isinstance(p, torch.nn.Parameter) and p.requires_grad]
        self.optimizer = None
        for pattern in recipe.checkpoint:
            checkpoint(module, pattern)
        if recipe.optimizer is not None and self.parameters:
            self.optimizer = optimizer_of(recipe.optimizer, self.parameters, device)
            self._have_state()

    def _have_state(self) -> None:
        """A first step of zeros: it leaves the state that an optimizer keeps, and gradients."""
        assert self.optimizer is not None
        for parameter in self.parameters:
            parameter.grad = torch.zeros_like(parameter)
        with torch.no_grad():
            self.optimizer.step()

    def forget(self) -> None:
        """Let go of the gradients that the last step has left."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self, listener: Listener) -> None:
        """The step."""
        recipe = self._recipe
        listener.phase("zero_grad")
        if self.optimizer is not None:
            self.optimizer.zero_grad(set_to_none=recipe.set_to_none)
        elif recipe.set_to_none:
            self.forget()
        for _ in range(recipe.accumulate):
            with ExitStack() as stack:
                listener.phase("forward")
                with torch.enable_grad(), listener.forwarding(), self._casting():
                    output = self._call(self.module, self._args, self._kwargs)
                    listener.phase("loss")
                    if self._loss is usual_loss:
                        stack.enter_context(of_parts(output))
                    loss = self._loss(output)
                listener.phase("backward")
                scaled = loss / recipe.accumulate if recipe.accumulate > 1 else loss
                scaled.backward()  # type: ignore[no-untyped-call]
        listener.phase("optimizer")
        if self.optimizer is not None:
            self.optimizer.step()
        listener.phase("end")
        del output, loss, scaled

    def _casting(self) -> AbstractContextManager[object]:
        amp = self._recipe.amp
        return nullcontext() if amp is None else torch.autocast(self._casts.type, getattr(torch, amp))


def infer(
    module: torch.nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    amp: str | None,
    device: torch.device,
    listener: Listener,
    call: Call = _plainly,
) -> None:
    """A forward under no_grad."""
    listener.phase("forward")
    casting = nullcontext() if amp is None else torch.autocast(device.type, getattr(torch, amp))
    with torch.no_grad(), listener.forwarding(), casting:
        output = call(module, args, kwargs)
    listener.phase("end")
    del output


def checkpoint(module: torch.nn.Module, pattern: str) -> None:
    """Have the modules of these paths compute again in backward what is within them.

    Raises:
        UsageError: no module has such a path.
    """
    from torch.utils.checkpoint import checkpoint as again

    chosen = [
        (path, part) for path, part in module.named_modules() if path and fnmatch.fnmatchcase(path, pattern)
    ]
    if not chosen:
        raise UsageError(
            f"no module's path matches {pattern!r}.", hint="write one as in --checkpoint 'layers.*'"
        )
    for path, part in chosen:
        if any(other is not part and path.startswith(f"{name}.") for name, other in chosen):
            continue  # what it lies in is computed again as a whole
        part.__dict__["forward"] = functools.partial(again, part.forward, use_reentrant=False)
