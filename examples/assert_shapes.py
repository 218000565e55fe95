"""Shapes, parameters and budgets in a test suite: `pytest examples/assert_shapes.py`, or run it as it is."""

from torch import nn

from netscope.testing import assert_budget, assert_params, assert_shapes


class Encoder(nn.Module):
    """Three strided convolutions and a head."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            nn.Conv2d(3, width, 3, stride=2, padding=1),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1),
        )
        self.head = nn.Linear(4 * width, 10)

    def forward(self, x):
        return self.head(self.stages(x).mean((2, 3)))


def test_shapes() -> None:
    # Any text, None and -1 stand for any size, here the batch.
    assert_shapes(Encoder(), {"stages.2": ("N", 64, 4, 4), "": ("N", 10)}, input="3x32x32", batch=4)


def test_costs() -> None:
    assert_params(Encoder(), {"head": 64 * 10 + 10}, input="3x32x32")
    assert_budget(Encoder(), "stages:params<=30K", macs="<1M", input="3x32x32")


if __name__ == "__main__":
    test_shapes()
    test_costs()
    print("shapes and budgets hold")
