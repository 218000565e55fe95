"""Tracing: one forward of a module, written down as facts.

`record(workload)` tries the rungs of the ladder in order and returns a `Trace`. The module and the arguments
are not what runs, but copies of them; no tensor is kept alive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from netscope.base.errors import text_of
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
    """The traced forward raised; `trace` holds everything up to there."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(trace.error)
        self.trace = trace


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
            one built from a name is not, once two rungs agree on the error.
    """
    from netscope.trace.attempt import attempt
    from netscope.trace.memory import too_large

    reason = ""
    notes: dict[str, None] = {}
    failures: list[tuple[Trace, BaseException]] = []
    # What ran to its end, though an operator had failed and the forward had gone on.
    doubtful: Trace | None = None
    for rung in ladder:
        if rung == "real" and (failures or doubtful) and workload.rebuild is not None:
            refusal = too_large(workload.module)
            if refusal is not None:
                notes[refusal] = None
                break
        first = not failures and doubtful is None
        trace, error, failed = attempt(workload, rung, reason, train=train, first=first)
        notes.update(dict.fromkeys(trace.notes))
        if error is None:
            if rung == "real" or not failed:
                return trace._replace(notes=tuple(notes))
            doubtful = doubtful or _doubted(trace, failed)
            reason = f"{rung} tensors did not do: {failed[0]} failed, and the forward went on"
            continue
        failures.append((trace, error))
        if workload.rebuild is not None and len(failures) > 1 and _same_error(error, failures[-2][1]):
            failures.pop()
            break
        reason = _reason(rung, trace)
    if doubtful is not None:
        return doubtful._replace(notes=tuple(notes))
    trace, error = failures[-1]
    raise ForwardError(trace._replace(notes=tuple(notes))) from error


def _doubted(trace: Trace, failed: Sequence[str]) -> Trace:
    """A trace of which nobody knows whether it went the way that a real forward goes."""
    unseen = [Unseen(-1, f"what a forward does where {what} does not fail") for what in dict.fromkeys(failed)]
    return trace._replace(unseen=(*trace.unseen, *unseen))


def _same_error(one: BaseException, other: BaseException) -> bool:
    """Equal but for the names of devices, so the model's fault and not the rung's."""
    return type(one) is type(other) and _plain(text_of(one)) == _plain(text_of(other))


def _plain(message: str) -> str:
    return re.sub(r"\b(meta|cpu|fake)(:\d+)?\b", "device", message, flags=re.IGNORECASE)


def _reason(rung: str, trace: Trace) -> str:
    """Why a rung would not do, in one line."""
    where = f" in {trace.error_path}" if trace.error_path else ""
    what = (trace.error or "").splitlines()[0]
    return f"{rung} tensors did not do{where}: {what}"
