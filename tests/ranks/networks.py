"""Small networks for several ranks, parallelized by torch's own calls: a factory is given the mesh.

Plain PyTorch. A factory serves real processes, and one that stands for a rank of many.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.distributed._functional_collectives import all_to_all_single_autograd
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.pipelining import (
    PipelineStage,
    Schedule1F1B,
    ScheduleGPipe,
    ScheduleInterleaved1F1B,
    ScheduleZBVZeroBubble,
)
from torch.distributed.pipelining.microbatch import TensorChunkSpec
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    PrepareModuleInput,
    PrepareModuleOutput,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)
from torch.nn import functional as F  # noqa: N812


class Network(NamedTuple):
    """A factory and what its module is given.

    axes:
        of the mesh that the factory is given.
    meshes:
        sizes that real processes run it with.
    shape:
        of the one input of a rank; the same tensor where ranks share a batch.
    ids:
        how many words there are, where the input is of numbers of words; 0 for floats.
    """

    factory: Callable[[DeviceMesh], nn.Module]
    axes: tuple[str, ...]
    meshes: tuple[tuple[int, ...], ...]
    shape: tuple[int, ...]
    ids: int = 0

    def input(self) -> torch.Tensor:
        """Of one rank."""
        draw = torch.Generator().manual_seed(0)
        if self.ids:
            return torch.randint(self.ids, self.shape, generator=draw)
        return torch.randn(self.shape, generator=draw)


# Tensor parallelism: 6 rows of 16.


class MLP(nn.Module):
    """The norm and the head are no part of the plan: every rank does them whole."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(16)
        self.up = nn.Linear(16, 32)
        self.down = nn.Linear(32, 16)
        self.head = nn.Linear(16, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.down(self.up(self.norm(x)).relu()))


def mlp(mesh: DeviceMesh) -> nn.Module:
    """Columns, then rows."""
    return parallelize_module(MLP(), mesh, {"up": ColwiseParallel(), "down": RowwiseParallel()})


# A llama: rotary positions, grouped queries, SwiGLU.


