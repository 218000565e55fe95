"""The last rows or columns of the padding are never read, so the windows sit off centre.

## What it finds

Convolutions and pools that read all of their input, but less of the padding behind it than of that before
it: what is left over behind the last window is padding alone. The first such layer is named and the others
are counted.

## Why it matters

The network is padded by more at its start than at its end: a picture and its mirror image are not treated
alike, and an output position is not at the centre of what it sees. Classifiers bear it (every ResNet does
this at 224×224); where positions are the answer, in segmentation, detection or depth, all are off by a
fraction of the stride.

## Example

```python
from torch import nn

model = nn.Conv2d(3, 64, kernel_size=3, stride=2, padding=1)
input = "3x224x224"
```

## Instead

Where it matters, take a size for which size + 2 × padding − window is a multiple of the stride.

```python
from torch import nn

model = nn.Conv2d(3, 64, kernel_size=3, stride=2, padding=1)
input = "3x225x225"
```
"""

from __future__ import annotations

from collections.abc import Iterator

from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.report.analysis import tiling


@check("NS102", "info", windows=True)
def unread_padding(look: Look) -> Iterator[Remark]:
    """One remark for all: there is one in every second network."""
    found = list(tiling.unread_padding(look.report))
    if found:
        path, unread = found[0]
        others = f", as in {units.plural(len(found) - 1, 'other layer')}" if len(found) > 1 else ""
        yield Remark(path, f"{unread} at this input size, so that windows sit off centre{others}.")
