"""Awkward owners: a function each that makes a module and the arguments of one call, fresh every time."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import GeneratorType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# A linear layer of 4 to 4 on two rows, which most owners have and nothing else that multiplies.
L = 2 * 4 * 4


@dataclass(slots=True)
class Made:
    """A module and the arguments of a call; `beside` is what else the owner has, out of their reach."""

    module: nn.Module
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    beside: Any = ()


@dataclass(frozen=True, slots=True)
class Owner:
    """How to make one.

    awkward:
        what is awkward about it.
    macs:
        of one call, by hand; None where the forward raises or where nobody could know.
    train:
        whether it is asked about in training mode.
    needs:
        a package that it needs.
    raises:
        whether its own forward raises.
    quiet:
        whether its own forward leaves everything as it was.
    measured:
        whether it can be profiled.
    """

    name: str
    awkward: str
    maker: Callable[[], Made]
    macs: int | None
    train: bool = False
    needs: str | None = None
    raises: bool = False
    quiet: bool = False
    measured: bool = True

    def make(self) -> Made:
        """A fresh one, equal to all others."""
        seed(0)
        return self.maker()


OWNERS: dict[str, Owner] = {}


def owner(
    awkward: str, *, macs: int | None = L, **more: Any
) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Put a maker on the list. It returns a Made, or a module that is called with two rows of 4."""

    def listed(maker: Callable[[], Any]) -> Callable[[], Any]:
        def made() -> Made:
            found = maker()
            return found if isinstance(found, Made) else Made(found, (rows(),))

        name = maker.__name__
        assert name not in OWNERS, name
        OWNERS[name] = Owner(name, awkward, made, macs, **more)
        return maker

    return listed


def seed(number: int) -> None:
    """All generators of the process, and the counter that torch numbers hooks by."""
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)
    torch.utils.hooks.RemovableHandle.next_id = 1_000_000 * (number + 1)


def rows(count: int = 2) -> Tensor:
    """The usual argument."""
    return torch.randn(count, 4)


class Does(nn.Module):
    """A linear layer and what the owner made of it: `does(self, x)` is the forward."""

    def __init__(self, does: Callable[..., Any], **attributes: Any) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.does = does
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.does(self, *args, **kwargs)


def after(change: Callable[[Any], object], **attributes: Any) -> Does:
    """The forward calls the layer, then `change(self)`."""

    def does(self: Does, x: Tensor) -> Tensor:
        y = self.linear(x)
        change(self)
        return y

    return Does(does, **attributes)


def with_(module: nn.Module, attributes: Mapping[str, Any]) -> nn.Module:
    """The module with attributes, past whatever its class thinks of them."""
    module.__dict__.update(attributes)
    return module


def run(made: Made) -> Any:
    """What the owner's own call returns, or its error; always from the same random numbers."""
    seed(1)
    with torch.no_grad():
        try:
            result = made.module(*made.args, **made.kwargs)
            return list(result) if isinstance(result, GeneratorType) else result
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, it is to be the same
            return type(error), error.args
