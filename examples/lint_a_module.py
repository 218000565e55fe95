"""What is likely a mistake in a module of your own."""

from torch import nn

import netscope


class Classifier(nn.Module):
    """With three mistakes in it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, stride=2)  # 32 pixels: the last row and column are never read
        self.norm = nn.BatchNorm2d(32)  # subtracts the bias of the convolution again
        self.unused = nn.Linear(32, 32)
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.norm(self.stem(x)).mean((2, 3)))


findings = netscope.lint(Classifier(), input="3x32x32")
print(findings)
assert {finding.name for finding in findings} >= {"untiled-windows", "bias-before-norm", "never-called"}

# As a gate: errors and warnings fail, an info does not. Single checks can be left out by code or name.
accepted = netscope.lint(Classifier(), input="3x32x32", ignore=["NS1", "bias-before-norm", "never-called"])
assert not accepted.failed
