"""A tensor is laid out anew because an operator cannot take it as it is, and nobody asked for that.

## What it finds

Operators on tensors that are divided among ranks (`DTensor`) which were given a placement that they cannot
work on, so that torch gathered or summed a tensor before them. The remark names the operator, the placements
before and after, and the bytes of the buffers. Where that only cuts a tensor nothing is sent, and nothing is
said.

## Why it matters

Such a gather stands in no plan. It is sent in every step, often of the largest tensor there is, and takes
the memory that dividing it was to save.

## Example

The softmax needs whole rows, and has their parts.

```python
from torch import nn
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(64, 256), nn.Linear(256, 64)

    def forward(self, x):
        return self.down(self.up(x).softmax(-1))

def model(mesh):
    plan = {"up": ColwiseParallel(use_local_output=False), "down": RowwiseParallel()}
    return parallelize_module(Net(), mesh, plan)

mesh = "tp=8"
input = "64"
```

## Instead

Divide what each rank can work on by itself, or write where a tensor is to be gathered: then it can be seen.

```python
from torch import nn
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(64, 256), nn.Linear(256, 64)

    def forward(self, x):
        return self.down(self.up(x).relu())

def model(mesh):
    plan = {"up": ColwiseParallel(use_local_output=False), "down": RowwiseParallel()}
    return parallelize_module(Net(), mesh, plan)

mesh = "tp=8"
input = "64"
```
"""

from __future__ import annotations

from collections.abc import Iterator

from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.base.opnames import short_name


@check("NS501", "warning")
def implicit_redistributions(look: Look) -> Iterator[Remark]:
    """One remark for each row, operator and change of placements."""
    ranks = look.report.ranks
    for one in () if ranks is None else ranks.implicit:
        if not one.buffer_bytes:
            continue
        times = "" if one.times == 1 else f" {units.count(one.times)} times"
        yield Remark(
            one.path,
            f"torch lays a tensor out anew{times} for {short_name(one.operator)}, from {one.before} to"
            f" {one.after}, which nobody wrote: {units.binary(one.buffer_bytes)} in buffers.",
        )
