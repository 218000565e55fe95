"""What a source hands to `resolve`: how to build a network, and what it takes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import nn

# -k key=value
Options = dict[str, Any]


class Call(NamedTuple):
    """The arguments of one forward; a `TensorSpec` leaf stands for a tensor, batch included."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}  # noqa: RUF012 - never written to


def no_example(module: nn.Module, batch: int) -> Call | None:
    """The example of a source that knows none."""
    return None


class Blueprint(NamedTuple):
    """A network that was found and not built yet.

    factory:
        builds it: returns a module, a `Workload` or (module, args[, kwargs]).
    source:
        the kind of place it came from ("zoo", "torchvision", ...).
    description:
        one line for the header, given the built module.
    options:
        what the user gave for the factory, so that a wrong one can be told from a failure.
    example:
        (module, batch) -> a call to trace when the user gives no input, None if the source knows none.
    surroundings:
        a context in which to build, entered anew for each build (import paths, offline guards).
    """

    factory: Callable[[], Any]
    source: str
    options: Options = {}  # noqa: RUF012 - never written to
    description: Callable[[nn.Module], str] = lambda module: ""
    example: Callable[[nn.Module, int], Call | None] = no_example
    surroundings: Callable[[], AbstractContextManager[object]] = nullcontext


def batched(shape: tuple[int, ...], batch: int) -> tuple[int, ...]:
    """A sample's shape with the batch in front; a scalar has no batch."""
    return (batch, *shape) if shape else shape
