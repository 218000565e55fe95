"""The page's script places boxes where `place.py` does, whatever is open."""

from __future__ import annotations

import random

import pytest

from netscope.show.drawing.drawing import Drawing
from netscope.show.drawing.make import drawing_of
from netscope.show.drawing.place import place
from tests.browser import pages
from tests.browser.conftest import Visit

Steps = tuple[int, ...]


def openings(drawing: Drawing, seed: int) -> set[Steps]:
    """Some boxes, each with those around it."""
    chance = random.Random(seed)
    found: set[Steps] = set()
    waiting: list[tuple[Steps, int]] = [((), 0)]
    while waiting and len(found) < 200:
        around, group = waiting.pop()
        for number, node in enumerate(drawing.groups[group].nodes):
            if node.inside >= 0 and chance.random() < 0.6:
                found.add((*around, number))
                waiting.append(((*around, number), node.inside))
    return found


@pytest.mark.parametrize(
    "name", ["alexnet", "torchvision/resnet18", "torchvision/googlenet", "torchvision/densenet121", "hf/gpt2"]
)
def test_boxes_stand_where_python_puts_them(name: str, visit: Visit) -> None:
    report = pages.summary(name)
    drawing = drawing_of(report)
    assert drawing is not None
    page = visit(report.to_html())
    for seed in range(8):
        opened = openings(drawing, seed) if seed else set(drawing.opened)
        steps = [".".join(map(str, one)) for one in opened]
        there = page.evaluate("steps => netscope.place(netscope.drawing, steps)", steps)
        here = {
            ".".join(map(str, box.steps)): [box.x, box.y, box.width, box.height]
            for box in place(drawing, opened).boxes
        }
        assert there.keys() == here.keys()
        for key, spot in here.items():
            assert there[key] == pytest.approx(spot, abs=0.05), key
