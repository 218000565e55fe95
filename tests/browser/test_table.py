"""The table of layers: by mouse, by keyboard, and that what is seen adds up."""

from __future__ import annotations

import csv
import io

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import pages
from tests.browser.conftest import Visit


@pytest.fixture
def page(visit: Visit) -> Page:
    page = visit(pages.page("summary"))
    # What is copied is kept here: a clipboard belongs to the whole machine.
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text }")
    return page


def row(page: Page, name: str, nth: int = 0) -> Locator:
    return page.locator("tr[data-row]", has=page.locator(f'.name:text-is("{name}")')).nth(nth)


def copied(page: Page, form: str = "CSV") -> str:
    page.evaluate("window.copied = null")
    page.get_by_role("button", name=f"as {form}").click()
    page.wait_for_function("window.copied !== null")
    return page.evaluate("window.copied")


def shown(page: Page) -> list[dict[str, str]]:
    """The rows that are to be seen, in sight or not, in raw values."""
    return list(csv.DictReader(io.StringIO(copied(page))))


def total(page: Page, key: str) -> int:
    return sum(int(one[key] or 0) for one in shown(page))


def check_sums(page: Page) -> None:
    """What is shown adds up to the network's, whatever is open."""
    report = pages.summary()
    assert total(page, "params") == report.params
    assert total(page, "macs") == report.macs


def test_what_is_seen_adds_up_whatever_is_open(page: Page) -> None:
    check_sums(page)
    row(page, "layer1").locator(".twist").click()
    expect(row(page, "layer1")).to_have_attribute("aria-expanded", "false")
    check_sums(page)
    row(page, "layer3").locator(".name").dblclick()
    expect(row(page, "layer3")).to_have_attribute("aria-expanded", "false")
    check_sums(page)
    page.get_by_role("button", name="Open all rows").click()
    assert len(shown(page)) == len(pages.summary().layers)
    check_sums(page)
    page.get_by_label("Open rows to a depth").select_option("2")
    check_sums(page)
    page.get_by_role("button", name="Close all rows").click()
    assert [one["layer"] for one in shown(page)][:3] == ["(root)", "conv1", "bn1"]
    check_sums(page)
    row(page, "(root)").locator(".twist").click()
    assert len(shown(page)) == 1
    check_sums(page)


def test_keys_open_close_move_and_explain(page: Page) -> None:
    first = page.locator("tr[data-row][tabindex='0']")
    first.focus()
    expect(first.locator(".name")).to_have_text("(root)")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    focused = page.locator("tr[data-row]:focus")
    expect(focused.locator(".name")).to_have_text("layer1")
    page.keyboard.press("ArrowLeft")
    expect(focused).to_have_attribute("aria-expanded", "false")
    check_sums(page)
    focused = page.locator("tr[data-row][tabindex='0']")
    focused.focus()
    page.keyboard.press("ArrowRight")
    expect(focused).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    expect(page.locator("tr[data-row]:focus .name")).to_have_text("layer1")
    page.keyboard.press("End")
    expect(page.locator("tr[data-row]:focus .name")).to_have_text("fc")
    page.keyboard.press("Home")
    expect(page.locator("tr[data-row]:focus .name")).to_have_text("(root)")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog")
    expect(panel).to_be_visible()
    expect(panel.get_by_role("heading", level=2)).to_have_text("conv1")
    expect(panel).to_contain_text("9,408")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("tr[data-row]:focus .name")).to_have_text("conv1")


def test_a_figure_says_how_it_was_counted(page: Page) -> None:
    row(page, "conv1").locator("td[data-key=macs]").click()
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("How it was counted")
    # 64 maps of 112x112, each of 3 maps by 7x7: 118,013,952.
    expect(panel).to_contain_text("118,013,952")
    panel.get_by_role("button", name="Close").click()
    expect(panel).to_be_hidden()


@pytest.mark.parametrize("keyboard", [False, True])
def test_sorting_goes_down_then_up_then_back(page: Page, *, keyboard: bool) -> None:
    heading = page.locator("th", has=page.locator("button", has_text="params"))

    def press() -> None:
        if keyboard:
            heading.locator("button").focus()
            page.keyboard.press("Enter")
        else:
            heading.locator("button").click()

    expect(heading).to_have_attribute("aria-sort", "none")
    before = [one["layer"] for one in shown(page)]
    press()
    expect(heading).to_have_attribute("aria-sort", "descending")
    values = [int(one["params"] or 0) for one in shown(page)]
    assert values == sorted(values, reverse=True)
    check_sums(page)
    press()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    values = [int(one["params"] or 0) for one in shown(page)]
    assert values == sorted(values)
    press()
    expect(heading).to_have_attribute("aria-sort", "none")
    assert [one["layer"] for one in shown(page)] == before


def test_filtering_by_name_and_by_type(page: Page) -> None:
    page.keyboard.press("/")
    field = page.get_by_label("Filter rows by name or type")
    expect(field).to_be_focused()
    page.keyboard.type("downsample.0")
    expect(page.locator(".layers .foot")).to_contain_text("3 of 76 rows")
    names = [one["layer"] for one in shown(page)]
    assert "layer2.0.downsample.0" in names
    assert "layer2" in names
    assert "layer1" not in names
    field.focus()
    page.keyboard.press("Escape")
    expect(field).to_have_value("")
    field.fill("batchnorm")
    expect(page.locator(".layers .foot")).to_contain_text("20 of 76 rows")
    field.fill("nothing of that name")
    expect(page.locator("tr[data-row]")).to_have_count(0)


def test_columns_come_and_go(page: Page) -> None:
    headings = page.locator("thead th")
    before = headings.all_inner_texts()
    page.get_by_text("Columns", exact=True).click()
    box = page.get_by_role("checkbox", name="params", exact=True)
    box.uncheck()
    assert "params" not in " ".join(headings.all_inner_texts())
    box.check()
    assert headings.all_inner_texts() == before
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    page.keyboard.press("Enter")
    expect(box).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert headings.all_inner_texts() != before


def test_markdown_is_a_table_of_what_is_shown(page: Page) -> None:
    lines = copied(page, "Markdown").splitlines()
    rows = [line for line in lines[2:] if line]
    assert lines[0].startswith("| layer |")
    assert len(rows) == len(shown(page))
    assert len({line.count("|") for line in lines if line}) == 1


def test_a_row_and_its_box_show_each_other(page: Page) -> None:
    row(page, "bn1").locator(".name").click()
    expect(page.locator(".network .box.selected")).to_have_attribute("aria-label", "bn1, BatchNorm2d")
    row(page, "relu").hover()
    expect(page.locator(".network .box.hovered")).to_have_attribute("aria-label", "relu, ReLU")
    page.locator(".network .box[aria-label^='conv1,']").hover()
    expect(page.locator("tr.hovered .name")).to_have_text("conv1")
    page.locator(".network .box[aria-label^='conv1,']").click()
    expect(page.locator("tr[aria-selected=true] .name")).to_have_text("conv1")


def test_a_forward_that_failed(visit: Visit, tmp_path: object) -> None:
    page = visit(pages.failed())
    expect(page.locator("tr.state-raised .name")).to_have_text("1")
    expect(page.locator("tr.state-unreached .name")).to_have_text("last")
    expect(page.locator(".network .box.failed")).to_be_visible()
