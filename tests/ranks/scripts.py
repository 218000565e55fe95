"""Factories as people have them in their training scripts: for GPUs and processes that are not here."""

from __future__ import annotations

import os
from functools import partial

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed._composable.replicate import replicate
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import bf16_compress_hook
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import (
    CPUOffloadPolicy,
    FullyShardedDataParallel,
    MixedPrecisionPolicy,
    fully_shard,
)
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    PrepareModuleInput,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint


def mlp() -> nn.Sequential:
    """512 numbers twice."""
    return nn.Sequential(nn.Linear(16, 32, bias=False), nn.ReLU(), nn.Linear(32, 16, bias=False))


# Where people have GPUs


def on_gpus() -> nn.Module:
    """Built on meta, divided on a mesh of its own, then given memory and filled."""
    dist.init_process_group("nccl")
    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    os.environ["NCCL_DEBUG"] = "WARN"
    mesh = init_device_mesh("cuda", (2, 2), mesh_dim_names=("dp", "tp"))
    with torch.device("meta"):
        model = mlp()
    parallelize_module(model, mesh["tp"], {"0": ColwiseParallel(), "2": RowwiseParallel()})
    fully_shard(
        model,
        mesh=mesh["dp"],
        mp_policy=MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32),
    )
    model.to_empty(device="cuda")
    with torch.no_grad():
        for parameter in model.parameters():
            nn.init.trunc_normal_(parameter)
    dist.barrier()
    return model


def moved() -> nn.Module:
    model = mlp().to("cuda")
    torch.cuda.set_device(dist.get_rank() % torch.cuda.device_count())
    return fully_shard(model, mesh=init_device_mesh("cuda", (dist.get_world_size(),)))


def moved_by_number() -> nn.Module:
    return fully_shard(mlp().to(int(os.environ["LOCAL_RANK"])))


def moved_at_once() -> nn.Module:
    return fully_shard(mlp().cuda())


def made_there() -> nn.Module:
    with torch.device("cuda", 0):
        model = mlp()
    model.register_buffer("table", torch.arange(4, device="cuda").to("cuda:0", torch.float32))
    return fully_shard(model)


def made_there_by_default() -> nn.Module:
    torch.set_default_device("cuda")
    return fully_shard(mlp())


def large() -> nn.Module:
    """Weights of 4 TiB, which a constructor fills."""
    model = nn.Linear(16, 16, bias=False)
    model.weight = nn.Parameter(torch.randn(2**20, 2**20))
    return model


def talks() -> nn.Module:
    """What scripts tell each other, before they end the group."""
    told = [{"seed": 1}]
    dist.broadcast_object_list(told, src=0)
    heard: list[object] = [None] * dist.get_world_size()
    dist.all_gather_object(heard, told)
    assert heard == [told] * dist.get_world_size()
    model = fully_shard(mlp())
    dist.destroy_process_group()
    return model


# Meshes


def on_eight() -> nn.Module:
    return fully_shard(mlp(), mesh=init_device_mesh("cuda", (4, 2), mesh_dim_names=("dp", "cp"))["dp"])


def on_others() -> nn.Module:
    return fully_shard(mlp(), mesh=init_device_mesh("cuda", (4,), mesh_dim_names=("fsdp",)))


def on_no_mesh() -> nn.Module:
    return fully_shard(mlp())


def flattened(world_mesh: DeviceMesh) -> nn.Module:
    return fully_shard(mlp(), mesh=world_mesh["dp", "cp"]._flatten("dp_cp"))


def two_ways(device_mesh: DeviceMesh) -> nn.Module:
    """Replicated along the first axis, whatever it is called."""
    return fully_shard(mlp(), mesh=device_mesh)


# FSDP2


def unsharded(mesh: DeviceMesh) -> nn.Module:
    """Whole before it is run."""
    model = fully_shard(mlp(), mesh=mesh)
    model.unshard()
    return model


