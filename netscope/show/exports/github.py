"""What was checked, as GitHub's annotations, for a workflow."""

from __future__ import annotations

from typing import Final

from netscope.answers.check import Checked, Outcome
from netscope.show.check.verdicts import sentence

_DATA: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def made_of(outcome: Outcome) -> str:
    """A workflow command for each requirement that failed: `::error title=...::...`; "" when none did."""
    lines = []
    for checked in outcome:
        title = f"netscope: {checked.name}".translate(_PROPERTY)
        lines += [f"::error title={title}::{text.translate(_DATA)}\n" for text in _failures(checked)]
    return "".join(lines)


def _failures(checked: Checked) -> list[str]:
    if checked.error:
        return [checked.error]
    return [sentence(checked, verdict) for verdict in checked.failed]
