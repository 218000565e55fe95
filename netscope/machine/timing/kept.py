"""The user's module, to be run for real: on its own weights, and without a trace of it.

What is measured are the owner's weights where they lie; copies of all of them would double the memory and the
time that it takes to begin. So what runs is a twin whose parameters lie in the owner's memory, and all else
(statistics, caches, counters, containers) is the twin's own. Where a step may write to parameters, they are
copied as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from netscope.base.errors import UsageError
from netscope.trace.facts import Trace
from netscope.trace.modules import Names
from netscope.trace.outside import Outside
from netscope.trace.process import process_kept, thread_kept
from netscope.trace.rungs import copying, make_plain, set_mode
from netscope.trace.sharded import adopt_states
from netscope.trace.twin import tensors


@contextmanager
def kept(
    module: torch.nn.Module,
    arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {}),
    *,
    train: bool,
    parameters: bool = False,
) -> Iterator[tuple[torch.nn.Module, tuple[Any, ...], dict[str, Any]]]:
    """A twin of the module in evaluation or training mode, and copies of the arguments of its call.

    The owner's module is not written to, whatever happens: the twin has hooks, attributes, containers and
    modes of its own; under training parameters and gradients too.

    parameters:
        whether a forward in evaluation mode writes to parameters or gradients (see `writes_to_parameters`),
        which are then copied as well.

    Raises:
        UsageError: it did all the same.
    """
    copied = tensors.copied()
    shared: list[tuple[torch.Tensor, int]] = []
    own = train or parameters or _merges(module)

    def twin(tensor: torch.Tensor) -> torch.Tensor:
        # A lazy parameter becomes another one in the first forward.
        if own or not isinstance(tensor, torch.nn.Parameter) or torch.nn.parameter.is_lazy(tensor):
            return copied(tensor)
        alias = tensor.detach()
        if type(alias) is torch.Tensor:
            made: Any = alias
            made.__class__ = type(tensor)
        if tensor.requires_grad:
            alias.requires_grad_()
        if not tensor.is_inference():
            shared.append((tensor, tensor._version))
        return alias

    # Gradients of the owner's are there to be looked at alone, unless something is written to.
    gradient = copied if own else torch.Tensor.detach
    with copying(twin, lambda spec: spec, gradient) as copier:
        with torch.no_grad():
            made, args, kwargs = copier((module, *arguments))
        adopt_states(copier.states())
        names = Names(made)
        make_plain(names.modules)
        outside = Outside({*map(type, names.modules), *copier.classes}, copier.functions)
        outside.with_values(but=copier.originals())
        try:
            with process_kept(names.depth), thread_kept():
                set_mode(names.modules, train)
                yield made, args, kwargs
        finally:
            outside.put_back()
    if any(tensor._version != version for tensor, version in shared):
        raise UsageError(
            "the forward wrote to a parameter of its own, which was not kept.",
            hint="profile a copy of it: copy.deepcopy(model)",
        )


def _merges(module: torch.nn.Module) -> bool:
    """Whether a change of mode may write to parameters, as that of a LoRA layer does, which merges them."""
    return any(type(part).train is not torch.nn.Module.train for part in Names(module).modules)


def writes_to_parameters(trace: Trace) -> bool:
    """Whether an operator of the traced forward changed a parameter or a gradient."""
    # What was there before and is no buffer, also of modules that are registered nowhere.
    buffers = {buffer.storage for module in trace.modules for buffer in module.buffers}
    owned = {index for index, storage in enumerate(trace.storages) if storage.born < 0} - buffers
    return any("inplace" in op.operator.tags and not owned.isdisjoint(op.writes) for op in trace.ops)
