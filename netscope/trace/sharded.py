"""Tensors and states of modules that are divided among ranks, by what torch calls them.

Nothing here imports torch.distributed: a process whose modules are divided has done so.
"""

from __future__ import annotations

import functools
import math
import sys
import weakref
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import torch

from netscope.trace.facts import Place, Whole

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder

_DTENSOR: Final = "torch.distributed.tensor"
_FULLY_SHARD: Final = "torch.distributed.fsdp._fully_shard"
_REPLICAS: Final = "torch.nn.parallel.distributed"
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
    return whole_in(tensor._spec)


def whole_in(spec: Any) -> Whole:
    """What torch's spec of a divided tensor says of the whole."""
    placed = spec.placements
    # Strided: along an axis whose groups have parts of what those of a later axis have already divided.
    strided = [hasattr(placement, "split_factor") for placement in placed]
    order = sorted(range(len(placed)), key=lambda index: (strided[index], index))
    axes = list(_axes_in(spec.mesh))
    return Whole(
        tuple(spec.shape),
        tuple((name, _spelled(one)) for (name, _, _), one in zip(axes, placed, strict=True)),
        tuple(order),
        tuple((size, stride) for _, size, stride in axes),
    )


def axes_of(mesh: Any) -> tuple[str, ...]:
    """The names of a mesh's axes."""
    return tuple(mesh.mesh_dim_names or [f"dim_{index}" for index in range(mesh.ndim)])


def _spelled(placement: Any) -> str:
    """A placement in short: "S(0)", "R", "P(sum)"."""
    if placement.is_partial():
        return f"P({placement.reduce_op})"
    return "R" if placement.is_replicate() else f"S({placement.dim})"


def state_of(module: torch.nn.Module) -> Any:
    """What FSDP2 keeps beside a module; None for one that it has nothing to do with."""
    home: Any = sys.modules.get("torch.distributed._composable_state")
    kept = None if home is None else home._module_state_mapping.get(module)
    state = None if kept is None else kept()
    return state if state is not None and is_state(type(state)) else None


def is_divided_module(root: torch.nn.Module) -> bool:
    """Whether parameters of a network are parts of wholes, or are so at rest."""
    if _DTENSOR not in sys.modules:
        return False
    return any(
        state_of(module) is not None
        or any(p is not None and is_divided(type(p)) for p in module._parameters.values())
        for module in modules_in(root)
    )


def modules_in(root: torch.nn.Module) -> list[torch.nn.Module]:
    """A module and all that are registered in it, once each, however deep, past what classes say of them."""
    found = {id(root): root}
    waiting = [root]
    while waiting:
        inside = [child for child in waiting.pop()._modules.values() if child is not None]
        new = [child for child in inside if id(child) not in found]
        found.update((id(child), child) for child in new)
        waiting += new
    return list(found.values())


def uneven_in(root: torch.nn.Module) -> list[str]:
    """The parameters that are divided along a dimension into parts of several sizes, with its size."""
    found = []
    for path, parameter in torch.nn.Module.named_parameters(root):
        if not is_divided(type(parameter)):
            continue
        spec: Any = parameter._spec  # type: ignore[attr-defined]
        for placement, ranks in zip(spec.placements, spec.mesh.shape, strict=True):
            if placement.is_shard() and spec.shape[placement.dim] % ranks:
                found.append(f"{path} ({spec.shape[placement.dim]} over {ranks})")
    return found


def built_of(root: torch.nn.Module) -> tuple[Any, ...]:
    """What a rank has built: its modules and tensors, with wholes where it has parts of these."""

    def shape(tensor: torch.Tensor) -> Any:
        return whole_of(tensor) if is_divided(type(tensor)) else tuple(tensor.shape)

    return tuple(
        (
            path,
            type(module).__name__,
            *(
                (name, tensor.dtype, shape(tensor))
                for name, tensor in (*module._parameters.items(), *module._buffers.items())
                if tensor is not None
            ),
        )
        for path, module in torch.nn.Module.named_modules(root)
    )


def place_of(tensors: Iterable[Any]) -> Place | None:
    """Where this rank is on the mesh that divided tensors lie on; None without one."""
    return place_on(tensor._spec.mesh for tensor in tensors)


def place_on(given: Iterable[Any]) -> Place | None:
    """Where this rank is on meshes; None without one."""
    meshes = {id(mesh): mesh for mesh in given}
    if not meshes:
        return None
    from torch.distributed import get_rank, get_world_size

    roots = {id(root): root for root in map(_root, meshes.values())}
    # Of several meshes over the same ranks the one that tells them apart best: others are of its axes.
    axes: dict[str, tuple[str, int, int]] = {}
    for root in sorted(roots.values(), key=lambda root: -root.ndim):
        if math.prod(size for _, size, _ in axes.values()) < get_world_size():
            axes = {**{axis[0]: axis for axis in _axes_in(root)}, **axes}
    outermost = sorted(axes.values(), key=lambda axis: -axis[2])
    return Place(get_rank(), get_world_size(), tuple(outermost))


def _axes_in(mesh: Any) -> Iterator[tuple[str, int, int]]:
    """The axes of a mesh: name, size, and the step from one rank to the next."""
    with torch._C._DisableTorchDispatch():
        ranks = mesh.mesh
        for dim, name in enumerate(axes_of(mesh)):
            line = ranks.movedim(dim, 0).reshape(ranks.shape[dim], -1)[:, 0].tolist()
            yield name, len(line), line[1] - line[0] if len(line) > 1 else 1


def _root(mesh: Any) -> Any:
    """The mesh that one is a part of."""
    return mesh._get_root_mesh() if hasattr(mesh, "_get_root_mesh") else mesh


def divided_like(tensor: Any, local: torch.Tensor) -> torch.Tensor:
    """A tensor divided in the same way, around another local part."""
    made: torch.Tensor = type(tensor)(local, tensor._spec, requires_grad=False)
    if tensor.requires_grad and tensor.is_leaf:
        made.requires_grad_()
    if getattr(tensor, "_is_param", False):
        made._is_param = True
    return made


def without_reducers(modules: Iterable[torch.nn.Module]) -> None:
    """Have copies of replicated modules leave their owner's reducer alone: it is C++, which is not copied."""
    for module in modules:
        if is_replica(module):
            unreduced: Any = module
            unreduced._pre_forward = lambda *inputs, **kwargs: (inputs, kwargs)
            unreduced._post_forward = lambda output: output


def is_replica(module: torch.nn.Module) -> bool:
    """Whether it is torch's DistributedDataParallel around another module."""
    return any(
        cls.__name__ == "DistributedDataParallel" and cls.__module__ == _REPLICAS
        for cls in type(module).__mro__
    )


def is_state(cls: type) -> bool:
    """Whether it is one of the objects that FSDP2 keeps beside a module, which are the module's own."""
    return any(base.__module__.startswith(_FULLY_SHARD) for base in cls.__mro__)


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
