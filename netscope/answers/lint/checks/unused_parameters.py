"""A module that is called has parameters that no operator reads.

## What it finds

Parameters that a called module holds itself and that nothing in this forward read, here or, where they are
shared, elsewhere. Modules that are not called at all are NS301's.

## Why it matters

The parameter gets no gradient and learns nothing, though it is counted, saved and kept by the optimizer. A
scale, a mask token or a position table that has no effect is a forgotten line in `forward`.

## Example

```python
import torch
from torch import nn

class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 8)
        self.scale = nn.Parameter(torch.ones(8))

    def forward(self, x):
        return self.linear(x)

model = Scaled()
input = "8"
```

## Instead

Use it, or take it out.

```python
import torch
from torch import nn

class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 8)
        self.scale = nn.Parameter(torch.ones(8))

    def forward(self, x):
        return self.scale * self.linear(x)

model = Scaled()
input = "8"
```
"""

from __future__ import annotations

from collections.abc import Iterator

from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units


@check("NS302", "warning", traced=True)
def unused_parameters(look: Look) -> Iterator[Remark]:
    """One remark for each module, with the names of its parameters."""
    trace = look.trace
    assert trace is not None
    if trace.error is not None or trace.unseen:  # what was not seen may have read them
        return
    called = {call.module for call in trace.calls}
    met = {p.identity for fact in trace.modules for p in fact.parameters if p.storage >= 0}
    for index, fact in enumerate(trace.modules):
        if index not in called:
            continue
        unused = [p for p in fact.parameters if p.storage < 0 and not p.packed and p.identity not in met]
        if unused:
            names = ", ".join(p.name for p in unused)
            size = units.plural(sum(p.spec.numel for p in unused), "parameter")
            verb = "is" if len(unused) == 1 else "are"
            yield Remark(fact.path, f"{names} {verb} never read in this forward: {size} without use.")
