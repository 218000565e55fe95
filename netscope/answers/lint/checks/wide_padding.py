"""Padding is more than half the kernel, so that outer windows see more padding than input.

## What it finds

Convolutions and pools with 2 × padding > dilation × (kernel − 1) + 1, which is what a window spans. What is
cut off again later is let pass: a causal convolution pads by all that its kernel spans but one, and drops
what the padding made at the end.

## Why it matters

The outermost outputs are made of zeros for the most part, or of nothing else, and cost as much as the
others. It is mostly a slip: the kernel was made smaller or the dilation was dropped, and the padding stayed.
The map grows from layer to layer where it was meant to keep its size.

## Example

```python
from torch import nn

model = nn.Conv2d(3, 64, kernel_size=3, padding=2)
input = "3x32x32"
```

## Instead

Pad by dilation × (kernel − 1) / 2, which keeps the size at stride 1; `padding="same"` works it out.

```python
from torch import nn

model = nn.Conv2d(3, 64, kernel_size=3, padding=1)
input = "3x32x32"
```
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import starmap

from netscope.answers.lint.registry import Look, Remark, check
from netscope.report.analysis import tiling


@check("NS103", "warning", windows=True)
def wide_padding(look: Look) -> Iterator[Remark]:
    """The same sentences that a summary has below its table."""
    return starmap(Remark, tiling.wide_padding(look.report))
