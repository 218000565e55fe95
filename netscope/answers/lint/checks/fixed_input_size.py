"""A flatten feeds a linear layer, which ties the network to one input size.

## What it finds

Linear layers that take maps of more than one position flattened into one row a sample, where there are as
many positions as the input's size makes: an adaptive pool, or a sum over all positions, makes as many from
any input, and an outer product has channels for sides. One remark a layer, however often it is called.

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
from typing import Final, NamedTuple

from netscope.answers.lint.reading import row_of
from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.base.workload import TensorSpec
from netscope.report.analysis.extents import Extents
from netscope.trace.facts import OpCall


class _Flattened(NamedTuple):
    """Maps that were put into one row, and in which call."""

    maps: tuple[int, ...]
    call: int


@check("NS303", "info", traced=True)
def fixed_input_size(look: Look) -> Iterator[Remark]:
    """One remark for each linear layer that is fed so."""
    trace = look.trace
    assert trace is not None
    sides = [i.shape for i in look.report.inputs if i.shape is not None]
    if not sides or not sides[0]:
        return
    extents = Extents(trace)
    flattened: dict[tuple[int, tuple[int, ...]], _Flattened] = {}
    told: set[str] = set()
    for index, op in enumerate(trace.ops):
        args, outputs = op.operator.args, op.operator.outputs
        if _is_flatten(op):
            # Another first dimension is no batch: heads of attention, regions of a detector.
            before = args[0].shape
            state = extents.of(op.reads[0], before)
            if before[0] == sides[0][0] and any(
                extent.follows_input and size > 1 for extent, size in zip(state[1:], before[1:], strict=True)
            ):
                flattened[op.writes[0], outputs[0].shape] = _Flattened(before, op.call)
        elif op.operator.name.startswith(("aten.addmm.", "aten.mm.", "aten.linear.")):
            place = 1 if op.operator.name.startswith("aten.addmm.") else 0
            found = flattened.get((op.reads[place], args[place].shape))
            path = row_of(trace, op)
            if (
                found is not None
                and path not in told
                and trace.storages[op.reads[place + 1]].born < 0  # a weight, and no product of activations
                and not _unfolds(trace.ops[index + 1 :], op, found)
            ):
                told.add(path)
                yield Remark(path, _text(found.maps, sides[0]))
        elif op.operator.name.startswith(_MOVES) and op.reads and op.writes:
            # A copy or an activation of a row is that row.
            known = flattened.get((op.reads[0], args[0].shape)) if isinstance(args[0], TensorSpec) else None
            if known is not None and outputs and outputs[0].shape == args[0].shape:
                flattened[op.writes[0], outputs[0].shape] = known
        extents.run(op)


# What may stand between a flatten and its linear layer.
_MOVES: Final = ("aten.relu", "aten._to_copy.", "aten.clone.", "aten.mul.", "aten.native_dropout.")


def _text(maps: tuple[int, ...], given: tuple[int, ...]) -> str:
    at = f" {units.shape(given[2:])}" if len(given) > 2 else " one size"
    return (
        f"it takes {units.count(maps[1])} maps of {units.shape(maps[2:])} flattened to"
        f" {units.count(math.prod(maps[1:]))}, which ties the network to inputs of{at};"
        " an adaptive pool before it would not."
    )


def _unfolds(behind: tuple[OpCall, ...], op: OpCall, found: _Flattened) -> bool:
    """Whether the layer itself folded all but the last dimension for its product, and unfolds the result."""
    if math.prod(found.maps[1:-1]) != 1:
        return False
    shape = (*found.maps[:-1], op.operator.outputs[0].shape[-1])
    for later in behind:
        if op.writes[0] in later.reads:
            name, outputs = later.operator.name, later.operator.outputs
            return name.startswith(("aten.view.", "aten._unsafe_view.")) and outputs[0].shape == shape
    return False


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