class Attention(nn.Module):
    """The heads are counted by what the projections return: a rank has a part of them."""

    def __init__(self, dim: int, heads: int, kv_heads: int) -> None:
        super().__init__()
        self.head_dim = dim // heads
        self.wq = nn.Linear(dim, heads * self.head_dim, bias=False)
        self.wk = nn.Linear(dim, kv_heads * self.head_dim, bias=False)
        self.wv = nn.Linear(dim, kv_heads * self.head_dim, bias=False)
        self.wo = nn.Linear(heads * self.head_dim, dim, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (
            one.unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
            for one in (self.wq(x), self.wk(x), self.wv(x))
        )
        q, k = rotated(q), rotated(k)
        groups = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.wo(out.transpose(1, 2).flatten(-2))


def rotated(x: torch.Tensor) -> torch.Tensor:
    """Each pair of numbers turned by an angle that grows with the place."""
    half = x.shape[-1] // 2
    speed = 10000.0 ** (-torch.arange(half, device=x.device) / half)
    angle = torch.arange(x.shape[-2], device=x.device)[:, None] * speed
    one, other = x.chunk(2, -1)
    sin, cos = angle.sin().to(x.dtype), angle.cos().to(x.dtype)
    return torch.cat((one * cos - other * sin, one * sin + other * cos), -1)


class SwiGLU(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(dim, hidden, bias=False)
        self.w2 = nn.Linear(hidden, dim, bias=False)
        self.w3 = nn.Linear(dim, hidden, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Block(nn.Module):
    def __init__(self, dim: int, heads: int, kv_heads: int, hidden: int) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(dim)
        self.attention = Attention(dim, heads, kv_heads)
        self.feed_forward_norm = nn.RMSNorm(dim)
        self.feed_forward = SwiGLU(dim, hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed_forward(self.feed_forward_norm(x))


class Llama(nn.Module):
    def __init__(
        self,
        vocabulary: int = 10,
        dim: int = 16,
        layers: int = 2,
        heads: int = 4,
        kv_heads: int = 2,
        hidden: int = 24,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, dim)
        self.layers = nn.ModuleList(Block(dim, heads, kv_heads, hidden) for _ in range(layers))
        self.norm = nn.RMSNorm(dim)
        self.head = nn.Linear(dim, vocabulary, bias=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


class AttentionBlock(nn.Module):
    """Attention with its norms around it, of 2 texts of 8 places."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(16)
        self.attention = Attention(16, 4, 4)
        self.last_norm = nn.RMSNorm(16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last_norm(x + self.attention(self.norm(x)))


def sequence_parallel(mesh: DeviceMesh) -> nn.Module:
    """Between the projections a rank has its heads, elsewhere its places."""
    plan = {
        "": PrepareModuleInput(
            input_layouts=Replicate(), desired_input_layouts=Shard(1), use_local_output=True
        ),
        "norm": SequenceParallel(),
        "attention": PrepareModuleInput(input_layouts=Shard(1), desired_input_layouts=Replicate()),
        "attention.wq": ColwiseParallel(),
        "attention.wk": ColwiseParallel(),
        "attention.wv": ColwiseParallel(),
        "attention.wo": RowwiseParallel(output_layouts=Shard(1)),
        "last_norm": SequenceParallel(use_local_output=True),
    }
    module = parallelize_module(AttentionBlock(), mesh, plan)
    last = PrepareModuleOutput(output_layouts=Shard(1), desired_output_layouts=Replicate())
    return parallelize_module(module, mesh, last)


def sharded(mesh: DeviceMesh) -> nn.Module:
    """FSDP2 of a llama of 2 blocks, whose 10 words are no multiple of the ranks."""
    return _fully_sharded(Llama(), mesh)


def hybrid(mesh: DeviceMesh) -> nn.Module:
    """Sharded along the mesh's last axis, replicated along the first."""
    return _fully_sharded(Llama(), mesh)


def _fully_sharded(model: Llama, mesh: DeviceMesh) -> nn.Module:
    for layer in model.layers:
        fully_shard(layer, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def tensor_and_data(mesh: DeviceMesh) -> nn.Module:
    """Sequence parallel blocks along "tp", each then sharded along "dp"."""
    model = Llama()
    tp = mesh["tp"]
    parallelize_module(
        model,
        tp,
        {
            "embedding": RowwiseParallel(input_layouts=Replicate(), output_layouts=Shard(1)),
            "norm": SequenceParallel(),
            "head": ColwiseParallel(input_layouts=Shard(1), output_layouts=Replicate()),
        },
    )
    for layer in model.layers:
        parallelize_module(
            layer,
            tp,
            {
                "attention_norm": SequenceParallel(),
                "attention": PrepareModuleInput(input_layouts=Shard(1), desired_input_layouts=Replicate()),
                "attention.wq": ColwiseParallel(),
                "attention.wk": ColwiseParallel(),
                "attention.wv": ColwiseParallel(),
                "attention.wo": RowwiseParallel(output_layouts=Shard(1)),
                "feed_forward_norm": SequenceParallel(),
                "feed_forward": PrepareModuleInput(input_layouts=Shard(1), desired_input_layouts=Replicate()),
                "feed_forward.w1": ColwiseParallel(),
                "feed_forward.w2": RowwiseParallel(output_layouts=Shard(1)),
                "feed_forward.w3": ColwiseParallel(),
            },
        )
    return _fully_sharded(model, mesh["dp"])


# Expert parallelism: 8 experts, each takes 3 of a rank's 12 rows.


class Experts(nn.Module):
    """Weights of all experts; a rank keeps its own of them."""

    def __init__(self, experts: int, dim: int, hidden: int) -> None:
        super().__init__()
        self.up = nn.Parameter(torch.randn(experts, dim, hidden) / dim**0.5)
        self.down = nn.Parameter(torch.randn(experts, hidden, dim) / hidden**0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        up, down = (one.to_local() if isinstance(one, DTensor) else one for one in (self.up, self.down))
        return torch.bmm(torch.bmm(x, up).relu(), down)


class MixtureOfExperts(nn.Module):
    """An expert takes the rows that want it most, as many as it has room for: shapes depend on no data."""

    def __init__(self, experts: int = 8, dim: int = 16, hidden: int = 24, room: int = 3) -> None:
        super().__init__()
        self.room = room
        self.norm = nn.RMSNorm(dim)
        self.router = nn.Linear(dim, experts, bias=False)
        self.experts = Experts(experts, dim, hidden)
        self.mesh: DeviceMesh | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(x)
        weight, row = self.router(x).softmax(-1).topk(self.room, 0)
        taken = x[row.T]
        if self.mesh is None:
            done = self.experts(taken)
        else:
            # (rank, its experts, rows) -> (its experts, rows of all ranks), and back.
            ranks = self.mesh.size()
            mine = self._exchanged(taken).unflatten(0, (ranks, -1)).transpose(0, 1)
            done = self.experts(mine.flatten(1, 2)).unflatten(1, (ranks, -1)).transpose(0, 1)
            done = self._exchanged(done.flatten(0, 1).contiguous())
        done = done * weight.T[..., None]
        return x + torch.zeros_like(x).index_add(0, row.T.flatten(), done.flatten(0, 1))

    def _exchanged(self, rows: torch.Tensor) -> torch.Tensor:
        return all_to_all_single_autograd(rows, None, None, self.mesh)


def expert_parallel(mesh: DeviceMesh) -> nn.Module:
    """Every rank routes its own rows to the experts of all."""
    module = MixtureOfExperts()
    module.mesh = mesh
    for name, parameter in list(module.experts.named_parameters()):
        whole = DTensor.from_local(
            parameter.detach().chunk(mesh.size(), 0)[mesh.get_local_rank()].clone(),
            mesh,
            [Shard(0)],
            run_check=False,
        )
        setattr(module.experts, name, nn.Parameter(whole))
    return module


# A pipeline of equal stages: 8 microbatches of 2 rows.

MICROBATCHES = 8
PIPELINES = {"gpipe": ScheduleGPipe, "1f1b": Schedule1F1B}


def stage(mesh: DeviceMesh) -> PipelineStage:
    """Of this rank. What it is given and gives is said, so that nothing is sent to learn it."""
    module = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16))
    rank, stages = mesh.get_local_rank(), mesh.size()
    first, last = rank == 0, rank == stages - 1
    rows = torch.empty(2, 16, device="meta")
    return PipelineStage(
        module,
        rank,
        stages,
        torch.device("cpu"),
        input_args=rows if first else rows.clone().requires_grad_(),
        output_args=rows.clone().requires_grad_(),
        input_grads=None if first else rows,
        output_grads=None if last else rows,
        group=mesh.get_group(),
    )


def pipeline(mesh: DeviceMesh, schedule: str) -> ScheduleGPipe | Schedule1F1B:
    """The stage of this rank with its order of work."""
    return PIPELINES[schedule](stage(mesh), MICROBATCHES, loss_fn=lambda output, target: output.mean())


def gpipe(mesh: DeviceMesh) -> ScheduleGPipe:
    """All forwards, then all backwards."""
    return pipeline(mesh, "gpipe")


def one_f_one_b(mesh: DeviceMesh) -> Schedule1F1B:
    """A backward after each forward, as soon as there can be one."""
    return pipeline(mesh, "1f1b")


def interleaved(mesh: DeviceMesh) -> ScheduleInterleaved1F1B:
    """Two stages a rank, those of all ranks in turn."""
    rank, ranks = mesh.get_local_rank(), mesh.size()
    return ScheduleInterleaved1F1B(_two(mesh, rank, rank + ranks), MICROBATCHES, loss_fn=_loss)


def zero_bubble(mesh: DeviceMesh) -> ScheduleZBVZeroBubble:
    """Two stages a rank, there and back; a backward in two halves."""
    return ScheduleZBVZeroBubble(there_and_back(mesh), MICROBATCHES, loss_fn=_loss)


def there_and_back(mesh: DeviceMesh) -> list[PipelineStage]:
    """The first rank has the first stage and the last one."""
    rank, ranks = mesh.get_local_rank(), mesh.size()
    return _two(mesh, rank, 2 * ranks - 1 - rank)


def _loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return output.mean()


def _two(mesh: DeviceMesh, *numbers: int) -> list[PipelineStage]:
    return [
        PipelineStage(
            nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16)),
            number,
            2 * mesh.size(),
            torch.device("cpu"),
            group=mesh.get_group(),
        )
        for number in numbers
    ]


def three_ways(mesh: DeviceMesh) -> ScheduleGPipe:
    """The two layers of a stage along "tp", what is left of them along "dp", stages along "pp"."""
    module = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16))
    parallelize_module(module, mesh["tp"], {"0": ColwiseParallel(), "2": RowwiseParallel()})
    fully_shard(module, mesh=mesh["dp"])
    return _of_two(mesh, module)


def left_divided(mesh: DeviceMesh) -> ScheduleGPipe:
    """What a stage returns stays divided along "tp"."""
    module = nn.Sequential(nn.Linear(16, 16))
    parallelize_module(module, mesh["tp"], {"0": ColwiseParallel(use_local_output=False)})
    return _of_two(mesh, module)


def first_alone(mesh: DeviceMesh) -> PipelineStage | nn.Module:
    """A stage on one rank, and on the other a module that is none."""
    return words(mesh) if mesh.get_local_rank() == 0 else Second()


def uneven(mesh: DeviceMesh) -> ScheduleGPipe:
    """5 rows over ranks of "dp" that are 2: one has 3, and one 2."""
    return _of_two(mesh, fully_shard(nn.Sequential(nn.Linear(16, 5), nn.Linear(5, 16)), mesh=mesh["dp"]))


def gathered(mesh: DeviceMesh) -> Schedule1F1B:
    """Of a stage one layer is sharded by itself, and gathered anew after each forward."""
    module = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16))
    fully_shard(module[0], mesh=mesh["dp"])
    line = mesh["pp"]
    one = PipelineStage(
        fully_shard(module, mesh=mesh["dp"]),
        line.get_local_rank(),
        line.size(),
        torch.device("cpu"),
        group=line.get_group(),
    )
    return Schedule1F1B(one, MICROBATCHES, loss_fn=_loss)


