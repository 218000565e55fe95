"""Pages in a real browser, Chromium without a window.

Whoever visits a page there fails when it asks for anything else, or says anything on its console.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route

from tools.chromium import browser

FOLDER = Path(__file__).parent

# Milliseconds that a page has until it shows what it should; machines of CI are slow.
PATIENCE = 10_000

Visit = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that is in this folder needs a browser."""
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a process."""
    try:
        with browser() as opened:
            yield opened
    except FileNotFoundError as error:
        pytest.fail(f"{error}; `make test-browser` asks for it")


@pytest.fixture
def visit(chromium: Browser, tmp_path: Path) -> Iterator[Visit]:
    """Open a page, the text of an HTML file, and wait until its script is done."""
    complaints: list[str] = []
    contexts = []

    def visited(
        html: str,
        *,
        width: int = 1280,
        height: int = 900,
        theme: str = "light",
        name: str = "page",
        **how: Any,
    ) -> Page:
        path = tmp_path / f"{name}.html"
        path.write_text(html, encoding="utf-8")
        size: Any = {"width": width, "height": height}
        context = chromium.new_context(viewport=size, color_scheme=theme, **how)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        contexts.append(context)

        def route(asked: Route) -> None:
            url = asked.request.url
            if url == path.as_uri():
                asked.continue_()
            else:
                complaints.append(f"asked for {url[:200]}")
                asked.abort()

        def said(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                complaints.append(f"{message.type}: {message.text[:500]}")

        context.route("**/*", route)
        page = context.new_page()
        page.on("console", said)
        page.on("pageerror", lambda error: complaints.append(f"raised {error}"))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(path.as_uri())
        if 'data-from="' in html:
            page.wait_for_selector("html[data-ready]", state="attached")
        return page

    yield visited
    for context in contexts:
        context.close()
    assert complaints == []
