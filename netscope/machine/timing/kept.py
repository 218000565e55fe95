"""The user's module, to be run for real and given back bit for bit.

A trace runs on twins of every tensor. A measurement cannot: twins of the parameters would double the memory
and the time that it takes to begin. So only that is copied which a step may write to: under training
everything, else whatever is no parameter (statistics, caches, counters).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from netscope.base.errors import UsageError
from netscope.trace import twins
from netscope.trace.facts import Trace
from netscope.trace.guard import state_kept, untouched
from netscope.trace.modules import Names
from netscope.trace.rungs import scripted_mode_kept, set_mode


@contextmanager
def kept(module: torch.nn.Module, *, train: bool, parameters: bool = False) -> Iterator[torch.nn.Module]:
    """The module in evaluation or training mode; afterwards it is as it was, and so are all generators.

    Parameters, buffers, gradients, hooks, attributes, containers and modes are put back, also when the
    measurement raises. Under training the module holds copies meanwhile: take `parameters()` inside.

    parameters:
        whether a forward in evaluation mode writes to parameters (see `writes_to_parameters`), which are
        then copied as well.

    Raises:
        UsageError: it did all the same.
    """
    copied = twins.copied()
    shared: list[tuple[torch.Tensor, int]] = []

    def twin(tensor: torch.Tensor) -> torch.Tensor:
        # A lazy parameter becomes another one in the first forward.
        mutable = not isinstance(tensor, torch.nn.Parameter) or torch.nn.parameter.is_lazy(tensor)
        if train or parameters or mutable:
            return copied(tensor)
        if not tensor.is_inference():
            shared.append((tensor, tensor._version))
        return tensor

    names = Names(module)
    with state_kept(names.depth), untouched(module, twin), scripted_mode_kept(names.modules):
        set_mode(module, names.modules, train)
        yield module
    if any(tensor._version != version for tensor, version in shared):
        raise UsageError(
            "the forward wrote to a parameter of its own, which was not kept.",
            hint="profile a copy of it: copy.deepcopy(model)",
        )


def writes_to_parameters(trace: Trace) -> bool:
    """Whether an operator of the traced forward changed a parameter in place."""
    # A module that is registered nowhere may have been made, and its parameters filled, by the forward.
    owned = {p.storage for module in trace.modules if module.registered for p in module.parameters}
    owned.discard(-1)
    return any("inplace" in op.operator.tags and not owned.isdisjoint(op.writes) for op in trace.ops)
