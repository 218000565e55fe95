"""The events of a profile as a Chrome trace, for Perfetto."""

from __future__ import annotations

import json

from netscope.base.errors import UsageError
from netscope.machine.timing.chrome import chrome_trace
from netscope.report.report import Report


def made_of(report: Report) -> str:
    """The trace as JSON.

    Raises:
        UsageError: the report has no events.
    """
    if report.events is None:
        raise UsageError(
            f"the report of {report.name} has no events: it is no profile of layers, or was saved.",
            hint="profile the network anew: netscope profile MODEL --trace trace.json",
        )
    return json.dumps(chrome_trace(report.events, name=report.name))
