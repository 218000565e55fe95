"""Curves and scatters: what is said of a point, and that it leads to its row."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import pages
from tests.browser.conftest import Visit


def figure(page: Page, title: str) -> Locator:
    return page.get_by_role("group", name=re.compile(f"^{title}"))


@pytest.mark.parametrize(
    ("kind", "titles"),
    [
        ("memory", ["memory over the step"]),
        ("profile", ["how long the steps took", "roofline"]),
        ("curve", ["throughput over the batch", "latency over the batch"]),
    ],
)
def test_pages_show_their_curves(kind: str, titles: list[str], visit: Visit) -> None:
    page = visit(pages.page(kind))
    assert page.locator("figure.plot").count() == len(titles)
    for title in titles:
        expect(figure(page, title)).to_be_visible()


def test_a_point_says_what_it_is_and_leads_to_its_row(visit: Visit) -> None:
    page = visit(pages.page("profile"))
    plot = figure(page, "roofline")
    point = plot.locator('[data-path="classifier.fc6"]')
    point.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("classifier.fc6 (measured")
    point.click()
    expect(page.locator("tr[aria-selected=true] .name")).to_have_text("fc6")
    page.mouse.move(2, 2)
    expect(page.get_by_role("tooltip")).to_be_hidden()


def test_keys_go_from_point_to_point(visit: Visit) -> None:
    page = visit(pages.page("memory"))
    plot = figure(page, "memory over the step")
    plot.focus()
    page.keyboard.press("ArrowRight")
    tip = page.get_by_role("tooltip")
    expect(tip).to_contain_text(re.compile(r": 1, [\d.]+ [KM]iB"))
    page.keyboard.press("ArrowRight")
    expect(tip).to_contain_text(": 2, ")
    page.keyboard.press("ArrowLeft")
    expect(tip).to_contain_text(": 1, ")
    page.keyboard.press("End")
    expect(tip).to_contain_text("optimizer")
    page.keyboard.press("Home")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
        if "features.conv2" in tip.inner_text():
            break
    expect(tip).to_contain_text("features.conv2")
    page.keyboard.press("Enter")
    expect(page.locator("tr[aria-selected=true] .name")).to_have_text("conv2")
    page.keyboard.press("Tab")
    expect(tip).to_be_hidden()


def test_each_curve_is_one_stop_for_tab(visit: Visit) -> None:
    page = visit(pages.page("profile"))
    assert page.locator("figure.plot [tabindex]").count() == 0
    assert page.locator("figure.plot[tabindex='0']").count() == 2
