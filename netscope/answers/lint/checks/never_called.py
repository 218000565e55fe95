"""A module with parameters takes no part in the forward.

## What it finds

Modules that own parameters and were not called in this forward, whose weights nobody read either. Of a part
that was not called as a whole only the outermost module is named. One that is called in training mode, as
auxiliary heads are, is information and no warning. Nothing is said of a forward that raised.

## Why it matters

It is counted, saved in every checkpoint and kept by the optimizer, and learns nothing. Mostly it is left
over from an earlier version, or a call was forgotten in `forward`. Under `DistributedDataParallel` a
parameter without a gradient is an error.

## Example

```python
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.body(x)

model = Net()
input = "8"
```

## Instead

Call it, or take it out.

```python
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.body(x))

model = Net()
input = "8"
```
"""

from __future__ import annotations

from collections.abc import Iterator

from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.report.layer import UNCALLED, Layer


@check("NS301", "warning")
def never_called(look: Look) -> Iterator[Remark]:
    """One remark for each outermost module that is idle."""
    if look.report.error is not None:
        return
    dead = ""
    for layer in look.report.layers:
        if layer.used or layer.kind != "module" or layer.shared_with is not None or UNCALLED in layer.unknown:
            continue
        if dead and layer.path.startswith(f"{dead}."):
            continue
        dead = layer.path
        if not layer.params:
            continue
        size = units.count(layer.params)
        if look.trained is not None and _in_training(layer, look.trained):
            text = f"called in training only: its {size} parameters take no part in evaluation."
            yield Remark(layer.path, text, "info")
        else:
            yield Remark(layer.path, f"never called in this forward: its {size} parameters have no use.")


def _in_training(layer: Layer, trained: frozenset[str]) -> bool:
    return layer.path in trained or any(path.startswith(f"{layer.path}.") for path in trained)
