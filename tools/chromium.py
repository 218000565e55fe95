"""Where Chromium is: `python -m tools.chromium` says, and installs it where it is missing and root asks.

CHROMIUM in the environment names another one than those on the PATH.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES: Final = ("chromium", "fonts-dejavu-core")
# Seconds that it has to say its version; a machine of CI has not read it from its disk before.
_PATIENCE: Final = 60


def found() -> str | None:
    """The path of one that runs: some systems have a program of that name that only says what to install."""
    named = os.environ.get("CHROMIUM")
    paths = map(shutil.which, [named] if named else NAMES)
    return next((path for path in paths if path and _runs(path)), None)


def _runs(path: str) -> bool:
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.returncode == 0 and "Chrom" in said.stdout


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium without a window.

    Raises:
        FileNotFoundError: there is none.
    """
    path = found()
    if path is None:
        raise FileNotFoundError(_missing())
    from playwright.sync_api import sync_playwright

    # Its sandbox needs rights that root gives up, and containers have not.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield opened
        finally:
            opened.close()


def _missing() -> str:
    if named := os.environ.get("CHROMIUM"):
        return f"CHROMIUM is {named!r}, which is no Chromium that runs"
    return "pages need Chromium: install chromium, or Google Chrome, with your system's packages"


def main() -> int:
    """Say where it is, and install it before where root asks and the system has packages."""
    path = found()
    if path is None and "CHROMIUM" not in os.environ and os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing chromium", flush=True)
        _install()
        path = found()
    if path is None:
        sys.stderr.write(f"{_missing()}\n")
        return 1
    print(path)
    return 0


def _install() -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    subprocess.run(
        ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *PACKAGES],
        check=True,
        env=quiet,
        stdout=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    sys.exit(main())
