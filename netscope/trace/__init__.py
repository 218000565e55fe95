"""Tracing: one forward of a module, written down as facts.

`record(workload)` tries the rungs of the ladder in order and returns a `Trace`. It leaves the module,
the arguments and torch's global state as they were, and keeps no tensor alive.
"""

from __future__ import annotations

import re
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
    "Value",
    "record",
]


class ForwardError(Exception):
    """The traced forward raised; `trace` holds everything up to there."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(trace.error)
        self.trace = trace


LADDER = ("meta", "fake", "real")


def record(workload: Workload, *, train: bool = False, ladder: Sequence[str] = LADDER) -> Trace:
    """Trace `workload.module(*workload.args, **workload.kwargs)`.

    train:
        trace in training mode (dropout active, batch statistics), gradients off all the same.
    ladder:
        the rungs to try, in order.

    Raises:
        ForwardError: the forward raised, on every rung that was tried. Its `trace` ends there, with
            `error` and `error_path` set; the original exception is the `__cause__`. A module with real
            parameters is run for real before that, so that the error is the one that its owner knows;
            one built from a name is not, once two rungs agree on the error.
    """
    from netscope.trace.forward import LOCK, record_forward
    from netscope.trace.memory import too_large
    from netscope.trace.rungs import RUNGS

    reason = ""
    failures: list[tuple[Trace, Exception | SystemExit]] = []
    for rung in ladder:
        if rung == "real" and failures and workload.rebuild is not None:
            refusal = too_large(workload.module)
            if refusal is not None:
                last, cause = failures[-1]
                failures[-1] = last._replace(notes=(*last.notes, refusal)), cause
                break
        with LOCK, RUNGS[rung](workload, train) as prepared:
            trace, error = record_forward(*prepared, rung=rung, reason=reason)
        if error is None:
            return trace
        failures.append((trace, error))
        if workload.rebuild is not None and len(failures) > 1 and _same_error(error, failures[-2][1]):
            failures.pop()
            break
        reason = _reason(rung, trace)
    trace, error = failures[-1]
    raise ForwardError(trace) from error


def _same_error(one: BaseException, other: BaseException) -> bool:
    """Equal but for the names of devices, so the model's fault and not the rung's."""
    return type(one) is type(other) and _plain(str(one)) == _plain(str(other))


def _plain(message: str) -> str:
    return re.sub(r"\b(meta|cpu|fake)(:\d+)?\b", "device", message, flags=re.IGNORECASE)


def _reason(rung: str, trace: Trace) -> str:
    """Why a rung would not do, in one line."""
    where = f" in {trace.error_path}" if trace.error_path else ""
    what = (trace.error or "").splitlines()[0]
    return f"{rung} tensors did not do{where}: {what}"
