"""Tensors and states of modules that are divided among ranks, by what torch calls them.

Nothing here imports torch.distributed: a process whose modules are divided has done so.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import torch

from netscope.trace.facts import Whole

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder

_DTENSOR: Final = "torch.distributed.tensor"
_FULLY_SHARD: Final = "torch.distributed.fsdp._fully_shard"
_FAKE: Final = torch._C._TorchDispatchModeKey.FAKE


@functools.cache
def is_divided(cls: type) -> bool:
    """Whether tensors of a class are one of many ranks' parts of a whole (torch's DTensor)."""
    return any(
        base.__name__ == "DTensor" and base.__module__.startswith(_DTENSOR) for base in cls.__mro__[:-1]
    )


@functools.cache
def _waits(cls: type) -> bool:
    """Whether tensors of a class stand for what a collective has yet to bring."""
    return cls.__name__ == "AsyncCollectiveTensor" and cls.__module__.startswith("torch.distributed")


@functools.cache
def do_their_own(types: tuple[type, ...]) -> bool:
    """Whether an operator on these falls apart into others on what a rank has."""
    return any(is_divided(cls) or _waits(cls) for cls in types)


def propagates(recorder: Recorder) -> bool:
    """Whether torch works out what an operator makes of the whole, on fake tensors: nobody computes that."""
    return not recorder.on_fake and torch._C._get_dispatch_mode(_FAKE) is not None


def local_of(tensor: Any) -> torch.Tensor:
    """What this rank has of a divided tensor."""
    local: torch.Tensor = tensor._local_tensor
    return local


def whole_of(tensor: Any) -> Whole:
    """What a divided tensor is a part of."""
    mesh = tensor._spec.mesh
    names = mesh.mesh_dim_names or [f"dim_{index}" for index in range(mesh.ndim)]
    placed = [spelled(placement) for placement in tensor._spec.placements]
    return Whole(tuple(tensor.shape), tuple(zip(names, placed, strict=True)))


def spelled(placement: Any) -> str:
    """A placement in short: "S(0)", "R", "P(sum)"."""
    if placement.is_partial():
        return f"P({placement.reduce_op})"
    return "R" if placement.is_replicate() else f"S({placement.dim})"


def divided_like(tensor: Any, local: torch.Tensor) -> torch.Tensor:
    """A tensor divided in the same way, around another local part."""
    made: torch.Tensor = type(tensor)(local, tensor._spec, requires_grad=False)
    if tensor.requires_grad and tensor.is_leaf:
        made.requires_grad_()
    if getattr(tensor, "_is_param", False):
        made._is_param = True
    return made


def is_state(cls: type) -> bool:
    """Whether it is one of the objects that FSDP2 keeps beside a module, which are the module's own."""
    return str(cls.__module__).startswith(_FULLY_SHARD)


def adopt_states(states: Iterable[Any]) -> None:
    """Have torch find the states of copied modules as it finds the owner's: in a table that holds neither.

    states:
        copies, of those that torch keeps beside modules.
    """
    home: Any = sys.modules.get("torch.distributed._composable_state")
    for state in states:
        if isinstance(state, home._State):
            for module in state._modules:
                home._module_state_mapping[module] = weakref.ref(state)
