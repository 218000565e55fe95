"""A flatten feeds a linear layer, which ties the network to one input size.

## What it finds

Linear layers that take maps of more than one position flattened into one row a sample, when no adaptive pool
made the maps.

## Why it matters

The linear layer's weight has a column for every position, so that an image of another size is an error. It
is often most of the network too: AlexNet's first linear layer holds 37.7 of its 62.4 million parameters.
Nothing is wrong with it where images have one size, which is why it is information.

## Example

```python
from torch import nn

model = nn.Sequential(nn.Conv2d(3, 64, kernel_size=3), nn.Flatten(), nn.Linear(64 * 30 * 30, 10))
input = "3x32x32"
```

## Instead

An adaptive pool gives the linear layer the same number of positions from any input.

```python
from torch import nn

model = nn.Sequential(
    nn.Conv2d(3, 64, kernel_size=3), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64 * 4 * 4, 10)
)
input = "3x32x32"
```
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from netscope.answers.lint.reading import makers_and_readers
from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.base.workload import TensorSpec
from netscope.trace.facts import OpCall


@check("NS303", "info", traced=True)
def fixed_input_size(look: Look) -> Iterator[Remark]:
    """One remark for each linear layer that is fed so."""
    trace = look.trace
    assert trace is not None
    makers, _ = makers_and_readers(trace)
    sides = [i.shape for i in look.report.inputs if i.shape is not None]
    if not sides or not sides[0]:
        return
    flattened: dict[tuple[int, tuple[int, ...]], tuple[int, ...]] = {}
    for op in trace.ops:
        args, outputs = op.operator.args, op.operator.outputs
        if _is_flatten(op):
            # Another first dimension is no batch: heads of attention, regions of a detector.
            if args[0].shape[0] == sides[0][0] and not any(
                "adaptive" in maker.operator.name for maker in makers.get(op.reads[0], ())
            ):
                flattened[op.writes[0], outputs[0].shape] = args[0].shape
        elif op.operator.name.startswith(("aten.addmm.", "aten.mm.", "aten.linear.")):
            place = 1 if op.operator.name.startswith("aten.addmm.") else 0
            maps = flattened.pop((op.reads[place], args[place].shape), None)
            if maps is None:
                continue
            at = f" {units.shape(sides[0][2:])}" if len(sides[0]) > 2 else " one size"
            yield Remark(
                trace.calls[op.call].path,
                f"it takes {units.count(maps[1])} maps of {units.shape(maps[2:])} flattened to"
                f" {units.count(math.prod(maps[1:]))}, which ties the network to inputs of{at};"
                " an adaptive pool before it would not.",
            )


def _is_flatten(op: OpCall) -> bool:
    """A reshape of maps of more than one position into one row a sample."""
    args, outputs = op.operator.args, op.operator.outputs
    if not op.operator.name.startswith(
        ("aten.view.", "aten._unsafe_view.", "aten.reshape.", "aten.flatten.")
    ):
        return False
    before = args[0].shape if args and isinstance(args[0], TensorSpec) else ()
    if len(before) < 3 or not outputs or len(outputs[0].shape) != 2:
        return False
    return math.prod(before[2:]) > 1 and outputs[0].shape == (before[0], math.prod(before[1:]))
