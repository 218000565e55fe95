"""What a change to a network changed: one line a changed layer, and the totals."""

from torch import nn

import netscope


def make(depthwise: bool) -> nn.Module:
    """A block, plain or separated into a depthwise and a pointwise convolution."""
    if not depthwise:
        middle = [nn.Conv2d(32, 64, 3, padding=1)]
    else:
        middle = [nn.Conv2d(32, 32, 3, padding=1, groups=32), nn.Conv2d(32, 64, 1)]
    return nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), *middle, nn.ReLU())


change = netscope.diff(make(depthwise=False), make(depthwise=True), input="3x56x56")
print(change)

macs = change.totals["macs"]
print(f"\nMACs {macs.before:,} -> {macs.after:,}: {macs.ratio:+.0%}")
for pair in change.leaves:
    if pair.status != "=":
        print(pair.status, pair.path, [(c.what, c.before, c.after) for c in pair.changes])
assert macs.change < 0
