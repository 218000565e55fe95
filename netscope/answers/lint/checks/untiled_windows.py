"""Windows stop short of the input's last rows or columns, which are never read.

## What it finds

Convolutions and pools whose last window ends before the input does: size + 2 × padding − window is no
multiple of the stride, and what is left over is more than the padding at the end. What counts is what ran:
padding that the input was given earlier in the forward, as "same" padding is in networks from TensorFlow, is
padding too. Windows that leave gaps on purpose (a stride beyond the window) and pools with `ceil_mode`,
which add a last window, are let pass, and so are rows that something else reads, as another branch does.

## Why it matters

torch rounds the number of windows down without a word. What lies behind the last one has no influence on
the output and gets no gradient, and the maps sit off centre. The best-known case is AlexNet's first layer:
the paper says 224×224, its arithmetic asks for 227×227.

## Example

```python
from torch import nn

model = nn.Conv2d(3, 96, kernel_size=11, stride=4)
input = "3x224x224"
```

## Instead

Take an input that the windows tile, or pad it; a pool can have `ceil_mode=True`.

```python
from torch import nn

model = nn.Conv2d(3, 96, kernel_size=11, stride=4)
input = "3x227x227"
```
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import starmap

from netscope.answers.lint.registry import Look, Remark, check
from netscope.report.analysis import tiling


@check("NS101", "warning", windows=True)
def untiled_windows(look: Look) -> Iterator[Remark]:
    """The same sentences that a summary has below its table."""
    return starmap(Remark, tiling.untiled_windows(look.report))
