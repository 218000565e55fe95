"""The same tensor is gathered from all ranks more than once in a forward.

## What it finds

An all_gather of a tensor that was gathered along the same axis before and was not written to since: each of
several layers gathers its own input where all have the same, or every block gathers what the first one could
hand on. What `fully_shard` gathers is not meant: it lets a block's parameters go to save memory, and says
so. Places that are alike are named once. It needs a trace, and passes over a saved report.

## Why it matters

Links are slower than arithmetic: what is gathered three times takes three times as long, and each copy takes
the memory of the whole tensor.

## Example

Three projections of one tensor gather it three times.

```python
from torch import nn
from torch.distributed.tensor import Shard
from torch.distributed.tensor.parallel import ColwiseParallel, parallelize_module

class Projections(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(64, 64) for _ in range(3))

    def forward(self, x):
        return self.query(x) + self.key(x) + self.value(x)

def model(mesh):
    plan = {name: ColwiseParallel(input_layouts=Shard(1)) for name in ("query", "key", "value")}
    return parallelize_module(Projections(), mesh, plan)

mesh = "tp=8"
input = "4x64"
```

## Instead

The module around them gathers it once.

```python
from torch import nn
from torch.distributed.tensor import Replicate, Shard
from torch.distributed.tensor.parallel import ColwiseParallel, PrepareModuleInput, parallelize_module

class Projections(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(64, 64) for _ in range(3))

    def forward(self, x):
        return self.query(x) + self.key(x) + self.value(x)

def model(mesh):
    gather = PrepareModuleInput(input_layouts=(Shard(1),), desired_input_layouts=(Replicate(),))
    plan = {"": gather} | {name: ColwiseParallel() for name in ("query", "key", "value")}
    return parallelize_module(Projections(), mesh, plan)

mesh = "tp=8"
input = "4x64"
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netscope.answers.lint.reading import row_of
from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.formulas.collectives import moved
from netscope.report.report import Report
from netscope.trace.facts import OpCall, Trace
from netscope.trace.groups import group_in

# Places that are named one by one.
_NAMED: Final = 3
_NUMBER: Final = re.compile(r"\d+")


class _Gathered(NamedTuple):
    """A tensor that is gathered: the rows that do so, and the bytes that each time are gathered."""

    rows: tuple[str, ...]
    nbytes: int


@check("NS504", "warning", traced=True)
def gathered_again(look: Look) -> Iterator[Remark]:
    """One remark for all tensors that are gathered at places which are alike."""
    if look.trace is None or look.report.ranks is None:
        return
    alike: dict[tuple[str, ...], list[_Gathered]] = {}
    for one in _several(look.trace):
        alike.setdefault(tuple(_NUMBER.sub("N", row) for row in one.rows), []).append(one)
    for some in alike.values():
        first = some[0]
        names = [row or "the network itself" for row in dict.fromkeys(first.rows)]
        more = f" and {units.count(len(names) - _NAMED)} more" if len(names) > _NAMED else ""
        spared = sum((len(one.rows) - 1) * one.nbytes for one in some)
        also = f", and so {'is' if len(some) == 2 else 'are'} {len(some) - 1} more" if len(some) > 1 else ""
        yield Remark(
            first.rows[1],
            f"the same tensor is gathered {units.count(len(first.rows))} times{_along(look.report, first)},"
            f" in {', '.join(names[:_NAMED])}{more}{also}: once would do, and spare {units.binary(spared)}"
            " in buffers.",
        )


def _several(trace: Trace) -> list[_Gathered]:
    """Tensors that are gathered more than once, with nothing written to them in between."""
    sizes = {group.name: len(group.ranks) for group in trace.groups}
    found: dict[tuple[int, int, str, object], list[OpCall]] = {}
    written: dict[int, int] = {}
    for op in trace.ops:
        name = group_in(op.operator)
        what = moved(op.operator, sizes[name], 0) if name is not None and name in sizes else None
        # A gather into a buffer that is handed over, as those of `fully_shard`, reads that buffer too.
        gathers = what is not None and what.collective == "all_gather" and bool(op.reads)
        if name is not None and gathers and op.reads[0] not in op.writes:
            shape = getattr(op.operator.args[0], "shape", None)
            found.setdefault((op.reads[0], written.get(op.reads[0], 0), name, shape), []).append(op)
        for storage in () if "view" in op.operator.tags else op.writes:
            written[storage] = written.get(storage, 0) + 1
    several = []
    for key, ops in found.items():
        what = moved(ops[0].operator, sizes[key[2]], 0)
        if len(ops) > 1 and what is not None:
            several.append(_Gathered(tuple(row_of(trace, op) for op in ops), what.buffer_bytes))
    return several


def _along(report: Report, one: _Gathered) -> str:
    """Along which axis that is."""
    for row in one.rows:
        rank = report[row].rank if row in report else None
        for sent in () if rank is None else rank.own_traffic:
            if sent.collective == "all_gather" and sent.axis:
                return f" along {sent.axis}"
    return ""
