"""The machine and the versions that a benchmark ran on, as rows of text."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from netscope.base import units
from netscope.base.environment import environment

_LIBRARIES = ("torch", "torchvision", "torchinfo", "transformers")


def describe() -> list[tuple[str, str]]:
    """(what, value) rows: processor, cores, memory, system, versions, date."""
    facts = environment()
    return [
        ("CPU", facts["cpu"]),
        ("memory", units.binary(_memory(), units.ROW)),
        ("system", facts["platform"]),
        ("Python", facts["python"]),
        *((library, _version(library)) for library in _LIBRARIES),
        ("netscope", facts["netscope"]),
        ("date", datetime.now(UTC).strftime("%Y-%m-%d, %H:%M UTC")),
    ]


def load() -> float:
    """How many processes wanted a processor during the last minute, on average."""
    return os.getloadavg()[0]


def _memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"
