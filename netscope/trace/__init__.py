"""Tracing: one forward of a module, written down as facts.

`record(workload)` tries the rungs of the ladder in order and returns a `Trace`. The module and the arguments
are not what runs, but copies of them; no tensor is kept alive.
"""

from __future__ import annotations

from collections.abc import Sequence

from netscope.base.workload import Workload
from netscope.trace.facts import (
    ModuleCall,
    ModuleFact,
    OpCall,
    Operator,
    ParameterFact,
    Storage,
    Trace,
    Unseen,
    Value,
)

__all__ = [
    "ForwardError",
    "ModuleCall",
    "ModuleFact",
    "OpCall",
    "Operator",
    "ParameterFact",
    "Storage",
    "Trace",
    "Unseen",
    "Value",
    "record",
]


class ForwardError(Exception):
    """The traced forward raised; `trace` holds everything up to there.

    not_real:
        why the network was not run on real tensors, so that the error may not be the one that its owner would
        meet; "" where it was, or where two rungs agree.
    """

    def __init__(self, trace: Trace, not_real: str = "") -> None:
        super().__init__(trace.error)
        self.trace = trace
        self.not_real = not_real


LADDER = ("meta", "fake", "real")


def record(workload: Workload, *, train: bool = False, ladder: Sequence[str] = LADDER) -> Trace:
    """Trace `workload.module(*workload.args, **workload.kwargs)`.

    train:
        trace in training mode (dropout active, batch statistics).
    ladder:
        the rungs to try, in order.

    Raises:
        ForwardError: the forward raised, on every rung that was tried. Its `trace` ends there, with
            `error` and `error_path` set; the original exception is the `__cause__`. A module with real
            parameters is run for real before that, so that the error is the one that its owner knows;
            one built from a name is not, once two rungs agree on the error, nor one that would not fit, nor
            a module whose own tensors are on meta.
    """
    from netscope.trace.attempt import attempt
    from netscope.trace.higher import CONDITION
    from netscope.trace.ladder import doubted, not_real, reason_of, reason_of_doubt, same_error

    reason = kept_from = ""
    notes: dict[str, None] = {}
    failures: list[tuple[Trace, BaseException]] = []
    # What ran to its end, though an operator had failed and the forward had gone on.
    doubtful: Trace | None = None
    asked = False
    for rung in ladder:
        if rung == "real" and (failures or doubtful):
            kept_from = not_real(workload)
            if kept_from:
                notes[f"not tried on real tensors: {kept_from}"] = None
                break
        first = not failures and doubtful is None
        trace, error, failed = attempt(workload, rung, reason, train=train, first=first)
        notes.update(dict.fromkeys(trace.notes))
        asked = asked or any(what.startswith(CONDITION) for what in failed)
        if error is None:
            if rung == "real" or not failed:
                return trace._replace(notes=tuple(notes))
            doubtful = doubtful or doubted(trace, failed)
            reason = reason_of_doubt(rung, failed)
            continue
        failures.append((trace, error))
        if workload.rebuild is not None and len(failures) > 1 and same_error(error, failures[-2][1]):
            failures.pop()
            break
        reason = reason_of(rung, trace)
    if asked and kept_from and doubtful is None:
        trace, error, _ = attempt(workload, ladder[0], "", train=train, first=False, last=True)
        if error is None:
            return trace._replace(notes=tuple(notes))
    if doubtful is not None:
        return doubtful._replace(notes=tuple(notes))
    # Where nobody knows better, what got furthest; of two that got as far the first has the plainer words.
    trace, error = max(failures, key=lambda one: len(one[0].ops)) if kept_from else failures[-1]
    raise ForwardError(trace._replace(notes=tuple(notes)), kept_from) from error
