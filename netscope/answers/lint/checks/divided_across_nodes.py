"""Ranks that divide the work on one batch are in different nodes, and send to each other in the forward.

## What it finds

An axis of tensor parallelism, which has traffic in the forward, whose groups stretch over more ranks than
the 8 that a node has: because it is longer than that, or because it is not the innermost of the mesh, so
that its neighbours are far apart. Axes of data and of pipelines, which send less or can wait, are not meant.

## Why it matters

Inside a node GPUs are joined by links of hundreds of gigabytes a second, between nodes by a tenth of that.
What tensor parallelism sends stands between two products and mostly cannot be hidden behind them. `netscope
roofline --mesh` says how long it takes at least, and `--node` that nodes are larger.

## Example

The outer axis has its neighbours in different nodes.

```python
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

def model(mesh):
    net = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 64))
    parallelize_module(net, mesh["tp"], {"0": ColwiseParallel(), "2": RowwiseParallel()})
    return fully_shard(net, mesh=mesh["dp"])

mesh = "tp=4,dp=8"
input = "64"
```

## Instead

The same with the axes in the other order.

```python
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

def model(mesh):
    net = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 64))
    parallelize_module(net, mesh["tp"], {"0": ColwiseParallel(), "2": RowwiseParallel()})
    return fully_shard(net, mesh=mesh["dp"])

mesh = "dp=8,tp=4"
input = "64"
```
"""

from __future__ import annotations

from collections.abc import Iterator

from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.report.measured.links import NODE
from netscope.report.ranks import wire_bytes


@check("NS505", "warning")
def divided_across_nodes(look: Look) -> Iterator[Remark]:
    """One remark for each such axis."""
    ranks = look.report.ranks
    for axis in () if ranks is None else ranks.mesh:
        if axis.role != "model" or axis.reach <= NODE:
            continue
        assert ranks is not None
        nbytes = wire_bytes((one for one in ranks.own.traffic if axis.name in one.axis.split("+")), "forward")
        if not nbytes:
            continue
        why = (
            f"its {units.count(axis.size)} ranks are {units.count(axis.stride)} apart"
            if axis.size <= NODE
            else f"it has {units.count(axis.size)} ranks"
        )
        advice = "; as the innermost axis it would fit into a node" if axis.size <= NODE else ""
        yield Remark(
            "",
            f"along {axis.name} each rank sends {units.binary(nbytes)} in a forward, and a node of {NODE}"
            f" does not hold its groups: {why}{advice}.",
        )
