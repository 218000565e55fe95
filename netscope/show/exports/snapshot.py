"""A predicted step as torch's memory snapshot, for its viewer."""

from __future__ import annotations

from netscope.answers.memory.reserve import allocations_of
from netscope.answers.memory.snapshot import pickled
from netscope.base.errors import UsageError
from netscope.report.report import Report


def made_of(report: Report) -> bytes:
    """The pickle that torch's viewer and `torch.cuda._memory_viz` read.

    Raises:
        UsageError: the report has no step.
    """
    if report.step is None:
        raise UsageError(
            f"the report of {report.name} has no step: it is no answer of memory, or was saved.",
            hint="predict it anew: netscope memory MODEL --train --snapshot step.pickle",
        )
    return pickled(list(allocations_of(report.step, 1, workspace=False)))
