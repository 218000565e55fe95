"""An answer within a notebook: a page in a frame of somebody else's page, without a server."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.browser import pages
from tests.browser.conftest import Visit

# What surrounds an output: nothing, a server of notebooks, and an editor, which lets inline scripts run.
POLICIES = {
    "none": "",
    "lab": "frame-ancestors 'self'; report-uri /api/security/csp-report",
    "editor": "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' https://host.invalid; "
    "style-src 'unsafe-inline' https://host.invalid; img-src data: blob: https:; font-src data: https:; "
    "connect-src https:; child-src https: data:",
}


def notebook(answer: object, policy: str = "") -> str:
    """A page around an output, as wide as a cell."""
    meta = (
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        if policy and "ancestors" not in policy
        else ""
    )
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8>{meta}<title>notebook</title></head>"
        f'<body><p>In [1]:</p><div style="width:760px">{answer._repr_html_()}</div><p>after</p></body></html>'  # type: ignore[attr-defined]
    )


def shown(page: Page) -> FrameLocator:
    """The frame, given its room once the page within is done without."""
    frame = frame_of(page)
    page.evaluate("document.querySelector('div').style.display = 'block'")
    return frame


def frame_of(page: Page) -> FrameLocator:
    frame = page.frame_locator("iframe")
    expect(frame.locator("html")).to_have_attribute("data-ready", "")
    return frame


@pytest.mark.parametrize("policy", POLICIES)
def test_the_page_is_alive_at_a_fixed_height(policy: str, visit: Visit) -> None:
    page = visit(notebook(pages.summary("alexnet"), POLICIES[policy]))
    frame = frame_of(page)
    spot = page.locator("iframe").bounding_box()
    assert spot is not None
    assert spot["height"] == 520
    assert spot["width"] == 760
    box = frame.locator(".network .box[aria-label^='classifier,']")
    frame.get_by_role("button", name="Close all boxes").click()
    expect(box).to_have_attribute("aria-expanded", "false")
    box.focus()
    box.press("Enter")
    expect(box).to_have_attribute("aria-expanded", "true")
    frame.get_by_label("Filter rows by name or type").fill("conv3")
    expect(frame.locator(".layers .foot")).to_contain_text("1 of ")
    assert frame.locator("html").evaluate("root => root.scrollWidth - root.clientWidth") <= 0


def test_it_reaches_nothing_around_it(visit: Visit) -> None:
    page = visit(notebook(pages.summary("alexnet")))
    root = frame_of(page).locator("html")
    assert (
        root.evaluate("() => { try { return parent.document.title } catch { return 'refused' } }")
        == "refused"
    )
    assert root.evaluate("() => origin") == "null"
    expect(page).to_have_title("notebook")


def test_what_is_copied_gets_out(visit: Visit) -> None:
    page = visit(notebook(pages.summary("alexnet")))
    frame = frame_of(page)
    frame.get_by_role("button", name="as CSV").click()
    expect(frame.locator(".layers .foot")).to_contain_text(re.compile(r"\d+ rows copied as CSV"))


@pytest.mark.parametrize("kind", ["memory", "profile", "diff"])
def test_others_with_pictures_as_well(kind: str, visit: Visit) -> None:
    made = {"memory": pages.memory, "profile": pages.profile, "diff": pages.difference}
    page = visit(notebook(made[kind]()))
    expect(frame_of(page).locator("h1")).to_be_visible()


def test_what_has_no_picture_is_an_element_of_the_notebook(visit: Visit) -> None:
    from tests.show.answers import answers

    page = visit(notebook(answers()["findings"]))
    expect(page.locator("iframe")).to_have_count(0)
    expect(page.get_by_text("NS101").first).to_be_visible()


def test_what_had_no_room_at_first_is_in_its_place_once_it_has(visit: Visit) -> None:
    """A notebook makes the frame before it is seen."""
    page = visit(notebook(pages.difference()).replace("width:760px", "width:760px;display:none"))
    frame = shown(page)
    for side in ("before", "after"):
        box = frame.locator(f".difference .box[aria-label^='input,'][aria-label*=', {side},']")
        expect(box).to_be_in_viewport()


def test_a_table_that_had_no_room_at_first_leaves_out_what_it_has_none_for(visit: Visit) -> None:
    frames = []
    for style in ("", ";display:none"):
        page = visit(
            notebook(pages.summary()).replace("width:760px", f"width:760px{style}"), name=f"p{len(frames)}"
        )
        frames.append(shown(page))
    headings = [frame.locator("thead th").all_inner_texts() for frame in frames]
    assert headings[0] == headings[1]
    assert "weight + bias" not in headings[0]
