"""Short names for the tensors that the factories of `packages` take, batch included."""

from __future__ import annotations

from typing import Any

from netscope.base.workload import TensorSpec

# What a factory returns: a module, its arguments and its keyword arguments.
Made = tuple[Any, tuple[Any, ...], dict[str, Any]]


def floats(*shape: int) -> TensorSpec:
    """Real numbers."""
    return TensorSpec(shape)


def ids(*shape: int) -> TensorSpec:
    """Token ids, class labels, steps."""
    return TensorSpec(shape, "int64")


def flags(*shape: int) -> TensorSpec:
    """A mask."""
    return TensorSpec(shape, "bool")


def image(side: int = 224, channels: int = 3) -> TensorSpec:
    """One image."""
    return floats(1, channels, side, side)


def call(module: Any, *args: Any, **kwargs: Any) -> Made:
    """A module and what it is called with."""
    return module, args, kwargs
