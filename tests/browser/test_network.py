"""The drawn network: opened, moved, coloured and searched, by mouse and by keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import pages
from tests.browser.conftest import Visit


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit(pages.page("summary"))


def box(page: Page, name: str, around: str = "") -> Locator:
    """The boxes of that label, those below `around` (the steps to it) alone."""
    within = f'[data-key^="{around}"]' if around else ""
    return page.locator(f'.network .box[aria-label^="{name}"]{within}')


def scale(page: Page) -> tuple[float, float, float]:
    """How far the picture was moved, and how large it is."""
    # It is moved once a frame.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    text = page.locator(".network svg.canvas > g").get_attribute("transform") or ""
    x, y, size = re.findall(r"-?[\d.]+(?:e-?\d+)?", text)
    return float(x), float(y), float(size)


def test_the_network_is_there_from_its_input_to_its_output(page: Page) -> None:
    page.get_by_role("button", name="Close all boxes").click()
    names = [label.partition(",")[0] for label in labels(page)]
    assert names[0] == "input"
    assert names[1:9] == "conv1 bn1 relu maxpool layer1 layer2 layer3 layer4".split()
    page.get_by_role("button", name="Fit all").click()
    assert [label.partition(",")[0] for label in labels(page)][-3:] == ["avgpool", "fc", "output"]


def labels(page: Page) -> list[str]:
    """What the boxes that are to be seen are called, from the top."""
    scale(page)
    found = page.locator(".network .box").evaluate_all(
        "boxes => boxes.map((box) => [box.getBoundingClientRect().top, box.getAttribute('aria-label')])"
    )
    return [label for _, label in sorted(found)]


@pytest.mark.parametrize("keyboard", [False, True])
def test_a_box_opens_and_closes(page: Page, *, keyboard: bool) -> None:
    page.get_by_role("button", name="Close all boxes").click()
    layer = box(page, "layer2,")
    key = layer.get_attribute("data-key")

    def press() -> None:
        if keyboard:
            layer.focus()
            page.keyboard.press("Enter")
        else:
            layer.click(position={"x": 20, "y": 8})

    expect(layer).to_have_attribute("aria-expanded", "false")
    spot = layer.bounding_box()
    press()
    expect(layer).to_have_attribute("aria-expanded", "true")
    expect(box(page, "0, BasicBlock", f"{key}.")).to_have_count(1)
    # It stays where it is while all below makes room.
    now = layer.bounding_box()
    assert spot is not None
    assert now is not None
    assert now["y"] == pytest.approx(spot["y"], abs=1)
    assert now["x"] + now["width"] / 2 == pytest.approx(spot["x"] + spot["width"] / 2, abs=1)
    if keyboard:
        expect(layer).to_be_focused()
    press()
    expect(layer).to_have_attribute("aria-expanded", "false")
    expect(box(page, "0, BasicBlock", f"{key}.")).to_have_count(0)


def test_a_run_is_one_box_that_opens_into_all(page: Page) -> None:
    run = box(page, "0-1, 2 times")
    key = run.get_attribute("data-key")
    run.click()
    expect(run).to_have_attribute("aria-expanded", "true")
    expect(page.locator(f'.network .box[data-key^="{key}."][aria-label*="BasicBlock"]')).to_have_count(2)


def test_arrows_follow_the_lines(page: Page) -> None:
    page.get_by_role("button", name="Close all boxes").click()
    box(page, "input").focus()
    focused = page.locator(".network .box:focus")
    for name in ("conv1", "bn1", "relu"):
        page.keyboard.press("ArrowDown")
        expect(focused).to_have_attribute("aria-label", re.compile(f"^{name}"))
    page.keyboard.press("ArrowUp")
    expect(focused).to_have_attribute("aria-label", re.compile("^bn1"))
    for name in "relu maxpool layer1 layer2 layer3 layer4 avgpool fc output".split():
        page.keyboard.press("ArrowDown")
        expect(focused).to_have_attribute("aria-label", re.compile(f"^{name}"))
        expect(focused).to_be_in_viewport()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("i")
    panel = page.get_by_role("dialog")
    expect(panel.get_by_role("heading", level=2)).to_have_text("fc")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def test_it_is_moved_and_zoomed(page: Page) -> None:
    canvas = page.locator(".network svg.canvas")
    spot = canvas.bounding_box()
    assert spot is not None
    x, y, size = scale(page)
    page.get_by_role("button", name="Zoom in").click()
    assert scale(page)[2] == pytest.approx(1.3 * size)
    page.get_by_role("button", name="Zoom out").click()
    assert scale(page) == pytest.approx((x, y, size), abs=0.01)
    page.mouse.move(spot["x"] + 30, spot["y"] + 100)
    page.mouse.down()
    page.mouse.move(spot["x"] + 70, spot["y"] + 160, steps=4)
    page.mouse.up()
    assert scale(page) == pytest.approx((x + 40, y + 60, size), abs=1.5)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    assert scale(page)[2] > size
    box(page, "conv1,").focus()
    page.keyboard.press("0")
    fitted = scale(page)
    page.keyboard.press("+")
    assert scale(page)[2] > fitted[2]
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert scale(page)[2] < fitted[2]
    page.get_by_role("button", name="Fit all").click()
    assert scale(page) == pytest.approx(fitted, abs=0.01)


def test_dragging_over_a_box_does_not_press_it(page: Page) -> None:
    layer = box(page, "layer1,")
    expect(layer).to_have_attribute("aria-expanded", "true")
    spot = layer.bounding_box()
    assert spot is not None
    page.mouse.move(spot["x"] + 30, spot["y"] + 8)
    page.mouse.down()
    page.mouse.move(spot["x"] + 60, spot["y"] + 30, steps=3)
    page.mouse.up()
    expect(layer).to_have_attribute("aria-expanded", "true")


def test_searching_opens_what_is_around_and_goes_from_one_to_the_next(page: Page) -> None:
    field = page.get_by_label("Find a layer in the network")
    field.fill("downsample.0")
    found = page.locator(".network .bar .found")
    expect(found).to_have_text("1 of 3")
    expect(page.locator("tr[aria-selected=true] .name")).to_have_text("0")
    chosen = page.locator(".network .box.selected")
    expect(chosen).to_be_in_viewport()
    first = chosen.get_attribute("data-key")
    page.keyboard.press("Enter")
    expect(found).to_have_text("2 of 3")
    assert chosen.get_attribute("data-key") != first
    page.get_by_role("button", name="Previous found").click()
    expect(found).to_have_text("1 of 3")
    assert chosen.get_attribute("data-key") == first
    page.get_by_role("button", name="Next found").click()
    field.fill("nothing of that name")
    expect(found).to_have_text("none")
    page.keyboard.press("Escape")
    expect(field).to_have_value("")


def test_colour_is_by_a_quantity_with_a_legend(page: Page) -> None:
    choice = page.get_by_label("Colour", exact=True)
    legend = page.locator(".network .legend")
    expect(legend).to_be_hidden()
    for quantity in [option for option in choice.locator("option").all_inner_texts() if option != "kind"]:
        choice.select_option(quantity)
        expect(legend).to_contain_text(quantity)
    choice.select_option("params")
    # The heaviest of the closed boxes is the darkest: the second block of layer4, which is open.
    expect(legend).to_contain_text("4,720,640")
    page.get_by_role("button", name="Close all boxes").click()
    expect(legend).to_contain_text("8,393,728")
    expect(box(page, "layer4").locator(".body")).to_have_attribute("style", re.compile("100%"))
    fills = page.locator(".network .box[aria-label^='conv1,'] .body")
    expect(fills).to_have_attribute("style", re.compile("fill:"))
    choice.focus()
    page.keyboard.press("Home")
    expect(legend).to_be_hidden()


def test_a_tip_says_what_a_box_is(page: Page) -> None:
    box(page, "conv1,").hover()
    tip = page.get_by_role("tooltip")
    expect(tip).to_contain_text("conv1")
    expect(tip).to_contain_text("Conv2d 7×7 /2 p3")
    page.mouse.move(2, 2)
    expect(tip).to_be_hidden()


# The map


def part(page: Page, name: str) -> Locator:
    return page.locator(f'.icicle [aria-label^="{name}:"]')


def test_the_map_goes_in_and_out(page: Page) -> None:
    expect(part(page, "layer4")).to_have_attribute("aria-label", re.compile(r"411 M \(22\.7%\)"))
    by = page.locator(".map").get_by_label("by", exact=True)
    expect(by.locator("option")).to_have_text(["MACs", "params", "outputs"])
    by.select_option("params")
    expect(part(page, "layer4")).to_have_attribute("aria-label", re.compile(r"8,393,728 \(71\.8%\)"))
    part(page, "layer4").click()
    trail = page.locator(".map .trail")
    expect(trail).to_contain_text("layer4")
    expect(part(page, "layer3")).to_have_count(0)
    trail.get_by_role("button", name="Back to all").click()
    expect(part(page, "layer3")).to_have_count(1)
    by.select_option("MACs")
    expect(part(page, "layer4")).to_have_attribute("aria-label", re.compile(r"M \("))


def test_the_map_by_keyboard(page: Page) -> None:
    page.locator(".icicle [tabindex='0']").focus()
    focused = page.locator(".icicle :focus")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    for _ in range(8):
        if (focused.get_attribute("aria-label") or "").startswith("layer4:"):
            break
        page.keyboard.press("ArrowRight")
    expect(focused).to_have_attribute("aria-label", re.compile("^layer4:"))
    page.keyboard.press("Enter")
    expect(page.locator(".map .trail")).to_contain_text("layer4")
    page.keyboard.press("Backspace")
    expect(part(page, "layer3")).to_have_count(1)
    page.keyboard.press("i")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_forward_that_failed_is_drawn_up_to_there(visit: Visit) -> None:
    page = visit(pages.failed())
    failed = page.locator(".network .box.failed")
    expect(failed).to_have_count(1)
    expect(failed).to_have_attribute("aria-label", re.compile("^1"))
    expect(failed.locator(".sign")).to_have_text("✗")
    expect(box(page, "last")).to_have_count(0)
