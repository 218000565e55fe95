"""Why each number of a layer is what it is, as text and as values."""

from torch import nn

import netscope

stem = [nn.Conv2d(3, 64, 7, stride=2, padding=3), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
net = nn.Sequential(*stem, nn.Conv2d(64, 64, 3))
explained = netscope.explain(net, "3", input="3x224x224")
print(explained)

lines = explained[0]
assert lines["params"].formula == "(3*3*64 + 1)*64"
assert lines["params"].value == 36_928
# Of the network's input it sees 19 pixels: 7 behind the first convolution, 11 behind the pool.
assert lines["receptive_field"].value == 19
