"""What a summary says of windows is what `netscope lint` says of them."""

from __future__ import annotations

import pytest
from torch import nn

import netscope
from netscope.show.summary import footnotes


@pytest.mark.parametrize(
    ("network", "sizes", "codes"),
    [
        (nn.Conv2d(3, 8, 11, 4), "3x227x227", []),
        (nn.Conv2d(3, 8, 11, 4, padding=2), "3x224x224", []),  # padding alone is lost, which is no warning
        (nn.Conv2d(3, 8, 11, 4), "3x224x224", ["NS101"]),
        (nn.Conv2d(3, 8, 3, padding=2, dilation=1), "3x32x32", ["NS103"]),
        (nn.Sequential(nn.Conv1d(3, 8, 3, padding=5), nn.MaxPool1d(2)), "3x33", ["NS101", "NS103"]),
        (nn.AvgPool3d(2), "3x5x7x9", ["NS101"]),
    ],
)
def test_footnotes_are_what_the_checks_find(network: nn.Module, sizes: str, codes: list[str]):
    report = netscope.summary(network, input=sizes)
    notes = footnotes(report)
    assert [note.code for note in notes] == codes
    found = netscope.lint(report, select=["NS101", "NS103"])
    assert [(f.code, f.path, f.message) for f in found] == list(notes)
