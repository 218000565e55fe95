"""A llama on many ranks, by torch's own calls: tensor and sequence parallel along "tp", FSDP2 along "dp".

It needs no netscope, and is one of its networks as it is:

    netscope summary examples/parallel/llama.py:parallelize --mesh dp=32,tp=8 --input 2048:int64
    netscope summary examples/parallel/llama.py:small --mesh dp=4,tp=2 --input 128:int64
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import Replicate, Shard
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    PrepareModuleInput,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)
from torch.nn import functional


class Attention(nn.Module):
    """With fewer heads for keys and values than for queries. How many there are here, the projections say."""

    def __init__(self, dim: int, heads: int, kv_heads: int) -> None:
        super().__init__()
        self.head_dim = dim // heads
        self.wq = nn.Linear(dim, heads * self.head_dim, bias=False)
        self.wk = nn.Linear(dim, kv_heads * self.head_dim, bias=False)
        self.wv = nn.Linear(dim, kv_heads * self.head_dim, bias=False)
        self.wo = nn.Linear(heads * self.head_dim, dim, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        q, k, v = (
            projected.unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
            for projected in (self.wq(x), self.wk(x), self.wv(x))
        )
        q, k = rotated(q, cos, sin), rotated(k, cos, sin)
        shared_by = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(shared_by, 1), v.repeat_interleave(shared_by, 1)
        out = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.wo(out.transpose(1, 2).flatten(-2))


def angles(places: int, head_dim: int, base: float, like: Tensor) -> tuple[Tensor, Tensor]:
    half = torch.arange(head_dim // 2, device=like.device)
    angle = torch.arange(places, device=like.device)[:, None] * base ** (-2 * half / head_dim)
    return angle.cos().to(like.dtype), angle.sin().to(like.dtype)


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    one, other = x.chunk(2, -1)
    return torch.cat((one * cos - other * sin, one * sin + other * cos), -1)


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(dim, hidden, bias=False)
        self.w2 = nn.Linear(hidden, dim, bias=False)
        self.w3 = nn.Linear(dim, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(functional.silu(self.w1(x)) * self.w3(x))


class Block(nn.Module):
    """Attention, then the feed-forward, each added to what it was given."""

    def __init__(self, dim: int, heads: int, kv_heads: int, hidden: int) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(dim, eps=1e-5)
        self.attention = Attention(dim, heads, kv_heads)
        self.feed_forward_norm = nn.RMSNorm(dim, eps=1e-5)
        self.feed_forward = FeedForward(dim, hidden)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin)
        return x + self.feed_forward(self.feed_forward_norm(x))


class Llama(nn.Module):
    """Numbers of words in, a score for every word out. These sizes are those of Llama 2 70B."""

    def __init__(
        self,
        layers: int = 80,
        dim: int = 8192,
        heads: int = 64,
        kv_heads: int = 8,
        hidden: int = 28672,
        vocabulary: int = 32000,
    ) -> None:
        super().__init__()
        self.head_dim = dim // heads
        self.embedding = nn.Embedding(vocabulary, dim)
        self.layers = nn.ModuleList(Block(dim, heads, kv_heads, hidden) for _ in range(layers))
        self.norm = nn.RMSNorm(dim, eps=1e-5)
        self.head = nn.Linear(dim, vocabulary, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids)
        cos, sin = angles(ids.shape[1], self.head_dim, 10000.0, x)
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.head(self.norm(x))


# Between the projections a rank has its heads or hidden features; elsewhere its places of the text.
ENDS = {
    "embedding": RowwiseParallel(input_layouts=Replicate(), output_layouts=Shard(1)),
    "norm": SequenceParallel(),
    "head": ColwiseParallel(input_layouts=Shard(1), output_layouts=Replicate()),
}
BLOCK = {
    "attention_norm": SequenceParallel(),
    "attention": PrepareModuleInput(
        input_layouts=(Shard(1), None, None), desired_input_layouts=(Replicate(), None, None)
    ),
    "attention.wq": ColwiseParallel(),
    "attention.wk": ColwiseParallel(),
    "attention.wv": ColwiseParallel(),
    "attention.wo": RowwiseParallel(output_layouts=Shard(1)),
    "feed_forward_norm": SequenceParallel(),
    "feed_forward": PrepareModuleInput(input_layouts=Shard(1), desired_input_layouts=Replicate()),
    "feed_forward.w1": ColwiseParallel(),
    "feed_forward.w2": RowwiseParallel(output_layouts=Shard(1)),
    "feed_forward.w3": ColwiseParallel(),
}


def parallelize(mesh: DeviceMesh, **sizes: int) -> nn.Module:
    """69.0 billion parameters, if no other sizes are asked for. They have no data yet."""
    with torch.device("meta"):
        model = Llama(**sizes)
    parallelize_module(model, mesh["tp"], ENDS)
    for layer in model.layers:
        parallelize_module(layer, mesh["tp"], BLOCK)
        fully_shard(layer, mesh=mesh["dp"])
    fully_shard(model, mesh=mesh["dp"])
    return model


def small(mesh: DeviceMesh) -> nn.Module:
    """As `parallelize`, of 1.0 million parameters."""
    return parallelize(mesh, layers=4, dim=128, heads=8, kv_heads=4, hidden=384, vocabulary=1000)
