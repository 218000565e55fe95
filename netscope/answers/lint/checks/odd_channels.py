"""Channel counts are no multiple of 8, which tensor cores fill up with zeros.

## What it finds

Convolutions without groups and linear layers with a number of input or output channels that is no multiple
of 8. Up to 4 channels are let pass, since images come with them, and so are the outputs of the last layer:
the number of classes is not a choice. The first such layer is named, the others are counted, and the
remark says which share of the MACs is theirs.

## Why it matters

In half precision tensor cores take 8 channels at a time. With other numbers a library fills up with zeros,
or falls back to a slower kernel: 37 channels take the time of 40 at best.

## Example

```python
from torch import nn

model = nn.Sequential(nn.Conv2d(3, 37, kernel_size=3), nn.ReLU(), nn.Conv2d(37, 10, kernel_size=1))
input = "3x32x32"
```

## Instead

Round up: the network gets a little wider in the same time.

```python
from torch import nn

model = nn.Sequential(nn.Conv2d(3, 40, kernel_size=3), nn.ReLU(), nn.Conv2d(40, 10, kernel_size=1))
input = "3x32x32"
```
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netscope.answers.lint.reading import weight_at_work
from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.report.layer import Layer

# What tensor cores take in half precision comes in multiples of this.
_MULTIPLE: Final = 8

# Images come with three channels or four, and nobody can help that.
_IMAGE: Final = 4


@check("NS202", "info")
def odd_channels(look: Look) -> Iterator[Remark]:
    """One remark for all, with the share of the MACs that it is about."""
    weighted = [layer for layer in look.report.layers if layer.weight_kind and layer.calls]
    found = [(layer, odd) for layer in weighted[:-1] if (odd := _odd(look, layer))]
    if weighted and (last := [n for n in _odd(look, weighted[-1]) if n != _outputs(look, weighted[-1])]):
        found.append((weighted[-1], last))
    if not found:
        return
    macs = sum(layer.own_macs for layer, _ in found)
    share = units.percent(macs / look.report.counted_macs) if look.report.counted_macs else "0%"
    share = f" ({share} of MACs)" if look.report.whole else ""
    counts = " and ".join(map(str, found[0][1]))
    others = f", and so are those of {units.plural(len(found) - 1, 'other layer')}" if len(found) > 1 else ""
    yield Remark(
        found[0][0].path,
        f"{counts} channels are no multiple of {_MULTIPLE}{others}{share}:"
        " tensor cores fill up the rest with zeros.",
    )


def _odd(look: Look, layer: Layer) -> list[int]:
    shape = weight_at_work(look, layer)
    if shape is None or len(shape) < 2 or layer.hyperparameters.get("groups", 1) != 1:
        return []
    return [n for n in dict.fromkeys((shape[1], shape[0])) if n % _MULTIPLE and n > _IMAGE]


def _outputs(look: Look, layer: Layer) -> int:
    """How many classes the last layer tells apart is not a choice."""
    shape = weight_at_work(look, layer)
    return 0 if shape is None else shape[1 if "ConvTranspose" in layer.base else 0]
