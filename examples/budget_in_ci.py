"""A budget that a pull request must keep: exits with 1 when it does not. As a command: `netscope check`."""

import sys

from torch import nn

import netscope

before = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU())
after = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 33, 3), nn.ReLU())

checked = netscope.check(
    after,
    "2:params<=5K",  # a layer's limit
    params="6K",  # the network's: at most
    macs="<10M",
    against=before,  # a saved report in CI: "base.json", or "origin/main@net.py:Net"
    fail_if=["macs>+5%", "output_bytes>+10%"],
    input="3x32x32",
)
print(checked)
sys.exit(0 if checked.passed else 1)
