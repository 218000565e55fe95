"""A module that is called has parameters that no operator reads.

## What it finds

Parameters that a called module holds itself and that nothing in this forward read, here or, where they are
shared, elsewhere. Modules that are not called at all are NS301's. As there it is information and no warning
where another call may read it: in training mode, with further arguments or with other data. Of weights that
are packed into an object, or belong to a tensor class of its own, nobody can tell, and nothing is said.

## Why it matters

The parameter gets no gradient and learns nothing, though it is counted, saved and kept by the optimizer. A
scale, a mask token or a position table that has no effect is a forgotten line in `forward`.

## Example

```python
import torch
from torch import nn

class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 8)
        self.scale = nn.Parameter(torch.ones(8))

    def forward(self, x):
        return self.linear(x)

model = Scaled()
input = "8"
```

## Instead

Use it, or take it out.

```python
import torch
from torch import nn

class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 8)
        self.scale = nn.Parameter(torch.ones(8))

    def forward(self, x):
        return self.scale * self.linear(x)

model = Scaled()
input = "8"
```
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netscope.answers.lint.reading import may_depend, mode_of
from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.trace.facts import ParameterFact, Trace


@check("NS302", "warning", traced=True)
def unused_parameters(look: Look) -> Iterator[Remark]:
    """One remark for each module, with the names of its parameters; another for those that training reads."""
    if look.trace is None or look.trace.error is not None:
        return
    if look.trace.unseen:  # what was not seen may have read them
        return
    for path, unread in _unread(look.trace).items():
        trained = look.trained()
        still = unread
        if trained is not None and trained.facts is not None and not look.trace.training:
            names = {p.name for p in _unread(trained.facts).get(path, ())}
            # Of a training forward that raised, what it had not yet read is not known.
            still = [p for p in unread if p.name in names or trained.error is not None]
        only = [p for p in unread if p not in still]
        if only:
            yield Remark(path, f"{_named(only)} in evaluation, only in training: {_size(only)}.", "info")
        if still:
            text = f"{_named(still)} in {mode_of(look)} at this input: {_size(still)} without use"
            why = may_depend(look)
            yield Remark(path, f"{text}; {why}.", "info") if why else Remark(path, f"{text}.")


def _unread(trace: Trace) -> dict[str, list[ParameterFact]]:
    """The parameters that called modules hold and no operator met, by the module's path."""
    called = {call.module for call in trace.calls}
    met = {p.identity for fact in trace.modules for p in fact.parameters if p.storage >= 0}
    found = {}
    for index, fact in enumerate(trace.modules):
        unread = [
            p
            for p in fact.parameters
            if p.storage < 0 and not p.packed and not p.hidden and p.identity not in met and p.spec.numel
        ]
        if unread and index in called:
            found[fact.path] = unread
    return found


def _named(parameters: Sequence[ParameterFact]) -> str:
    names = ", ".join(p.name for p in parameters)
    return f"{names} {'is' if len(parameters) == 1 else 'are'} never read"


def _size(parameters: Sequence[ParameterFact]) -> str:
    return units.plural(sum(p.spec.numel for p in parameters), "parameter")
