"""The network ends in a softmax, which cross entropy takes once more.

## What it finds

A first output that a softmax made, or that is a view of what one made, in training mode too: a network that
applies softmax in evaluation alone is let pass, and where training could not be tried it is information. So
is a log-softmax let pass: it goes with `NLLLoss`, and a second one changes nothing.

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
from netscope.trace.facts import OpCall, Trace

_SOFTMAX: Final = ("aten._softmax.", "aten.softmax.", "aten._safe_softmax.")


@check("NS401", "warning", traced=True)
def softmax_output(look: Look) -> Iterator[Remark]:
    """At most one remark, at the layer that ran the softmax."""
    assert look.trace is not None
    made = _last(look.trace)
    if made is None:
        return
    shape = units.shape(made.operator.outputs[0].shape)
    text = "cross entropy, if that is the loss, takes another, which flattens its gradients"
    trained = look.trained()
    if trained is None or trained.facts is None or trained.error is not None:
        yield Remark(
            path_of(look.trace, made),
            f"the output of {shape} is a softmax in evaluation; should it be one in training too, {text}.",
            "info",
        )
    elif _last(trained.facts) is not None:
        yield Remark(
            path_of(look.trace, made),
            f"the output of {shape} is a softmax, in training too: {text};"
            " return logits and apply softmax when predicting.",
        )


def _last(trace: Trace) -> OpCall | None:
    """The softmax that made the first output; None where something else did."""
    first = next((value for value in trace.outputs if value.spec is not None), None)
    if first is None or first.storage < 0:
        return None
    made = next(
        (op for op in reversed(trace.ops) if first.storage in op.writes and "view" not in op.operator.tags),
        None,
    )
    return made if made is not None and made.operator.name.startswith(_SOFTMAX) else None
