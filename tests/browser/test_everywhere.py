"""What holds for every page: it is accessible, stays in its place, and no name in it is more than text."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import axe_core_python
import pytest
from playwright.sync_api import Page, expect

import netscope
from tests.browser import pages
from tests.browser.conftest import Visit
from tests.show.answers import answers

KINDS = [*pages.PICTURES, "curve", "roofline", "comparison", "findings", "verification", "models"]
AXE = Path(axe_core_python.__file__).with_name("axe.min.js")


def keep(page: Page, name: str) -> None:
    """Keep a picture of the page for whoever says where: NETSCOPE_SHOTS=folder."""
    if folder := os.environ.get("NETSCOPE_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def faults(page: Page) -> list[str]:
    """What axe finds serious or critical."""
    # Not as a script of the page: its policy lets none run but its own.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:5]
    ]


def sideways(page: Page) -> int:
    """How many pixels the whole page can be moved sideways."""
    return page.evaluate("document.scrollingElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_no_serious_fault(kind: str, theme: str, visit: Visit) -> None:
    page = visit(pages.page(kind), theme=theme)
    assert faults(page) == []


def test_axe_finds_a_fault_where_there_is_one(visit: Visit) -> None:
    """Or the tests above would pass whatever the page."""
    page = visit('<!doctype html><html lang="en"><title>t</title><main><h1>h</h1><input></main></html>')
    assert any(fault.startswith("label:") for fault in faults(page))


@pytest.mark.parametrize("kind", ["summary", "diff"])
def test_axe_finds_no_serious_fault_in_what_opens(kind: str, visit: Visit) -> None:
    page = visit(pages.page(kind))
    if kind == "summary":
        page.get_by_text("Columns", exact=True).click()
        assert faults(page) == []
        page.keyboard.press("Escape")
        page.locator("tr[data-row] td[data-key=macs]").nth(1).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.get_by_label("Colour", exact=True).select_option("params")
    else:
        page.keyboard.press("n")
    assert faults(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("kind", KINDS)
def test_no_page_moves_sideways(kind: str, width: int, theme: str, visit: Visit) -> None:
    page = visit(pages.page(kind), width=width, theme=theme)
    keep(page, f"{kind}-{width}-{theme}")
    assert sideways(page) <= 0
    for heading in page.get_by_role("heading").all():
        if heading.is_visible():
            spot = heading.bounding_box()
            assert spot is not None
            assert spot["x"] >= 0
            assert spot["x"] < width


@pytest.mark.parametrize("kind", pages.PICTURES)
def test_on_paper_all_rows_are_there_and_nothing_moves_sideways(kind: str, visit: Visit) -> None:
    page = visit(pages.page(kind))
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert sideways(page) <= 0
    if kind == "summary":
        rows = page.get_by_role("treegrid").get_attribute("aria-rowcount")
        expect(page.locator("tr[data-row]")).to_have_count(int(rows or 0) - 1)
    expect(page.get_by_role("searchbox").first).to_be_hidden()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")


def test_colours_are_chosen_by_mouse_and_by_keyboard(visit: Visit) -> None:
    page = visit(pages.page("summary"))

    def ground() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light = ground()
    page.get_by_role("button", name="dark colours").click()
    dark = ground()
    assert dark != light
    page.get_by_role("button", name="light colours").focus()
    page.keyboard.press("Enter")
    assert ground() == light
    page.get_by_role("button", name="auto colours").click()
    page.emulate_media(color_scheme="dark")
    assert ground() == dark


@pytest.mark.parametrize("kind", ["summary", "memory", "diff", "profile"])
def test_without_a_script_the_tables_are_there(kind: str, visit: Visit) -> None:
    text = pages.page(kind).replace("data-from", "data-of")  # nothing to wait for
    page = visit(text, java_script_enabled=False)
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("table").first).to_be_visible()
    assert any("conv1" in text for text in page.locator("table").all_inner_texts())


# Names


SCRIPT = "alert('run')"
HOSTILE = {
    "a script": f"<script>{SCRIPT}</script>",
    "the end of a script": f"</script><script>{SCRIPT}</script>",
    "the end of a title": f"</title></style></textarea></noscript><img src=x onerror={SCRIPT}>",
    "an attribute": f'" onmouseover="{SCRIPT}" x=\'',
    "an attribute of SVG": f"'/><svg onload={SCRIPT}><a xlink:href='javascript:{SCRIPT}'>",
    "a link": f"javascript:{SCRIPT}",
    "entities": "&lt;b&gt;&amp;&#60;script&#62;",
    "a comment": "<!--<script>",
    "CSS": "}</style>*{display:none}url(http://example.invalid/x)",
    "a template": "${alert(1)}`{{constructor.constructor('alert(1)')()}}",
    "from right to left": "\u202e\u2066evil\u2069 שלום",
    "marks": "z\u0310\u0342\u0301a\u0336\u0337lgo",
    "control characters": "a\x00b\x1b[31m\x7f\u2028\u2029\r\n\t",
    "half a character": "\ud800",
    "long": "x" * 5000,
    "long words": "weird name " * 300,
    "object": "__proto__",
    "constructor": "constructor",
}


@cache
def hostile(name: str) -> tuple[str, ...]:
    """Pages of networks and of layers of that name: of some that are traced, and of others made by hand."""
    from torch import nn

    def traced(width: int) -> netscope.Report:
        net = nn.Module()
        block = nn.Sequential(nn.Linear(4, width), nn.ReLU())
        typed = name.replace("\x00", "").encode("utf-8", "replace").decode()
        kind = type(typed, (nn.Module,), {"forward": lambda self, x: self.inner(x)})
        inner = kind()
        inner.inner = block
        label = name.replace(".", "_") or "x"
        net = nn.Sequential()
        net.add_module(label, inner)
        net.add_module("head", nn.Linear(width, 2))
        return netscope.summary(net, input="4")

    first, second = traced(4), traced(8)
    made = [first, netscope.diff(first, second)]
    made += [
        answer for kind, answer in answers(name).items() if kind in ("profile", "memory", "diff", "curve")
    ]
    return tuple(answer.to_html() for answer in made)


@pytest.mark.parametrize("what", HOSTILE)
def test_no_name_runs_anything_and_each_is_shown(what: str, visit: Visit) -> None:
    """A dialog, a request, an error and a warning all fail a visit."""
    name = HOSTILE[what]
    for number, text in enumerate(hostile(name)):
        page = visit(text, name=f"page{number}")
        # Nothing of the name became an element.
        assert (
            page.locator("img, iframe, object, embed, base, form, [onmouseover], [onload], [onerror]").count()
            == 0
        )
        assert page.locator("script").count() == text.count("<script")
        assert page.locator("a[href^='javascript']").count() == 0
        assert sideways(page) <= 0
        if len(name) < 100:
            from netscope.show.strings import visible

            start = " ".join(visible(name).split())[:20]
            assert start in " ".join(page.locator("body").inner_text().split())
        for element in (".network .box", "tr[data-row]", ".icicle [data-row]", "figure.plot [data-path]"):
            some = page.locator(element)
            if some.count():
                some.nth(min(1, some.count() - 1)).dispatch_event("pointermove")
                some.nth(min(1, some.count() - 1)).dispatch_event("click")
        assert sideways(page) <= 0
