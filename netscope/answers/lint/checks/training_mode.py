"""Dropout or batch statistics are at work though the network is in evaluation mode.

## What it finds

- Random zeros that are drawn in evaluation mode, by a functional dropout that is not told the mode: an error.
- Normalization by the statistics of the batch in evaluation mode, as by a batch norm without running
  statistics: a warning.
- A dropout or a batch norm that was left in training mode while the whole network, as it was handed over, is
  in evaluation mode: an error.

## Why it matters

A prediction then differs from run to run, or depends on what else is in the batch. Nothing fails; accuracy is
lower than it was in training.

## Example

```python
from torch import nn
from torch.nn import functional

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x):
        return functional.dropout(self.linear(x), 0.5)

model = Net()
input = "8"
```

## Instead

Use the module `nn.Dropout`, or hand over `training=self.training`; call `eval()` on the whole network.

```python
from torch import nn
from torch.nn import functional

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x):
        return functional.dropout(self.linear(x), 0.5, training=self.training)

model = Net()
input = "8"
```
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netscope.answers.lint.reading import path_of
from netscope.answers.lint.registry import Look, Remark, check
from netscope.report.layer import FUNCTIONAL
from netscope.trace.facts import OpCall, Trace

_DROPOUT: Final = ("aten.native_dropout.", "aten.bernoulli_.", "aten.bernoulli.")
_BATCH_NORM: Final = ("aten.native_batch_norm.", "aten._native_batch_norm_legit.")


@check("NS402", "error", traced=True)
def training_mode(look: Look) -> Iterator[Remark]:
    """One remark for each part that was left in training mode, and for each layer that acts as if."""
    trace = look.trace
    assert trace is not None
    yield from _left(look)
    if trace.training:
        return
    reported: set[str] = set()
    for op in trace.ops:
        name, path = op.operator.name, path_of(trace, op)
        if path in reported:
            continue
        if name.startswith(_DROPOUT):
            reported.add(path)
            yield Remark(
                _own(path, trace, op),
                "random zeros are drawn in evaluation mode: functional dropout needs training=self.training.",
            )
        elif name.startswith(_BATCH_NORM) and _batch_statistics(trace, op):
            reported.add(path)
            yield Remark(
                _own(path, trace, op),
                "batch statistics are used in evaluation mode, so that results depend on the batch.",
                "warning",
            )


def _own(path: str, trace: Trace, op: OpCall) -> str:
    """The row that shows what the call ran itself."""
    inside = op.call >= 0 and any(call.parent == op.call for call in trace.calls)
    return f"{path}.{FUNCTIONAL}".lstrip(".") if inside else path


def _batch_statistics(trace: Trace, op: OpCall) -> bool:
    """In place of running ones; instance norms, which are made of this, have none to use."""
    base = trace.modules[trace.calls[op.call].module].base if op.call >= 0 else ""
    args = op.operator.args
    return len(args) > 5 and args[5] is True and "InstanceNorm" not in base


def _left(look: Look) -> Iterator[Remark]:
    """Parts that stayed in training mode when the whole was put into evaluation mode."""
    modes = look.modes or {}
    if modes.get("", True):
        return
    for layer in look.report.layers:
        what = "Dropout" if "Dropout" in layer.base else "BatchNorm" if "BatchNorm" in layer.base else ""
        if what and modes.get(layer.path, False):
            yield Remark(
                layer.path,
                f"this {what} is in training mode while the network is in evaluation mode: call eval() on the"
                " whole network.",
            )
