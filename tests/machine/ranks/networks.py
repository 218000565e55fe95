"""Networks of several ranks for tests: some divided by torch, some that come late, die or hang."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

WIDTH = 16
LATE = 0.3


class MLP(nn.Module):
    """16 to 64 to 16: 1,088 and 1,040 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(torch.relu(self.up(x)))


def tensor_parallel(mesh) -> nn.Module:
    """Along "tp"; one all_reduce of the output."""
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

    return parallelize_module(MLP(), mesh["tp"], {"up": ColwiseParallel(), "down": RowwiseParallel()})


def sharded() -> nn.Module:
    """By FSDP2 over all ranks, in two blocks; the group is made here, as training scripts do."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (dist.get_world_size(),), mesh_dim_names=("dp",))
    module = MLP()
    for part in (module.up, module.down, module):
        fully_shard(part, mesh=mesh)
    return module


class Late(nn.Module):
    """One rank comes late to its collective, in a group of its own."""

    def __init__(self, group: dist.ProcessGroup | None, rank: int) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, WIDTH)
        self.group = group
        self.late = dist.get_rank() == rank

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.linear(x)
        if self.late:
            time.sleep(LATE)
        dist.all_reduce(x, group=self.group)
        return x


def late(rank: int = 1) -> nn.Module:
    """In the group of all."""
    return Late(None, rank)


def late_along_tp(mesh, rank: int = 3) -> nn.Module:
    """In the groups along "tp"."""
    return Late(mesh["tp"].get_group(), rank)


class Failing(nn.Module):
    """One rank fails in its forward, once it has run so often with values."""

    def __init__(self, rank: int, how: str, after: int, note: str = "") -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, WIDTH)
        self.how = how if dist.get_rank() == rank else ""
        self.left = after
        self.note = note

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.linear(x)
        if not x.is_meta:
            self.left -= 1
        if self.left < 0:
            self._fail()
        dist.all_reduce(x)
        return x

    def _fail(self) -> None:
        if self.note and self.how:
            Path(self.note).write_text(str(time.time()), encoding="utf-8")
        if self.how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "left":
            os._exit(7)
        if self.how == "raised":
            raise ValueError("planted")
        if self.how == "hung":
            time.sleep(1000)


def failing(rank: int = 1, how: str = "killed", after: int = 20, note: str = "") -> nn.Module:
    """In the middle of what is measured.

    note:
        a file in which the failing rank writes when it does.
    """
    return Failing(rank, how, after, note)
