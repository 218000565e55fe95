"""Screenshots of pages for the documents, in docs/images: `python -m tools.screenshots`.

Each is what a browser shows of a page that the command line wrote; `--all FOLDER` writes every page in both
themes, 1280 and 400 pixels wide, to look at.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tools.chromium import browser

ROOT: Final = Path(__file__).resolve().parents[1]
IMAGES: Final = ROOT / "docs" / "images"


class Shot(NamedTuple):
    """A page by what is typed for it, and how the documents show it."""

    typed: str
    theme: str = "light"
    height: int = 860


SHOTS: Final = {
    "summary": Shot("summary torchvision/resnet50"),
    "profile": Shot("profile torchvision/resnet18 --threads 1 --device-spec here", "dark"),
    "memory": Shot("memory torchvision/resnet18 --batch 8 --train --optimizer adamw --device cuda"),
    "diff": Shot("diff alexnet zfnet", "dark"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write them."""
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page in both themes and widths")
    asked = parser.parse_args(arguments)
    folder = asked.all or IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as pages:
        for name, shot in SHOTS.items():
            page = Path(pages) / f"{name}.html"
            command = [sys.executable, "-m", "netscope", *shot.typed.split(), "-o", str(page)]
            subprocess.run(command, check=True, cwd=ROOT)
            taken = _all(name, folder) if asked.all else [(folder / f"{name}.png", shot.theme, 1280)]
            _take(page, taken, None if asked.all else shot.height)
    return 0


def _all(name: str, folder: Path) -> Iterator[tuple[Path, str, int]]:
    for theme in ("light", "dark"):
        for width in (1280, 400):
            yield folder / f"{name}-{theme}-{width}.png", theme, width


def _take(
    page: Path, shots: Iterator[tuple[Path, str, int]] | list[tuple[Path, str, int]], height: int | None
) -> None:
    """The whole page without a height."""
    with browser() as chromium:
        for path, theme, width in shots:
            tab = chromium.new_page(viewport={"width": width, "height": height or 900}, color_scheme=theme)
            tab.goto(page.as_uri())
            tab.wait_for_selector("html[data-ready]", state="attached")
            tab.screenshot(path=path, full_page=height is None)


if __name__ == "__main__":
    sys.exit(main())
