"""A process that stands for one rank of many: the others are not there, and nothing is sent.

torch has a backend for that, "fake", whose collectives return at once. Around it a training script finds what
it expects: the variables that torchrun sets, a world that may be initialised once more, and meshes of GPUs,
which lie on the processor as long as nothing has data.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from netscope.base.errors import UsageError
from netscope.base.mesh import Mesh, mesh_text, ranks_of
from netscope.base.meta.here import here

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

# What factories call the mesh that they are to be given.
MESH_NAMES: Final = ("mesh", "device_mesh", "world_mesh")
# GPUs of a node, for scripts that ask which of them is theirs.
_OF_NODE: Final = 8


class World(NamedTuple):
    """The world of a rank.

    device:
        what meshes are of.
    whole:
        whether a network is to be as it is where nothing is divided: meshes have one rank, whatever sizes
        are asked for.
    made:
        meshes that were made in it.
    thread:
        for which the process stands for the rank.
    ending:
        what is undone when the world ends; None among real ranks.
    """

    mesh: Mesh
    rank: int
    made: list[DeviceMesh]
    thread: int
    device: str = "cpu"
    whole: bool = False
    ending: ExitStack | None = None

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
# Held by the thread that the process stands for a rank for.
_alone: Final = threading.RLock()


def current() -> World | None:
    """The world that this process stands in now, for this thread; None outside of all."""
    return _now[-1] if _now and _now[-1].thread == threading.get_ident() else None


def stood_in() -> World | None:
    """The same, of ranks that are not there; None among real ones."""
    world = current()
    return None if world is None or world.ending is None else world


@contextmanager
def standing_for(mesh: Mesh, rank: int, *, whole: bool = False) -> Iterator[World]:
    """Have this process be a rank of a mesh. Another thread that asks for the same waits.

    whole:
        as of `World`.

    Raises:
        UsageError: it is one of a real group of processes already, or stands for a rank.
    """
    import torch.distributed as dist

    if not dist.is_available():
        raise UsageError("this build of torch has no distributed package.", hint="install another build")
    with ExitStack() as stack:
        stack.enter_context(_alone)
        if _now:
            raise UsageError("this process stands for a rank already.", hint="ask after that, not in between")
        if dist.is_initialized():
            raise UsageError(
                "this process is a rank of a real group, and cannot stand for another.",
                hint="leave out mesh=, or ask before init_process_group",
            )
        from torch.testing._internal.distributed.fake_pg import FakeStore

        world = World(mesh, rank, [], threading.get_ident(), whole=whole, ending=ExitStack())
        stack.enter_context(_variables(world))
        _forget_meshes()
        stack.callback(_end)
        stack.enter_context(_same_handlers())
        # torch puts one there that tells the rank, around the one before, and leaves it.
        stack.enter_context(_in_place(sys, "excepthook", lambda usual: usual))
        dist.init_process_group("fake", store=FakeStore(), rank=rank, world_size=world.size)
        for home, name, instead in _stand_ins():
            stack.enter_context(_in_place(home, name, _for_ranks(instead)))
        _now.append(world)
        stack.callback(_now.pop)
        assert world.ending is not None
        stack.enter_context(world.ending)
        yield world


@contextmanager
def on_processor() -> Iterator[None]:
    """Have what asks for a GPU be on the processor: a rank's may not be there, and needs none."""
    import torch
    from torch import Tensor
    from torch.overrides import TorchFunctionMode

    reads_device: Any = torch._C._nn._parse_to
    moves = frozenset({Tensor.cuda, Tensor.to, reads_device})

    def moved(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if func is Tensor.cuda:
            return args[0]
        first = 1 if func is Tensor.to else 0  # a GPU's number stands first alone
        where = (kwargs.get("device"), *args[first : first + 1])
        if any(type(value) is int or _here(value) is not value for value in where):
            kwargs = {name: value for name, value in kwargs.items() if name != "device"}
            rest = args[first + 1 :]
            if first and args[0].is_meta:  # it has no data to be anywhere
                return func(args[0], *rest, **kwargs) if rest or kwargs else args[0]
            return func(*args[:first], "cpu", *rest, **kwargs)
        return func(*args, **kwargs)

    class OnProcessor(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            if func in moves:
                return moved(func, args, kwargs or {})
            if not kwargs:
                return func(*args)
            if "device" in kwargs:
                kwargs = {**kwargs, "device": _here(kwargs["device"])}
            return func(*args, **kwargs)

    here.modes += 1
    try:
        with OnProcessor():
            yield
    finally:
        here.modes -= 1


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
    _now.append(World(mesh, dist.get_rank(), [], threading.get_ident(), device))
    try:
        yield _now[-1]
    finally:
        _now.pop()


@contextmanager
def _same_handlers() -> Iterator[None]:
    """Have DTensor run operators as before: parallel losses and contexts may not have ended, nor ever do."""
    from torch.distributed.tensor import DTensor

    dispatcher: Any = DTensor._op_dispatcher
    before = dispatcher._custom_op_handlers.copy()
    try:
        yield
    finally:
        dispatcher._custom_op_handlers = before


def _here(device: Any) -> Any:
    """The processor for a GPU, any other device or value itself."""
    kind = device if isinstance(device, str) else getattr(device, "type", "")
    return "cpu" if isinstance(kind, str) and kind.startswith("cuda") else device


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
    """What torchrun would set. What a script sets goes as well, and nothing that other threads set."""
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
    # What there was before this thread set it, and what it has set; None is nothing.
    before: dict[str, str | None] = {}
    own: dict[str, str | None] = {}

    def noted(usual: Any) -> Any:
        @wraps(usual)
        def change(self: Any, name: Any, *value: Any) -> None:
            mine = self is os.environ and threading.get_ident() == world.thread
            there = os.environ.get(name) if mine else None
            usual(self, name, *value)
            if mine:
                before.setdefault(name, there)
                own[name] = os.environ.get(name)

        return change

    kind: Any = type(os.environ)
    with ExitStack() as stack:
        if isinstance(kind.__setitem__, FunctionType):  # no plain dict that somebody has put there
            stack.enter_context(_in_place(kind, "__setitem__", noted))
            stack.enter_context(_in_place(kind, "__delitem__", noted))
        try:
            for name, value in wanted.items():
                before.setdefault(name, os.environ.get(name))
                os.environ[name] = own[name] = str(value)
            yield
        finally:
            for name, usual in before.items():
                if os.environ.get(name) != own[name]:  # another thread's by now
                    continue
                if usual is not None:
                    os.environ[name] = usual
                else:
                    os.environ.pop(name, None)


@contextmanager
def _in_place(home: Any, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    usual = getattr(home, name)
    setattr(home, name, make(usual))
    try:
        yield
    finally:
        setattr(home, name, usual)


# What a function of torch does for a rank: it is given the world, the usual function, and what that is given.
_Instead = Callable[..., Any]
_StandIn = tuple[Any, str, _Instead]


def _for_ranks(instead: _Instead) -> Callable[[Any], Any]:
    """What makes a stand-in of a usual function.

    Whoever has imported it by name keeps it, and other threads call it meanwhile: it asks each time whether
    its thread stands for a rank, and for which.
    """

    def make(usual: Any) -> Any:
        @wraps(usual)
        def stand_in(*args: Any, **kwargs: Any) -> Any:
            world = stood_in()
            return usual(*args, **kwargs) if world is None else instead(world, usual, *args, **kwargs)

        return stand_in

    return make


def _stand_ins() -> Iterator[_StandIn]:
    """What of torch acts differently meanwhile: where it is, its name, and what it does for a rank."""
    yield from _of_groups()
    yield from _of_objects()
    yield from _of_gpus()
    yield from _of_modules()


def _nothing(world: World, usual: Any, *args: Any, **kwargs: Any) -> None:
    pass


def _of_groups() -> Iterator[_StandIn]:
    import torch
    import torch.distributed as dist
    from torch.distributed import device_mesh, distributed_c10d

    def new_group(world: World, usual: Any, ranks: Any = None, *args: Any, **kwargs: Any) -> Any:
        return usual([0] if world.whole else ranks, *args, **kwargs)

    def made(world: World, usual: Any, self: Any, device_type: str, mesh: Any = None, **kwargs: Any) -> None:
        if kwargs.get("_root_mesh") is None:
            sizes = _sizes(mesh, kwargs.get("_layout"))
            if world.whole:
                mesh = torch.zeros([1] * len(sizes), dtype=torch.int, device="cpu")
                kwargs.update(dict.fromkeys({"_layout", "_rank_map"} & kwargs.keys()))
            elif math.prod(sizes) > world.size:
                raise _too_large(world, sizes, kwargs.get("mesh_dim_names"))
        usual(self, "cpu", mesh, **kwargs)
        world.made.append(self)

    for home in (dist, distributed_c10d):
        yield home, "init_process_group", _nothing
        yield home, "destroy_process_group", _nothing
        yield home, "new_group", new_group
    yield device_mesh.DeviceMesh, "__init__", made


def _of_objects() -> Iterator[_StandIn]:
    import torch.distributed as dist
    from torch.distributed import distributed_c10d

    def of_all(world: World, usual: Any, object_list: list[Any], obj: Any, group: Any = None) -> None:
        """Nobody else is there, and what is not there cannot be unpickled: all have the same."""
        object_list[:] = [obj] * len(object_list)

    def of_first(
        world: World, usual: Any, obj: Any, object_gather_list: Any = None, *args: Any, **kwargs: Any
    ) -> None:
        if object_gather_list is not None:
            object_gather_list[:] = [obj] * len(object_gather_list)

    for home in (dist, distributed_c10d):
        yield home, "broadcast_object_list", _nothing
        yield home, "all_gather_object", of_all
        yield home, "gather_object", of_first


def _of_gpus() -> Iterator[_StandIn]:
    import torch

    def on_processor(world: World, usual: Any, device: Any) -> None:
        usual(None if _here(device) is not device else device)

    def of_node(world: World, usual: Any) -> int:
        return min(_OF_NODE, world.size)

    for name in ("set_device", "synchronize", "reset_peak_memory_stats"):
        yield torch.cuda, name, _nothing
    yield torch.cuda, "device_count", of_node
    yield torch, "set_default_device", on_processor


def _of_modules() -> Iterator[_StandIn]:
    import torch
    from torch.distributed import fsdp
    from torch.nn.parallel import DistributedDataParallel

    def as_is(world: World, usual: Any, self: Any, *, device: Any, recurse: bool = True) -> Any:
        """No memory is wanted where there is no data."""
        if any(tensor.is_meta for tensor in (*self.parameters(), *self.buffers())):
            return self
        return usual(self, device=device, recurse=recurse)

    def on_no_gpu(
        world: World,
        usual: Any,
        self: Any,
        module: Any,
        ids: Any = None,
        output: Any = None,
        *more: Any,
        **how: Any,
    ) -> None:
        how = {name: value for name, value in how.items() if name not in ("device_ids", "output_device")}
        usual(self, module, None, None, *more, **how)

    def refused(world: World, usual: Any, *args: Any, **kwargs: Any) -> None:
        raise UsageError(
            "FullyShardedDataParallel keeps parameters flat, and is not followed.",
            hint="divide the network with torch.distributed.fsdp.fully_shard",
        )

    yield torch.nn.Module, "to_empty", as_is
    yield DistributedDataParallel, "__init__", on_no_gpu
    if hasattr(DistributedDataParallel, "_check_comm_hook"):  # earlier versions want NCCL for some
        yield DistributedDataParallel, "_check_comm_hook", _nothing
    yield fsdp.FullyShardedDataParallel, "__init__", refused


def _sizes(mesh: Any, layout: Any) -> tuple[int, ...]:
    """Of the axes of a mesh that is about to be made."""
    if layout is not None:
        return tuple(layout[place].numel() for place in range(len(layout)))
    import torch

    with torch.device("cpu"):
        return tuple(torch.as_tensor(mesh).shape)


def _too_large(world: World, sizes: tuple[int, ...], names: Any) -> UsageError:
    """What to say of a factory that makes a mesh of more ranks than there are."""
    named = tuple(names) if names else tuple(f"dim_{place}" for place in range(len(sizes)))
    own = mesh_text(tuple(zip(named, sizes, strict=True)))
    return UsageError(
        f"the factory makes a mesh {own} of {math.prod(sizes)} ranks, and there are {world.size}.",
        hint=f"give --mesh {own if names else 'x'.join(map(str, sizes))}, or have the factory take a mesh",
    )
