"""A bias is added right before a norm that subtracts it again.

## What it finds

A convolution or a linear layer with a bias whose output goes to a batch norm or an instance norm and nowhere
else, unchanged, channel for channel, wherever that bias is added. Layer norms and group norms are let pass:
their means are over several channels, so that a bias for each channel does make a difference.

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
    returned = {value.storage for value in trace.outputs}
    # The operators whose bias a norm subtracts, by that bias, with the norm.
    vain: dict[int, list[tuple[OpCall, OpCall]]] = {}
    for op in trace.ops:
        if not op.operator.name.startswith(_CENTRING) or not op.reads or op.reads[0] in returned:
            continue
        made = makers.get(op.reads[0], ())
        if len(made) != 1 or readers.get(op.reads[0], 0) != 1:  # changed in between, or read elsewhere too
            continue
        bias = _bias_storage(trace, made[0])
        if bias is not None and _is_channelwise(trace, made[0], op):
            vain.setdefault(bias, []).append((made[0], op))
    reported: set[str] = set()
    for bias, pairs in vain.items():
        if readers.get(bias, 0) != len(pairs):  # added where no norm follows, too
            continue
        adding, norm = pairs[0]
        path = trace.calls[adding.call].path
        if path not in reported:
            reported.add(path)
            name = trace.calls[norm.call].path or "the norm"
            yield Remark(
                path,
                f"its bias is subtracted again by {name} right behind:"
                f" bias=False saves {units.plural(_bias(adding), 'parameter')}.",
            )


def _bias_storage(trace: Trace, op: OpCall) -> int | None:
    """The storage of the bias that an operator adds, where that is a parameter of its module by that name."""
    size = _bias(op)
    if not size:
        return None
    storage = op.reads[0] if op.operator.name.startswith("aten.addmm") else op.reads[2]
    fact = trace.modules[trace.calls[op.call].module]
    return storage if any(p.name == "bias" and p.storage == storage for p in fact.parameters) else None


def _is_channelwise(trace: Trace, made: OpCall, norm: OpCall) -> bool:
    """Whether the norm's channels are the ones that the bias is added to, and no tokens or groups of them.

    Instance norm makes channels of the samples', in turn.
    """
    normed, size = norm.operator.args[0].shape, _bias(made)
    if len(normed) < 2 or (normed[1] != size and (normed[0] != 1 or normed[1] % size)):
        return False
    if not made.operator.name.startswith("aten.addmm"):
        return True
    # Rows of a linear layer: the last dimension is its own, and has to be brought to the second place.
    if len(normed) == 2:
        return True
    moves = [
        op.operator.name.startswith(("aten.transpose.", "aten.permute."))
        for op in trace.ops
        if made.writes[0] in op.reads and "view" in op.operator.tags
    ]
    return any(moves)


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
