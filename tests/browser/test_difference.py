"""Two networks side by side: opposite each other, marked, and gone through from change to change."""

from __future__ import annotations

import re

import pytest
import torch
from playwright.sync_api import Page, expect
from torch import Tensor, nn

import netscope
from tests.browser import pages
from tests.browser.conftest import Visit


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit(pages.page("diff"))


def boxes(page: Page) -> dict[str, dict[str, float | str]]:
    """What is called how, where it is, and its classes."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    found = page.locator(".difference .box").evaluate_all(
        """boxes => boxes.map((box) => {
            const at = box.querySelector('.body').getBoundingClientRect();
            return [box.getAttribute('aria-label'), at.left, at.top, at.height, box.getAttribute('class')];
        })"""
    )
    return {
        label: {"left": left, "top": top, "height": height, "classes": classes}
        for label, left, top, height, classes in found
    }


def test_what_belongs_together_stands_opposite(page: Page) -> None:
    page.get_by_role("button", name="Fit all").click()
    found = boxes(page)
    sides = [
        {label.partition(",")[0]: box for label, box in found.items() if f", {side}," in label}
        for side in ("before", "after")
    ]
    assert {"conv1", "conv5", "fc8"} <= sides[0].keys() == sides[1].keys()
    assert max(float(box["left"]) for box in sides[0].values()) < min(
        float(box["left"]) for box in sides[1].values()
    )
    # norm1 comes before pool1 in one, and after it in the other: one of the two has no place opposite.
    names = [
        "conv1",
        "relu1",
        "conv2",
        "conv3",
        "conv4",
        "conv5",
        "pool5",
        "flatten",
        "classifier",
        "fc6",
        "fc8",
    ]
    for name in names:
        before, after = (float(side[name]["top"]) + float(side[name]["height"]) / 2 for side in sides)
        assert before == pytest.approx(after, abs=0.6), name


def test_what_became_of_a_box_is_to_be_seen_without_colour(page: Page) -> None:
    page.get_by_role("button", name="Fit all").click()
    found = boxes(page)
    changed = next(box for label, box in found.items() if label.startswith("conv1,"))
    same = next(box for label, box in found.items() if label.startswith("conv3,"))
    assert {"changed", "double"} <= set(str(changed["classes"]).split())
    assert "same" in str(same["classes"]).split()
    mark = page.locator(".difference .box.changed[aria-label^='conv1,'] .sign").first
    expect(mark).to_have_text("~")


def test_added_and_removed_boxes(visit: Visit) -> None:
    page = visit(pages.page("residual"))
    expect(page.locator(".difference .statuses")).to_contain_text("added")
    page.keyboard.press("n")
    expect(page.locator(".difference .box.added").first).to_be_visible()
    expect(page.locator(".difference .box.added .sign").first).to_have_text("+")


@pytest.mark.parametrize("keyboard", [False, True])
def test_going_from_change_to_change(page: Page, *, keyboard: bool) -> None:
    def go(key: str, label: str) -> None:
        if keyboard:
            page.keyboard.press(key)
        else:
            page.get_by_role("button", name=label).click()

    where = page.locator(".difference .found")
    told = page.locator(".difference .told")
    go("n", "Next change")
    expect(where).to_have_text(re.compile(r"^1 of \d+$"))
    expect(told).to_contain_text("features.conv1")
    expect(told).to_contain_text("kernel 11→7")
    expect(page.locator(".difference .box.selected")).to_have_count(2)
    count = int(where.inner_text().rpartition(" ")[2])
    go("n", "Next change")
    expect(where).to_have_text(f"2 of {count}")
    go("p", "Previous change")
    go("p", "Previous change")
    expect(where).to_have_text(f"{count} of {count}")
    for number in range(1, count + 1):
        go("n", "Next change")
        expect(where).to_have_text(f"{number} of {count}")
        expect(page.locator(".difference .box.selected").first).to_be_in_viewport()


def test_both_of_a_pair_open_and_close(page: Page) -> None:
    box = page.locator(".difference .box[aria-label^='classifier,']")
    page.get_by_role("button", name="Fit all").click()
    expect(box).to_have_count(2)
    opened = box.first.get_attribute("aria-expanded")
    box.first.focus()
    page.keyboard.press("Enter")
    other = "false" if opened == "true" else "true"
    for one in box.all():
        expect(one).to_have_attribute("aria-expanded", other)
    page.keyboard.press("Enter")
    for one in box.all():
        expect(one).to_have_attribute("aria-expanded", str(opened))


def test_what_changed_is_told_under_the_pointer(page: Page) -> None:
    page.locator(".difference .box[aria-label^='conv1,']").first.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("kernel 11→7")
    expect(page.locator(".difference .box.hovered")).to_have_count(2)


def test_there_are_maps_of_both(page: Page) -> None:
    for side in ("before", "after"):
        part = page.get_by_role("region", name=f"Map {side}")
        expect(part).to_be_visible()
        part.locator('[aria-label^="features:"]').click()
        expect(part.get_by_role("navigation")).to_contain_text("features")


def test_totals_come_first(page: Page) -> None:
    totals = page.locator("table").first
    expect(totals).to_contain_text("62,378,344")
    spot, picture = totals.bounding_box(), page.locator(".difference").bounding_box()
    assert spot is not None
    assert picture is not None
    assert spot["y"] < picture["y"]


def test_a_run_of_what_was_added_is_added(visit: Visit) -> None:
    """So is the work of a module that was; that of one which stayed is the same."""
    before = nn.Sequential(nn.Linear(4, 4))
    after = nn.Sequential(nn.Linear(4, 4), *[nn.Tanh() for _ in range(4)], Doubled())
    args = (torch.zeros(1, 4),)
    found = netscope.diff(netscope.summary(before, args=args), netscope.summary(after, args=args))
    page = visit(found.to_html())
    marked = {
        label.partition(",")[0]: str(box["classes"]).split()
        for label, box in boxes(page).items()
        if ", after" in label or "Sequential" in label
    }
    assert "added" in marked["1-4"]
    assert "added" in marked["add"]
    assert "same" in marked["output"]


class Doubled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) + x
