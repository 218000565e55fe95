"""The page's script places boxes where `place.py` does, whatever is open."""

from __future__ import annotations

import random
import re

import pytest

import netscope
from netscope.show.drawing.difference import difference_of
from netscope.show.drawing.drawing import Drawing
from netscope.show.drawing.make import drawing_of
from netscope.show.drawing.place import place, place_both
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


# Pixels between the two networks in a page.
BETWEEN = 90


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("alexnet", "zfnet"),
        ("torchvision/resnet18", "torchvision/resnet34"),
        ("torchvision/vgg11", "torchvision/vgg16"),
        ("torchvision/resnet18", "lenet"),
    ],
)
def test_pairs_stand_opposite_where_python_puts_them(before: str, after: str, visit: Visit) -> None:
    found = netscope.diff(pages.summary(before), pages.summary(after))
    both = difference_of(found)
    assert both is not None
    page = visit(found.to_html())
    page.get_by_role("button", name="Fit all").click()
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    boxes = page.locator(".difference .box").evaluate_all(
        "boxes => boxes.map((box) => "
        "[box.dataset.key, box.getAttribute('transform'), box.classList.contains('open')])"
    )
    there: tuple[dict[Steps, tuple[float, float]], ...] = ({}, {})
    opened: tuple[set[Steps], set[Steps]] = (set(), set())
    for key, moved, is_open in boxes:
        side, _, steps = key.partition(":")
        place_of = tuple(map(int, steps.split(".")))
        x, y = map(float, re.findall(r"-?[\d.]+", moved))
        there[int(side)][place_of] = (x, y)
        if is_open:
            opened[int(side)].add(place_of)
    partners = {p.before: p.after for p in both.pairs if p.before is not None and p.after is not None}
    left, right = place_both(both.before, both.after, opened, partners)
    for side, placed in enumerate((left, right)):
        moved_by = side * (left.width + BETWEEN)
        assert there[side].keys() == {box.steps for box in placed.boxes}
        for box in placed.boxes:
            spot = (box.x + moved_by, box.y)
            assert there[side][box.steps] == pytest.approx(spot, abs=0.06), box.path
