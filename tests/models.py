"""Tiny networks that break tools like this one; each is numbered as in the list of what must hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Scaled dot-product attention of a tensor with itself."""

    def forward(self, q: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(q, q, q)


class GroupedQueryAttention(nn.Module):
    """8 query heads on 2 key and value heads."""

    def forward(self, q: Tensor, kv: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(q, kv, kv, enable_gqa=True)


class TiedEmbedding(nn.Module):
    """Embedding and output projection share one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(100, 16)
        self.head = nn.Linear(16, 100, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.embed(ids))


def shared_linear() -> nn.Module:
    """One linear reachable by two names."""
    layer = nn.Linear(10, 10)
    return nn.Sequential(nn.Sequential(layer), nn.Sequential(layer))


class PackedLSTM(nn.Module):
    """LSTM over sequences of lengths 7, 3 and 1."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 6)

    def forward(self, packed: Any) -> Any:
        return self.lstm(packed)


class Raises(nn.Module):
    """Fails after two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.norm = nn.BatchNorm1d(8)
        self.broken = nn.Linear(9, 2)
        self.never = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        self.left_behind = x
        return self.never(self.broken(self.norm(self.first(x))))


@dataclass
class Answer:
    """What a dataclass output looks like."""

    logits: Tensor
    hidden: list[Tensor]


class Outputs(nn.Module):
    """Returns whatever `kind` asks for."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Any:
        y = self.linear(x)
        if self.kind == "dict":
            return {"a": y, "b": [y, None], "n": 3}
        if self.kind == "dataclass":
            return Answer(y, [y, y])
        return torch.distributions.Categorical(logits=y, validate_args=False)


class PlainList(nn.Module):
    """Submodules in a plain Python list, which torch does not register."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(4, 4), nn.Linear(4, 4)]
        self.last = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return self.last(x)


class ReplacesItself(nn.Module):
    """Its forward swaps one of its own layers for another."""

    def __init__(self) -> None:
        super().__init__()
        self.l = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.l(x)
        self.l = nn.Linear(4, 4)
        return self.l(x)


class TotalOps(nn.Module):
    """Has a `total_ops` of its own, a name that some tools write to."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8, bias=False)

    @property
    def total_ops(self) -> int:
        return 7

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)


class Dot(nn.Module):
    """The inner product of a vector with itself."""

    def forward(self, x: Tensor) -> Tensor:
        return x @ x


class Unpool(nn.Module):
    """Pools with locations, and puts the maxima back."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.unpool = nn.MaxUnpool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        y, places = self.pool(x)
        return self.unpool(y, places)


@dataclass
class Options:
    """An argument that carries a tensor."""

    scale: Tensor
    times: int = 1


class ManyArguments(nn.Module):
    """Takes everything by keyword: tensors, numbers, text, None, dicts and dataclasses."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4, bias=False)

    def forward(
        self,
        *,
        x: Tensor,
        times: int,
        mode: str,
        mask: Tensor | None,
        extra: dict[str, Tensor],
        options: Options,
    ) -> Tensor:
        assert mode == "sum"
        assert mask is None
        for _ in range(times * options.times):
            x = self.linear(x)
        return x * options.scale + extra["bias"]


class Nested(nn.Module):
    """Modules nested `depth` deep around one linear."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.inner: nn.Module = nn.Linear(4, 4)
        for _ in range(depth - 1):
            outer = Nested.__new__(Nested)
            nn.Module.__init__(outer)
            outer.inner = self.inner
            self.inner = outer

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


class NoParameters(nn.Module):
    """Returns a 0-d tensor and has nothing to learn."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x).sum()


class LoRA(nn.Module):
    """A frozen linear with a trainable low-rank addition."""

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Linear(32, 32, bias=False).requires_grad_(False)
        self.down = nn.Linear(32, 4, bias=False)
        self.up = nn.Linear(4, 32, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + self.up(self.down(x))


class Checkpointed(nn.Module):
    """Recomputes its block in backward."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))

    def forward(self, x: Tensor) -> Tensor:
        from torch.utils.checkpoint import checkpoint

        return checkpoint(self.block, x, use_reentrant=False)


class FunctionalCall(nn.Module):
    """Calls a submodule with parameters of its own making."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        doubled = {name: 2 * p for name, p in self.inner.named_parameters()}
        return torch.func.functional_call(self.inner, doubled, (x,))


class Mapped(nn.Module):
    """Runs a linear under vmap."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return torch.vmap(self.inner)(x)


class NeedsData(nn.Module):
    """Keeps as many features as the data says: no shape rule can know."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)
        self.norm = nn.BatchNorm1d(8)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.linear(x))
        return y[y.sum(1) > -1e9]


class Hoards(nn.Module):
    """Writes to everything that it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.plain = torch.zeros(4)
        self.seen: list[Tensor] = []
        self.cache: dict[str, Any] = {"old": 1}
        self.count = 0

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        self.steps += 1
        self.plain += 1
        self.plain.mul_(2)
        y = self.drop(self.norm(self.conv(x)))
        self.seen.append(y)
        self.cache["new"] = y
        self.fresh = y
        with torch.no_grad():
            self.conv.weight.add_(1)
        x.mul_(0)
        return y + torch.rand(())


class OddNames(nn.Module):
    """Layer names that break markup, tables, terminals and widths."""

    NAMES = ("[bold]", "a|b", "<script>alert(1)</script>", "line\nbreak", "\x1b[31mred", "x" * 10_000)

    def __init__(self) -> None:
        super().__init__()
        for name in self.NAMES:
            self.add_module(name, nn.Linear(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        for child in self.children():
            x = child(x)
        return x
