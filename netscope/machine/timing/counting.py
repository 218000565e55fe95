"""What one training step computes, operator by operator as it runs."""

from __future__ import annotations

from collections import Counter

from netscope.formulas import cost_of
from netscope.machine.timing.steps import Training
from netscope.report.measured.breakdown import StepWork
from netscope.trace.recorder import Recorder


def counted(step: Training) -> StepWork | None:
    """The work of a step's forward and backward; None for a network that does not run while it is recorded.

    The forward of a trace cannot tell what its backward takes: inputs need no gradient, frozen weights
    neither, and checkpoints compute twice. So one step is run and its operators are written down.
    """
    macs: dict[str, int] = {}
    unknown: Counter[str] = Counter()
    step.prepare()
    try:
        for name, run in step.phases:
            if name == "optimizer":
                continue
            recorder = Recorder(on_meta=False)
            with recorder:
                run()
            costs = [(op.operator.name, cost_of(op.operator)) for op in recorder.ops]
            unknown.update(operator for operator, cost in costs if cost is None)
            macs[name] = sum(cost.macs for _, cost in costs if cost is not None)
    except Exception:  # noqa: BLE001 - the same step ran unrecorded: its times stand, its work is not known
        return None
    finally:
        step.prepare()
    return StepWork(macs["forward"], macs["backward"], dict(unknown))
