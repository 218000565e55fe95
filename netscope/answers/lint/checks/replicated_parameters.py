"""A large parameter is whole on every rank of an axis that divides the work on one batch.

## What it finds

Where modules are divided along an axis of the mesh (tensor parallelism), weights that are not: left out of
the plan, or replicated by it. Only those of at least 64 K elements which are at least a hundredth of the
network are named, as one remark with what dividing them would free on each rank.

## Why it matters

Every rank of the axis holds the whole of it, with its gradient and the state of its optimizer, and mostly
does the same products on it as all others. The output projection of a language model is often the largest
weight of all, and the one that is forgotten.

## Example

```python
from torch import nn
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(64, 256), nn.Linear(256, 64)
        self.head = nn.Linear(64, 4096)

    def forward(self, x):
        return self.head(self.down(self.up(x).relu()))

def model(mesh):
    plan = {"up": ColwiseParallel(), "down": RowwiseParallel()}
    return parallelize_module(Net(), mesh, plan)

mesh = "tp=8"
input = "64"
```

## Instead

```python
from torch import nn
from torch.distributed.tensor import Replicate
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(64, 256), nn.Linear(256, 64)
        self.head = nn.Linear(64, 4096)

    def forward(self, x):
        return self.head(self.down(self.up(x).relu()))

def model(mesh):
    plan = {
        "up": ColwiseParallel(),
        "down": RowwiseParallel(),
        "head": ColwiseParallel(output_layouts=Replicate()),
    }
    return parallelize_module(Net(), mesh, plan)

mesh = "tp=8"
input = "64"
```
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.report.layer import Layer, Parameter, Shape
from netscope.report.ranks import Ranks

# Elements from which on a parameter is large, and the part of the network that it must be.
_LARGE: Final = 2**16
_PART: Final = 0.01


class _Weight(NamedTuple):
    """A parameter, its shape undivided, the axes that divide it, and the bytes that a rank has of it."""

    path: str
    name: str
    shape: Shape
    axes: frozenset[str]
    nbytes: int


@check("NS503", "warning")
def replicated_parameters(look: Look) -> Iterator[Remark]:
    """One remark for each axis, at the largest parameter that it leaves whole."""
    ranks = look.report.ranks
    if ranks is None:
        return
    weights = [
        _weight(layer, parameter)
        for layer in look.report.layers
        for parameter in layer.parameters
        if parameter.shared_with is None and layer.shared_with is None
    ]
    whole = sum(math.prod(weight.shape) for weight in weights)
    for name, size in _dividing(ranks, weights):
        found = [
            weight
            for weight in weights
            if name not in weight.axes and math.prod(weight.shape) >= max(_LARGE, _PART * whole)
        ]
        if not found:
            continue
        largest = max(found, key=lambda weight: weight.nbytes)
        freed = sum(weight.nbytes - weight.nbytes // size for weight in found)
        others = len(found) - 1
        also = f", and so {_are(others)} {units.plural(others, 'other parameter')}" if others else ""
        yield Remark(
            largest.path,
            f"its {largest.name} of {units.shape(largest.shape)} is whole on all {units.count(size)} ranks"
            f" along {name}{also}: dividing {'them' if others else 'it'} would free {units.binary(freed)}"
            " on each.",
        )


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _weight(layer: Layer, parameter: Parameter) -> _Weight:
    parts = () if layer.rank is None else layer.rank.parameters
    part = next((part for part in parts if part.name == parameter.name), None)
    if part is None:
        return _Weight(layer.path, parameter.name, parameter.shape, frozenset(), parameter.stored_bytes)
    axes = frozenset(axis for axis, placed in part.placements.items() if placed.startswith("S("))
    return _Weight(layer.path, parameter.name, part.shape, axes, parameter.stored_bytes)


def _dividing(ranks: Ranks, weights: list[_Weight]) -> list[tuple[str, int]]:
    """Axes of several ranks that divide the work on a batch, and of parameters at least some."""
    return [
        (axis.name, axis.size)
        for axis in ranks.mesh
        if axis.role == "model" and axis.size > 1 and any(axis.name in weight.axes for weight in weights)
    ]
