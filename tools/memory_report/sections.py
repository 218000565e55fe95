"""The parts of the report, in order. To add one, write its file and its line here."""

from __future__ import annotations

from typing import Final

from tools.memory_report import cache, cuda, fit, large, peaks, saved, snapshots
from tools.memory_report.section import Section

SECTIONS: Final[tuple[Section, ...]] = (
    saved.SECTION,
    peaks.SECTION,
    cuda.SECTION,
    fit.SECTION,
    cache.SECTION,
    snapshots.SECTION,
    large.SECTION,
)
