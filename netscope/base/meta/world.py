"""A process that stands for one rank of many: the others are not there, and nothing is sent.

torch has a backend for that, "fake", whose collectives return at once. Around it a training script finds what
it expects: the variables that torchrun sets, a world that may be initialised once more, and meshes of GPUs,
which lie on the processor as long as nothing has data.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from netscope.base.errors import UsageError
from netscope.base.mesh import Mesh, mesh_text, ranks_of

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

# What factories call the mesh that they are to be given.
MESH_NAMES: Final = ("mesh", "device_mesh", "world_mesh")
# GPUs of a node, for scripts that ask which of them is theirs.
_OF_NODE: Final = 8


class World(NamedTuple):
    """The world of a rank.

    made:
        meshes that were made in it, the first by a call of the factory's own or for it.
    device:
        what meshes are of.
    """

    mesh: Mesh
    rank: int
    made: list[DeviceMesh]
    device: str = "cpu"

    @property
    def size(self) -> int:
        """How many ranks there are."""
        return ranks_of(self.mesh)

    def device_mesh(self) -> DeviceMesh:
        """The mesh that was asked for."""
        from torch.distributed.device_mesh import init_device_mesh

        names, sides = zip(*self.mesh, strict=True)
        return init_device_mesh(self.device, tuple(sides), mesh_dim_names=tuple(names))


_now: list[World] = []


def current() -> World | None:
    """The world that this process stands in now; None outside of all."""
    return _now[-1] if _now else None


@contextmanager
def standing_for(mesh: Mesh, rank: int) -> Iterator[World]:
    """Have this process be a rank of a mesh.

    Raises:
        UsageError: it is one of a real group of processes already.
    """
    import torch.distributed as dist

    if not dist.is_available():
        raise UsageError("this build of torch has no distributed package.", hint="install another build")
    if dist.is_initialized() and not _now:
        raise UsageError(
            "this process is a rank of a real group, and cannot stand for another.",
            hint="leave out mesh=, or ask before init_process_group",
        )
    from torch.testing._internal.distributed.fake_pg import FakeStore

    world = World(mesh, rank, [])
    with ExitStack() as stack:
        stack.enter_context(_variables(world))
        _forget_meshes()
        dist.init_process_group("fake", store=FakeStore(), rank=rank, world_size=world.size)
        stack.callback(_end)
        for home, name, make in _stand_ins(world):
            stack.enter_context(_in_place(home, name, make))
        _now.append(world)
        stack.callback(_now.pop)
        yield world


@contextmanager
def among(mesh: Mesh) -> Iterator[World]:
    """The mesh of a real group of processes, of which this is one, for factories that take a mesh.

    Raises:
        UsageError: it is of another number of ranks.
    """
    import torch.distributed as dist

    there = dist.get_world_size()
    if ranks_of(mesh) != there:
        raise UsageError(
            f"a mesh {mesh_text(mesh)} has {ranks_of(mesh)} ranks, and {there} were started.",
            hint=f"start as many: torchrun --nproc-per-node {ranks_of(mesh)}",
        )
    # With "cpu:gloo,cuda:nccl" it is for both; what the network is for tells the device.
    device = "cuda" if "nccl" in str(dist.get_backend_config()) else "cpu"
    _now.append(World(mesh, dist.get_rank(), [], device))
    try:
        yield _now[-1]
    finally:
        _now.pop()


def _end() -> None:
    import torch.distributed as dist

    if dist.is_initialized():
        dist.destroy_process_group()
    _forget_meshes()


def _forget_meshes() -> None:
    """Empty what torch remembers of meshes that are no more: it takes one for another of the same shape."""
    dispatch: Any = sys.modules.get("torch.distributed.tensor._api")
    redistribute: Any = sys.modules.get("torch.distributed.tensor._redistribute")
    if dispatch is None or redistribute is None:
        return
    import torch

    propagator = dispatch.DTensor._op_dispatcher.sharding_propagator
    native = getattr(torch._C, "_clear_DTensor_sharding_propagator_cache", None)
    for forget in (
        getattr(propagator.propagate_op_sharding, "cache_clear", None),
        getattr(getattr(propagator, "_propagate_tensor_meta_cached", None), "cache_clear", None),
        getattr(getattr(redistribute, "_gen_transform_infos", None), "cache_clear", None),
        getattr(redistribute, "clear_redistribute_planner_cache", None),
        native,
    ):
        if forget is not None:
            forget()


@contextmanager
def _variables(world: World) -> Iterator[None]:
    """What torchrun would set."""
    local = min(_OF_NODE, world.size)
    wanted = {
        "RANK": world.rank,
        "WORLD_SIZE": world.size,
        "LOCAL_RANK": world.rank % local,
        "LOCAL_WORLD_SIZE": local,
        "GROUP_RANK": world.rank // local,
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": 29500,
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update({name: str(value) for name, value in wanted.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _in_place(home: Any, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    usual = getattr(home, name)
    setattr(home, name, make(usual))
    try:
        yield
    finally:
        setattr(home, name, usual)


def _stand_ins(world: World) -> Iterator[tuple[Any, str, Callable[[Any], Any]]]:
    """What of torch acts differently meanwhile: where it is, its name, and what is put there."""
    import torch
    import torch.distributed as dist
    from torch.distributed import device_mesh, distributed_c10d

    def once(usual: Any) -> Any:
        def init_process_group(*args: Any, **kwargs: Any) -> None:
            """The world is there."""

        return init_process_group

    def on_processor(usual: Any) -> Any:
        def init(self: Any, device_type: str, *args: Any, **kwargs: Any) -> None:
            usual(self, "cpu", *args, **kwargs)
            world.made.append(self)

        return init

    def nothing(usual: Any) -> Any:
        return lambda *args, **kwargs: None

    def as_is(usual: Any) -> Any:
        def to_empty(self: Any, *, device: Any, recurse: bool = True) -> Any:
            """No memory is wanted where there is no data."""
            if any(tensor.is_meta for tensor in (*self.parameters(), *self.buffers())):
                return self
            return usual(self, device=device, recurse=recurse)

        return to_empty

    for home in (dist, distributed_c10d):
        yield home, "init_process_group", once
    yield device_mesh.DeviceMesh, "__init__", on_processor
    yield torch.cuda, "set_device", nothing
    yield torch.nn.Module, "to_empty", as_is