def shared_between_units(mesh: DeviceMesh) -> nn.Module:
    model = nn.Sequential(nn.Linear(16, 16, bias=False), nn.Linear(16, 16, bias=False))
    model[1].weight = model[0].weight
    for layer in model:
        fully_shard(layer, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def offloaded(mesh: DeviceMesh) -> nn.Module:
    return fully_shard(mlp(), mesh=mesh, offload_policy=CPUOffloadPolicy())


# By hand


class _Same(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.clone()
        dist.all_reduce(gradient)
        return gradient


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x = x.clone()
        dist.all_reduce(x)
        return x

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class ByHand(nn.Module):
    """A rank's columns, then its rows, without a mesh."""

    def __init__(self) -> None:
        super().__init__()
        own = 32 // dist.get_world_size()
        self.up = nn.Linear(16, own, bias=False)
        self.down = nn.Linear(own, 16, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return _Summed.apply(self.down(self.up(_Same.apply(x)).relu()))


def by_hand() -> nn.Module:
    dist.init_process_group("nccl")
    return ByHand()


def given_a_part(mesh: DeviceMesh) -> nn.Module:
    """What it is given is a rank's part of the places: no factory says so."""
    plan = {
        "0": SequenceParallel(),
        "1": PrepareModuleInput(input_layouts=Shard(1), desired_input_layouts=Replicate()),
        "1.0": ColwiseParallel(),
        "1.2": RowwiseParallel(output_layouts=Shard(1)),
    }
    return parallelize_module(nn.Sequential(nn.LayerNorm(16), mlp()), mesh, plan)


def first_has_more() -> nn.Module:
    return nn.Sequential(ByHand(), nn.Linear(16, 16, bias=False)) if dist.get_rank() == 0 else ByHand()


def stages(mesh: DeviceMesh) -> nn.Module:
    """Of two stages, each divided on its own."""
    model = mlp() if mesh.get_local_rank("pp") == 0 else nn.Sequential(nn.Linear(16, 16, bias=False))
    return fully_shard(model, mesh=mesh["dp"])


def each_another() -> nn.Module:
    return nn.Linear(16, 1 + dist.get_rank())


class Talks(nn.Module):
    """The first tells the second something."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(x)
        if dist.get_rank() == 0:
            dist.send(x.detach(), 1)
        else:
            dist.recv(torch.empty_like(x), 0)
        return x


def first_sends() -> nn.Module:
    return Talks()


class Ring(Talks):
    """Each tells the next one something."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 16, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(x)
        rank, size = dist.get_rank(), dist.get_world_size()
        after = dist.P2POp(dist.isend, x.detach(), (rank + 1) % size)
        before = dist.P2POp(dist.irecv, torch.empty_like(x), (rank - 1) % size)
        for work in dist.batch_isend_irecv([after, before]):
            work.wait()
        return x


def ring() -> nn.Module:
    return Ring()


class Longer(nn.Module):
    """Its forward asks for its rank: the further it is, the more it does."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 16, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(1 + dist.get_rank()):
            x = self.linear(x)
        return x


def each_longer() -> nn.Module:
    return Longer()


# Replicas


def replicas() -> nn.Module:
    local = int(os.environ["LOCAL_RANK"])
    return DistributedDataParallel(mlp().to(local), device_ids=[local])


def large_replicas() -> nn.Module:
    """4 MiB, 4 MiB and 4 MiB."""
    layers = [nn.Linear(1024, 1024, bias=False) for _ in range(3)]
    return DistributedDataParallel(nn.Sequential(*layers), gradient_as_bucket_view=True)


def normed_replicas() -> nn.Module:
    """Two buffers of 16 numbers, and a count."""
    return DistributedDataParallel(nn.Sequential(nn.Linear(16, 16, bias=False), nn.BatchNorm1d(16)))


def halved_replicas() -> nn.Module:
    model = DistributedDataParallel(mlp())
    model.register_comm_hook(None, bf16_compress_hook)
    return model


class Alone(nn.Module):
    """Of which this step is not the last before the optimizer's."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = DistributedDataParallel(mlp())

    def forward(self, x: Tensor) -> Tensor:
        with self.inside.no_sync():
            return self.inside(x)


def alone() -> nn.Module:
    return Alone()


def composed_replicas() -> nn.Module:
    return replicate(mlp())


def flat() -> nn.Module:
    return FullyShardedDataParallel(mlp())


# DTensor


def half_divided(mesh: DeviceMesh) -> nn.Module:
    model = mlp()
    model[2].weight = nn.Parameter(distribute_tensor(model[2].weight, mesh, [Shard(0)]))
    return model


def divided_classes(mesh: DeviceMesh) -> nn.Module:
    plan = {
        "0": ColwiseParallel(output_layouts=Replicate()),
        "2": ColwiseParallel(use_local_output=False),
    }
    return parallelize_module(mlp(), mesh, plan)


def uneven(mesh: DeviceMesh) -> nn.Module:
    model = nn.Sequential(nn.Linear(16, 30, bias=False), nn.ReLU(), nn.Linear(30, 16, bias=False))
    return parallelize_module(model, mesh, {"0": ColwiseParallel(), "2": RowwiseParallel()})


class Attention(nn.Module):
    """4 heads of 8."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(32, 32, bias=False) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (one(x).unflatten(-1, (4, 8)).transpose(1, 2) for one in (self.q, self.k, self.v))
        return self.out(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2))


def attention_of_parts(mesh: DeviceMesh) -> nn.Module:
    plan = {name: ColwiseParallel(use_local_output=False) for name in "qkv"}
    return parallelize_module(Attention(), mesh, {**plan, "out": RowwiseParallel()})


# What goes wrong


class Routed(nn.Module):
    def __init__(self, way: str) -> None:
        super().__init__()
        self.router = nn.Linear(16, 4)
        self.way = way

    def forward(self, x: Tensor) -> Tensor:
        chosen = self.router(x).argmax(-1)
        if self.way == "bincount":
            counts = torch.bincount(chosen, minlength=4)
            dist.all_to_all_single(torch.empty_like(counts), counts)
            return counts
        if self.way == "tolist":
            return x[: chosen.tolist()[0]]
        return x[torch.where(chosen == 1)[0]]


def routed(way: str = "bincount") -> nn.Module:
    return Routed(way)


def raises(mesh: DeviceMesh) -> nn.Module:
    os.environ["OWN"] = "1"
    raise ValueError("no such flavour")


def last_raises() -> nn.Module:
    if dist.get_rank() == dist.get_world_size() - 1:
        raise ValueError("no rank like this")
    return mlp()


class LastRaises(nn.Module):
    """A forward that the last rank does not survive."""

    def forward(self, x: Tensor) -> Tensor:
        if dist.get_rank() == dist.get_world_size() - 1:
            raise ValueError("no rank like this")
        return x


def last_raises_later() -> nn.Module:
    return LastRaises()


def interrupted(mesh: DeviceMesh) -> nn.Module:
    raise KeyboardInterrupt


def interrupted_later(mesh: DeviceMesh) -> nn.Module:
    def hook(*_: object) -> None:
        raise KeyboardInterrupt

    model = fully_shard(mlp(), mesh=mesh)
    model[1].register_forward_hook(hook)
    return model


def raises_later(mesh: DeviceMesh) -> nn.Module:
    def hook(*_: object) -> None:
        raise ValueError("not today")

    model = fully_shard(mlp(), mesh=mesh)
    model[1].register_forward_hook(hook)
    return model


def asks_again(mesh: DeviceMesh) -> nn.Module:
    import netscope

    netscope.summary("tests.ranks.scripts:talks", mesh="dp=2", input="16")
    return mlp()


def checkpointed(mesh: DeviceMesh) -> nn.Module:
    model = nn.Sequential(*(nn.Linear(16, 16, bias=False) for _ in range(2)))
    for layer in model:
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
        fully_shard(layer, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def two_meshes(mesh: DeviceMesh) -> nn.Module:
    """12 rows over all four ranks, 5 over the two of an axis that has the same name."""
    model = nn.Sequential(nn.Linear(16, 12, bias=False), nn.Linear(12, 5, bias=False))
    other = init_device_mesh("cpu", (2, 2), mesh_dim_names=("dp", "ep"))
    fully_shard(model[0], mesh=mesh)
    fully_shard(model[1], mesh=other["dp"])
    return model


def without_gradient(mesh: DeviceMesh) -> nn.Module:
    model = nn.Linear(16, 16, bias=False).requires_grad_(False)
    return parallelize_module(model, mesh, ColwiseParallel())
