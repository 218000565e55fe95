"""A module with parameters takes no part in the forward.

## What it finds

Modules that own parameters and were not called in this forward, whose weights nobody read either. Of a part
that was not called as a whole only the outermost module is named. It is information and no warning where
another call may have a use for it: in training mode, as auxiliary heads have; with arguments that this call
did not give; or with other data, where the forward could not be followed without values. The remark says
which. Nothing is said of a forward that raised.

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

from netscope.answers.lint.reading import hidden_readers, may_depend, mode_of
from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.report.layer import UNCALLED, Layer
from netscope.report.report import Report


@check("NS301", "warning")
def never_called(look: Look) -> Iterator[Remark]:
    """One remark for each outermost module that is idle."""
    if look.report.error is not None:
        return
    dead, hidden = "", hidden_readers(look)
    for layer in look.report.layers:
        if layer.used or layer.kind != "module" or layer.shared_with is not None or UNCALLED in layer.unknown:
            continue
        if dead and layer.path.startswith(f"{dead}."):
            continue
        dead = layer.path
        if not layer.params or layer.path in hidden:
            continue
        size = units.count(layer.params)
        trained = look.trained()
        if trained is not None and _called(layer, trained):
            text = f"called in training only: its {size} parameters take no part in evaluation."
            yield Remark(layer.path, text, "info")
            continue
        text = f"not called in {mode_of(look)} at this input: its {size} parameters take no part"
        why = may_depend(look)
        yield Remark(layer.path, f"{text}; {why}.", "info") if why else Remark(layer.path, f"{text}.")


def _called(layer: Layer, report: Report) -> bool:
    inside = f"{layer.path}."
    return any(
        one.calls and one.kind == "module" and (one.path == layer.path or one.path.startswith(inside))
        for one in report.layers
    )
