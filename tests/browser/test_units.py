"""The page's script writes numbers as Python does, and counts what is called many times once."""

from __future__ import annotations

import random

from playwright.sync_api import expect
from torch import Tensor, nn

import netscope
from netscope.base import units
from tests.browser import pages
from tests.browser.conftest import Visit


def values() -> list[float]:
    """Numbers of all sizes, those halfway between two texts, and those at the ends of units."""
    chance = random.Random(7)
    found: list[float] = [0, 1, 999, 1000, 1023, 1024, 1125, 1135, 999_499, 999_500, 999_999_600, 2**53]
    found += [step * 125 for step in range(400)] + [step * 2**20 + 2**17 for step in range(40)]
    return found + [int(10 ** chance.uniform(0, 15.9)) for _ in range(2000)]


def test_figures_read_as_python_writes_them(visit: Visit) -> None:
    page = visit(pages.page("alexnet"))
    whole = values()
    parts = [value * 1e-9 for value in whole] + [value / 1024 for value in whole]
    told = {
        "metric": (units.metric, whole),
        "binary": (units.binary, whole),
        "seconds": (units.seconds, parts),
    }
    assert told.keys() == units.SCALES.keys()
    for name, (text, numbers) in told.items():
        for digits in (units.ROW, units.TOTAL):
            there = page.evaluate(
                "([name, all, digits]) => all.map((one) => netscope.units.written(name, one, digits))",
                [name, numbers, digits],
            )
            assert there == [text(number, digits) for number in numbers]  # type: ignore[operator]
        assert page.evaluate("name => netscope.units.written(name, null, 3)", name) == "?"
    shares = [0, 1, 0.9996, 0.0005, 0.00049, 0.1235, 0.125, 0.0625, 1 / 3]
    assert page.evaluate("all => all.map(netscope.units.percent)", shares) == [
        units.percent(s) for s in shares
    ]
    counts = [0, 12, 999, 1000, 1234567]
    assert page.evaluate("all => all.map(netscope.units.counted)", counts) == [units.count(n) for n in counts]


class Again(nn.Module):
    """One layer, called four times."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        for _ in range(4):
            x = self.b(x)
        return x


def test_a_run_of_calls_counts_its_module_once(visit: Visit) -> None:
    report = netscope.summary(Again(), input="1x8")
    (macs,) = [layer.macs for layer in report.layers if layer.path == "b"]
    assert macs == 256
    page = visit(report.to_html())
    page.get_by_label("Colour", exact=True).select_option("macs")
    run = page.locator(".network .box.run")
    expect(run).to_have_count(1)
    expect(run).to_have_attribute("aria-label", "b, 4 times, Linear, 256")
