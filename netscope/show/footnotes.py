"""What is said below a summary's table of windows that look like a mistake, as `netscope lint` would."""

from __future__ import annotations

from typing import NamedTuple

from netscope.report.analysis.tiling import untiled_windows, wide_padding
from netscope.report.report import Report


class Footnote(NamedTuple):
    """One line: the check of `netscope lint` that says the same, the layer, the sentence."""

    code: str
    path: str
    message: str


def footnotes(report: Report) -> tuple[Footnote, ...]:
    """Those of a report: what it shows by itself, cheap enough for every summary."""
    found = (("NS101", untiled_windows(report)), ("NS103", wide_padding(report)))
    return tuple(Footnote(code, *remark) for code, remarks in found for remark in remarks)
