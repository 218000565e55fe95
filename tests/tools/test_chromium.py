"""Which Chromium is taken, of programs that are written for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools import chromium

RUNS = "echo 'Chromium 1.2'"
STUB = "echo 'install the package chromium' >&2; exit 1"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with a shell that has no browser, and no packages to ask for."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)


def program(folder: Path, name: str, does: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("name", chromium.NAMES)
def test_it_is_found_by_any_of_its_names(name: str, tmp_path: Path) -> None:
    assert chromium.found() is None
    path = program(tmp_path, name, RUNS)
    assert chromium.found() == path


def test_one_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path, "chromium", STUB)
    program(tmp_path, "chromium-browser", "echo hello")
    assert chromium.found() is None
    path = program(tmp_path, "google-chrome", "echo 'Google Chrome 1.2'")
    assert chromium.found() == path


def test_the_environment_has_the_first_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(tmp_path, "chromium", RUNS)
    other = program(tmp_path, "another", RUNS)
    monkeypatch.setenv("CHROMIUM", other)
    assert chromium.main() == 0
    assert capsys.readouterr().out == f"{other}\n"
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "none"))
    assert chromium.found() is None
    with pytest.raises(FileNotFoundError, match="CHROMIUM is"), chromium.browser():
        pass


@pytest.mark.parametrize("root", [True, False])
def test_root_asks_the_system_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, root: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    browser = tmp_path / "chromium"
    lines = (f"#!/bin/sh\\n{RUNS}\\n").replace("'", "")
    install = f"""[ "$1" = update ] || {{ printf '{lines}' > '{browser}'; /bin/chmod 755 '{browser}'; }}"""
    program(tmp_path, "apt-get", install)
    assert chromium.main() == (0 if root else 1)
    said = capsys.readouterr()
    if root:
        assert said.out == f"installing chromium\n{browser}\n"
    else:
        assert "install chromium" in said.err