def by_columns(mesh: DeviceMesh) -> ScheduleGPipe:
    """Microbatches are columns of the input, and a frozen stage has no gradient to give back."""
    return _of_two(
        mesh, nn.Linear(16, 16).requires_grad_(mesh["pp"].get_local_rank() > 0), (TensorChunkSpec(1),)
    )


def _of_two(mesh: DeviceMesh, module: nn.Module, chunks: Any = None) -> ScheduleGPipe:
    line = mesh["pp"]
    one = PipelineStage(
        module, line.get_local_rank(), line.size(), torch.device("cpu"), group=line.get_group()
    )
    return ScheduleGPipe(one, MICROBATCHES, loss_fn=_loss, args_chunk_spec=chunks)


# Pipelines whose stages are divided, or several of each rank: a factory, the axes of its mesh, their sizes.
DIVIDED = {
    "interleaved": (interleaved, ("pp",), (4,)),
    "zero_bubble": (zero_bubble, ("pp",), (4,)),
    "uneven": (uneven, ("dp", "pp"), (2, 2)),
    "gathered": (gathered, ("dp", "pp"), (2, 2)),
}


class First(nn.Module):
    """Words, and which of them are to be seen."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 16)

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.embedding(ids), ids


class Second(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(16, 10)

    def forward(self, x: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        return self.head(x) * (ids > 0)[..., None]


def words(mesh: DeviceMesh) -> PipelineStage:
    """Two stages without a schedule; the second is given words too."""
    rank = mesh.get_local_rank()
    module = Second() if rank else First()
    return PipelineStage(module, rank, 2, torch.device("cpu"), group=mesh.get_group())


NETWORKS = {
    "mlp": Network(mlp, ("tp",), ((2,), (4,)), (6, 16)),
    "sequence_parallel": Network(sequence_parallel, ("tp",), ((2,), (4,)), (2, 8, 16)),
    "sharded": Network(sharded, ("dp",), ((2,), (4,)), (2, 8), ids=10),
    "tensor_and_data": Network(tensor_and_data, ("dp", "tp"), ((2, 2),), (2, 8), ids=10),
    "hybrid": Network(hybrid, ("replicate", "shard"), ((2, 2),), (2, 8), ids=10),
    "expert_parallel": Network(expert_parallel, ("ep",), ((2,), (4,)), (12, 16)),
}
