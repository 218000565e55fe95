"""Dropout or batch statistics are at work though the network is in evaluation mode.

## What it finds

- Random zeros that are drawn in evaluation mode and multiplied into what the network computes, by a
  functional dropout that is not told the mode, or inside attention: an error.
- Normalization by the statistics of the batch in evaluation mode, as by a batch norm without running
  statistics: a warning. Weights that are normalized (weight standardization) and statistics of each sample
  alone (instance norm) do not depend on the batch.
- A dropout or a batch norm that was left in training mode while the whole network, as it was handed over, is
  in evaluation mode, and that makes a difference when it runs: an error.

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

from collections.abc import Iterator, Sequence
from typing import Any, Final

from netscope.answers.lint.reading import inputs_of, made_of, path_of, row_of
from netscope.answers.lint.registry import Look, Remark, check
from netscope.base.workload import TensorSpec
from netscope.trace.composites import ATTENTION
from netscope.trace.facts import OpCall, Trace

_BERNOULLI: Final = ("aten.bernoulli_.", "aten.bernoulli.")
_BATCH_NORM: Final = (
    "aten.native_batch_norm.",
    "aten._native_batch_norm_legit.",
    "aten.cudnn_batch_norm.",
    "aten.miopen_batch_norm.",
)
_LEFT: Final = (
    "this {} is in training mode while the network is in evaluation mode: call eval() on the whole network."
)
# Where attention has the share that it drops.
_DROPPED: Final = 4


@check("NS402", "error", traced=True)
def training_mode(look: Look) -> Iterator[Remark]:
    """One remark for each part that was left in training mode, and for each layer that acts as if."""
    trace = look.trace
    assert trace is not None
    yield from _left(look)
    if trace.training:
        return
    drops, norms = _random_zeros(trace), _batch_statistics(trace)
    reported: set[str] = set()
    for index in sorted({*drops, *norms}):
        op = trace.ops[index]
        path = path_of(trace, op)
        if path in reported:
            continue
        reported.add(path)
        if index in drops:
            yield Remark(
                row_of(trace, op),
                "random zeros are drawn in evaluation mode: functional dropout needs training=self.training.",
            )
        else:
            yield Remark(
                row_of(trace, op),
                "batch statistics are used in evaluation mode, so that results depend on the batch.",
                "warning",
            )


def _random_zeros(trace: Trace) -> set[int]:
    """The operators that drop something of what the network computes.

    A draw whose chances are computed from the data is a sample, and so is one that nothing is multiplied by.
    """
    found: set[int] = set()
    if not any(
        op.operator.name.startswith((*_BERNOULLI, "aten.native_dropout.", ATTENTION)) for op in trace.ops
    ):
        return found
    data = made_of(trace, inputs_of(trace))
    # Storages of zeros and ones, and of what they were scaled to, with the operator that drew them.
    masks: dict[int, int] = {}
    drawn: set[int] = set()
    for index, op in enumerate(trace.ops):
        name, args = op.operator.name, op.operator.args
        if name.startswith(_BERNOULLI):
            sampled = op.reads[1:] if name.startswith("aten.bernoulli_.") else op.reads
            given = [arg for arg in args[1:] if isinstance(arg, (int, float)) and not isinstance(arg, bool)]
            if not (sampled and not data.isdisjoint(sampled)) and given[:1] not in ([0], [1]):
                drawn.update(op.writes)
                masks.update(dict.fromkeys(op.writes, index))
        elif name.startswith("aten.native_dropout."):
            if args[2] is True and args[1]:
                found.add(index)
        elif name == ATTENTION:
            share = args[_DROPPED] if len(args) > _DROPPED else op.operator.kwargs.get("dropout_p", 0.0)
            if share:
                found.add(index)
        elif masks and not masks.keys().isdisjoint(op.reads):
            mask = next(storage for storage in op.reads if storage in masks)
            others = [storage for storage in op.reads if storage not in masks]
            if others and name.startswith(("aten.mul.", "aten.mul_.", "aten.where.", "aten.masked_fill")):
                found.add(masks[mask])
            elif not others:
                masks.update(dict.fromkeys(op.writes, masks[mask]))
    return found


def _batch_statistics(trace: Trace) -> set[int]:
    """The norms that take the statistics of the batch in place of running ones."""
    norms = [
        (index, op)
        for index, op in enumerate(trace.ops)
        if op.operator.name.startswith(_BATCH_NORM) and op.reads and _trains(op.operator.args)
    ]
    if not norms:
        return set()
    data = made_of(trace, inputs_of(trace))
    return {index for index, op in norms if op.reads[0] in data and not _of_each_sample(trace.ops, index)}


def _trains(args: Sequence[Any]) -> bool:
    """The first switch of these operators is whether they train."""
    return next((arg for arg in args if isinstance(arg, bool)), False)


def _of_each_sample(ops: Sequence[OpCall], index: int) -> bool:
    """Whether samples were made channels before, as instance norm does: each has its own statistics."""
    op = ops[index]
    normed = op.operator.args[0]
    if not isinstance(normed, TensorSpec) or normed.shape[:1] != (1,):
        return False
    for before in reversed(ops[:index]):
        if before.call != op.call:
            return False
        if op.reads[0] in before.writes:
            shapes = [arg.shape for arg in before.operator.args if isinstance(arg, TensorSpec)]
            return (
                before.operator.name.startswith(("aten.view.", "aten._unsafe_view.", "aten.reshape."))
                and len(shapes[0]) > 1
                and shapes[0][0] * shapes[0][1] == normed.shape[1]
            )
    return False


def _left(look: Look) -> Iterator[Remark]:
    """Parts that stayed in training mode when the whole was put into evaluation mode.

    What they do then is seen in training mode: a dropout of nothing, or one that is not called, does nothing.
    """
    modes = look.modes or {}
    if modes.get("", True) or not any(modes.values()):
        return
    trained = look.trained()
    trace = None if trained is None else trained.facts
    if trace is None:
        return
    drops, norms = _random_zeros(trace), _batch_statistics(trace)
    reported: set[str] = set()
    for index in sorted({*drops, *norms}):
        op = trace.ops[index]
        path = path_of(trace, op)
        if path in reported or not modes.get(path, False):
            continue
        reported.add(path)
        what = "dropout" if index in drops else "batch norm"
        yield Remark(row_of(trace, op), _LEFT.format(what))
    # Of one value for each channel no statistics can be taken, which ends the forward.
    where = trace.error_path
    if trace.error is not None and modes.get(where, False) and "BatchNorm" in look.report[where].base:
        yield Remark(where, _LEFT.format("batch norm"))
