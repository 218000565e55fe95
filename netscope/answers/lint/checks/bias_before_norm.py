"""A bias is added right before a norm that subtracts it again.

## What it finds

A convolution or a linear layer with a bias whose output goes to a batch norm or an instance norm and nowhere
else, unchanged. Layer norms and group norms are let pass: their means are over several channels, so that
a bias for each channel does make a difference.

## Why it matters

The norm takes each channel's mean away, and the bias with it. The parameters learn nothing (their gradient
is zero in training), yet they are stored, kept by the optimizer and added at every position.

## Example

```python
from torch import nn

model = nn.Sequential(nn.Conv2d(3, 64, kernel_size=3), nn.BatchNorm2d(64), nn.ReLU())
input = "3x32x32"
```

## Instead

The norm has a bias of its own.

```python
from torch import nn

model = nn.Sequential(nn.Conv2d(3, 64, kernel_size=3, bias=False), nn.BatchNorm2d(64), nn.ReLU())
input = "3x32x32"
```
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netscope.answers.lint.reading import makers_and_readers
from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.base.workload import TensorSpec
from netscope.trace.facts import OpCall, Trace

# Norms that subtract each channel's own mean. Layer and group norms take means over several channels.
_CENTRING: Final = (
    "aten.native_batch_norm.",
    "aten._native_batch_norm_legit",
    "aten.cudnn_batch_norm.",
    "aten._batch_norm_with_update.",
    "aten._batch_norm_no_update.",
)


@check("NS201", "warning", traced=True)
def bias_before_norm(look: Look) -> Iterator[Remark]:
    """One remark for each layer whose bias is in vain."""
    trace = look.trace
    assert trace is not None
    makers, readers = makers_and_readers(trace)
    reported: set[str] = set()
    for op in trace.ops:
        if not op.operator.name.startswith(_CENTRING) or not op.reads:
            continue
        made = makers.get(op.reads[0], ())
        if len(made) != 1 or readers.get(op.reads[0], 0) != 1:  # changed in between, or read elsewhere too
            continue
        size = _bias(made[0])
        path = trace.calls[made[0].call].path
        if size and path not in reported and _is_parameter(trace, made[0]):
            reported.add(path)
            norm = trace.calls[op.call].path
            yield Remark(
                path,
                f"its bias is subtracted again by {norm or 'the norm'} right behind:"
                f" bias=False saves {units.plural(size, 'parameter')}.",
            )


def _bias(op: OpCall) -> int:
    """Elements of the bias that a convolution or a linear layer adds; 0 for none."""
    args = op.operator.args
    if op.operator.name.startswith("aten.convolution") and len(args) > 2:
        bias = args[2]
    elif op.operator.name.startswith("aten.addmm"):
        bias = args[0]
    else:
        return 0
    return bias.numel if isinstance(bias, TensorSpec) and len(bias.shape) == 1 else 0


def _is_parameter(trace: Trace, op: OpCall) -> bool:
    fact = trace.modules[trace.calls[op.call].module]
    return any(parameter.name == "bias" for parameter in fact.parameters)
