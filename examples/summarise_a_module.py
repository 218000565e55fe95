"""Summarise a module of your own: the table, and what is behind it."""

from torch import nn

import netscope

net = nn.Sequential(
    nn.Conv2d(3, 32, 3, padding=1, bias=False),
    nn.BatchNorm2d(32),
    nn.ReLU(inplace=True),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(32, 10),
)

report = netscope.summary(net, input="3x64x64", batch=16)
print(report)

# The same numbers, raw. A path is the module's own name; "" is the network.
conv = report["0"]
print(f"\nconv: {conv.output_shape}, {conv.params:,} params, {conv.macs:,} MACs")
print(f"all:  {report.params:,} params, {report.macs:,} MACs, {report.output_bytes:,} bytes of outputs")
assert conv.output_shape == (16, 32, 64, 64)
