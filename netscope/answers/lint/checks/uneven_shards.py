"""Some ranks hold less of the parameters than others, or nothing.

## What it finds

Parameters that are divided along dimensions which are no multiple of the number of ranks. torch fills one
rank after the other, so that the last ones have less, or none. Nothing is said as long as the fullest rank
has no more than a hundredth above the mean: biases and norms are often smaller than the mesh. The remark
names the parameter by which most is lost, and how much the fullest rank has above the mean of all.

## Why it matters

Every rank waits for the fullest one, which needs its memory for parameters, gradients and optimizer state,
and collectives send the filled up size. A vocabulary of 50,257 words is a few rows short on the last of 8
ranks; 10 rows over 8 ranks leave three of them with nothing.

## Example

```python
from torch import nn
from torch.distributed.fsdp import fully_shard

def model(mesh):
    return fully_shard(nn.Sequential(nn.Linear(64, 10), nn.ReLU(), nn.Linear(10, 64)), mesh=mesh)

mesh = "dp=8"
input = "64"
```

## Instead

Round the dimension up to a multiple of the ranks, or divide another one (`shard_placement_fn`).

```python
from torch import nn
from torch.distributed.fsdp import fully_shard

def model(mesh):
    return fully_shard(nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 64)), mesh=mesh)

mesh = "dp=8"
input = "64"
```
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.report.ranks import Part

# What the fullest rank may have above the mean.
_MOST: Final = 0.01


class _Shards(NamedTuple):
    """How a parameter is divided.

    name, part:
        of the parameter.
    ways:
        parts that it is divided into.
    most:
        elements of the largest one.
    less, without:
        ranks of the parts that hold less than that, and of those that hold none.
    """

    name: str
    part: Part
    ways: int
    most: int
    less: int
    without: int

    @property
    def mean(self) -> float:
        """Elements of a part, on average."""
        return math.prod(self.part.shape) / self.ways

    @property
    def lost(self) -> float:
        """Elements that the fullest rank has above that."""
        return self.most - self.mean


@check("NS502", "warning")
def uneven_shards(look: Look) -> Iterator[Remark]:
    """One remark for all, at the parameter by which most is lost."""
    ranks = look.report.ranks
    if ranks is None:
        return
    sizes = {axis.name: axis.size for axis in ranks.mesh}
    found = [
        _shards(f"{layer.path}.{part.name}".lstrip("."), part, sizes)
        for layer in look.report.layers
        if layer.rank is not None and layer.shared_with is None
        for part in layer.rank.parameters
        if part.name in layer.parameter_shapes
    ]
    mean = sum(shards.mean for shards in found)
    if not mean or sum(shards.lost for shards in found) <= _MOST * mean:
        return
    worst = max(found, key=lambda shards: shards.lost)
    others = sum(shards.lost > 0 for shards in found) - 1
    path, _, name = worst.name.rpartition(".")
    above = units.percent(sum(shards.lost for shards in found) / mean)
    also = f", and {units.plural(others, 'other parameter')} are uneven too" if others else ""
    also = also.replace("parameter are", "parameter is")
    yield Remark(
        path,
        f"its {name} of {units.shape(worst.part.shape)} is divided into {units.count(worst.ways)}:"
        f" {_who(worst)}{also}; the fullest rank has {above} more than the mean.",
    )


def _who(shards: _Shards) -> str:
    """How many ranks have less."""
    if shards.without:
        return f"{units.count(shards.without)} of these ranks hold nothing of it"
    return f"{units.count(shards.less)} of these ranks {'holds' if shards.less == 1 else 'hold'} less"


def _shards(name: str, part: Part, sizes: Mapping[str, int]) -> _Shards:
    """What all ranks have of a parameter: each axis fills one rank after the other with what it is given."""
    parts = {tuple(part.shape): 1}
    for axis, placed in part.placements.items():
        if not placed.startswith("S(") or axis not in sizes:
            continue
        dim, ways = int(placed[2:-1]), sizes[axis]
        divided: dict[tuple[int, ...], int] = {}
        for shape, count in parts.items():
            each = -(-shape[dim] // ways)
            for rank in range(ways):
                rows = max(0, min(each, shape[dim] - rank * each))
                one = (*shape[:dim], rows, *shape[dim + 1 :])
                divided[one] = divided.get(one, 0) + count
        parts = divided
    held = {shape: math.prod(shape) for shape in parts}
    most = max(held.values())
    less = sum(count for shape, count in parts.items() if held[shape] < most)
    without = sum(count for shape, count in parts.items() if not held[shape])
    return _Shards(name, part, sum(parts.values()), most, less, without)
