"""Classic networks, one readable function each: `netscope.zoo.alexnet(num_classes=5)`.

They return plain torch modules with random weights and named layers ("features.conv1"). The functions
are found through `catalog.ZOO`, so importing this package does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from netscope.zoo.catalog import ZOO

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

__all__ = sorted(ZOO)  # noqa: PLE0605 - the table is the one list of names


def factory(name: str) -> Callable[..., nn.Module]:
    """The function that builds the network of that name.

    Raises:
        KeyError: the zoo has no such network.
    """
    found: Callable[..., nn.Module] = function(ZOO[name].factory)
    return found


def function(place: str) -> Callable[..., Any]:
    """What "module:function" within this package names."""
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(import_module(f"{__name__}.{module}"), name)
    return found


def __getattr__(name: str) -> Callable[..., nn.Module]:
    if name in ZOO:
        return factory(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
