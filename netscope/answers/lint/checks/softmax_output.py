"""The network ends in a softmax, which cross entropy takes once more.

## What it finds

A first output that a softmax made, or that is a view of what one made. A log-softmax is let pass: it goes
with `NLLLoss`, and a second one changes nothing.

## Why it matters

`CrossEntropyLoss` takes logits and applies a log-softmax itself. Of probabilities, which lie between 0 and 1,
it makes flat ones with small gradients: with ten classes the loss of a perfect answer is 1.46 and not 0. The
network trains all the same, slowly and to a worse end, which makes this hard to notice.

## Example

```python
from torch import nn

model = nn.Sequential(nn.Linear(64, 10), nn.Softmax(dim=-1))
input = "64"
```

## Instead

Return logits, and apply the softmax where probabilities are wanted.

```python
from torch import nn

model = nn.Linear(64, 10)
input = "64"
```
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netscope.answers.lint.reading import path_of
from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units

_SOFTMAX: Final = ("aten._softmax.", "aten.softmax.", "aten._safe_softmax.")


@check("NS401", "warning", traced=True)
def softmax_output(look: Look) -> Iterator[Remark]:
    """At most one remark, at the layer that ran the softmax."""
    assert look.trace is not None
    first = next((value for value in look.trace.outputs if value.spec is not None), None)
    if first is None or first.storage < 0:
        return
    made = next(
        (
            op
            for op in reversed(look.trace.ops)
            if first.storage in op.writes and "view" not in op.operator.tags
        ),
        None,
    )
    if made is not None and made.operator.name.startswith(_SOFTMAX):
        yield Remark(
            path_of(look.trace, made),
            f"the output of {units.shape(made.operator.outputs[0].shape)} is a softmax: cross entropy takes"
            " another, which flattens its gradients; return logits and apply softmax when predicting.",
        )
