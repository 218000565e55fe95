"""Golden files: reports kept beside the tests that made them, and held against the next ones.

A test of `tests/test_net.py` keeps its report in `tests/__netscope__/test_net/TestNet.test_it[3].json`.
What varies from one run or machine to the next is left out: times, versions, and how it was traced.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from netscope.base.errors import StoreError
from netscope.report import store
from netscope.report.report import Report

if TYPE_CHECKING:
    from netscope.answers.diff import Diff

FOLDER: Final = "__netscope__"

# What a file may be called everywhere, and how long.
_UNSAFE: Final = re.compile(r"[^\w.,+=@()\[\]-]", re.ASCII)
_LONGEST: Final = 100


def folder_of(test_file: Path) -> Path:
    """Where the golden files of a test file are."""
    return test_file.parent / FOLDER / test_file.stem


def path_of(test_file: Path, test: str, label: str = "") -> Path:
    """The golden file of a test ("TestNet.test_it[3]"); `label` tells several in one test apart."""
    return folder_of(test_file) / f"{_safe(test)}{f'.{_safe(label)}' if label else ''}.json"


def lasting(report: Report) -> Report:
    """The report without what may differ though the network is the same."""
    layers = tuple(
        layer if layer.timing is None and layer.roof is None else replace(layer, timing=None, roof=None)
        for layer in report.layers
    )
    return report.but(
        layers=layers,
        trace_seconds=0.0,
        environment={},
        rung="meta",
        rung_reason="",
        timing=None,
        roof=None,
    )


def changes(path: Path, report: Report) -> Diff | None:
    """What differs from the report in that file; None when nothing does.

    Raises:
        StoreError: the file cannot be read.
    """
    from netscope.answers.diff import diff

    found = diff(store.load(path), lasting(report))
    # A layer can cost something else though it is the same, once a formula is another.
    same = not found and all(delta.before == delta.after for delta in found.totals.values())
    return None if same else found


def write(path: Path, report: Report) -> None:
    """Keep a report, whole or not at all.

    Raises:
        StoreError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder {path.parent}: {error.strerror}.") from None
    store.write_text(path, store.to_json(lasting(report)))


def left_over(tests: Mapping[Path, set[str]]) -> list[Path]:
    """The golden files that belong to none of these tests (by test file), nor to any other test file."""
    found: list[Path] = []
    for root in sorted({test_file.parent / FOLDER for test_file in tests}):
        for folder in sorted(path for path in root.glob("*") if path.is_dir()):
            test_file = root.parent / f"{folder.name}.py"
            if test_file.is_file() and test_file not in tests:
                continue  # it has its tests, which were not collected
            names = {_safe(test) for test in tests.get(test_file, ())}
            found += [path for path in sorted(folder.glob("*.json")) if not _is_of(path.stem, names)]
    return found


def _is_of(stem: str, names: set[str]) -> bool:
    return any(stem == name or stem.startswith(f"{name}.") for name in names)


def _safe(name: str) -> str:
    """The name, or as much of it as a file can be called, with a sum so that two never become one."""
    plain = _UNSAFE.sub("_", name)
    if plain == name and len(name) <= _LONGEST:
        return name
    return f"{plain[:_LONGEST]}-{hashlib.sha256(name.encode('utf-8', 'backslashreplace')).hexdigest()[:8]}"
