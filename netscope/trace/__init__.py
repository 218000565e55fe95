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

    reason = not_real = ""
    notes: dict[str, None] = {}
    failures: list[tuple[Trace, BaseException]] = []
    # What ran to its end, though an operator had failed and the forward had gone on.
    doubtful: Trace | None = None
    asked = False
    for rung in ladder:
        if rung == "real" and (failures or doubtful):
            not_real = _not_real(workload)
            if not_real:
                notes[f"not tried on real tensors: {not_real}"] = None
                break
        first = not failures and doubtful is None
        trace, error, failed = attempt(workload, rung, reason, train=train, first=first)
        notes.update(dict.fromkeys(trace.notes))
        asked = asked or any(what.startswith(CONDITION) for what in failed)
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
    if asked and not_real and doubtful is None:
        trace, error, _ = attempt(workload, ladder[0], "", train=train, first=False, last=True)
        if error is None:
            return trace._replace(notes=tuple(notes))
    if doubtful is not None:
        return doubtful._replace(notes=tuple(notes))
    # Where nobody knows better, what got furthest; of two that got as far the first has the plainer words.
    trace, error = max(failures, key=lambda one: len(one[0].ops)) if not_real else failures[-1]
    raise ForwardError(trace._replace(notes=tuple(notes)), not_real) from error


def _not_real(workload: Workload) -> str:
    """Why a network cannot be run on real tensors; "" for one that can."""
    from netscope.trace.memory import too_large
    from netscope.trace.modules import tensors_of

    if workload.rebuild is not None:
        return too_large(workload.module) or ""
    on_meta = any(tensor.is_meta for tensor in tensors_of(workload.module))
    return "the module's own tensors are on meta, and have no values" if on_meta else ""


def _doubted(trace: Trace, failed: Sequence[str]) -> Trace:
    """A trace of which nobody knows whether it went the way that a real forward goes."""
    unseen = [Unseen(-1, f"what a forward does where {what} does not fail") for what in dict.fromkeys(failed)]
    return trace._replace(unseen=(*trace.unseen, *unseen))


def _same_error(one: BaseException, other: BaseException) -> bool:
    """Equal, so the model's fault and not the rung's; one that names the kind of tensors may be of both."""
    texts = text_of(one), text_of(other)
    if isinstance(one, NotImplementedError) or any(
        re.search(r"\b(meta|fake)\b", text, re.IGNORECASE) for text in texts
    ):
        return False
    return type(one) is type(other) and _plain(texts[0]) == _plain(texts[1])


def _plain(message: str) -> str:
    return re.sub(r"\b(meta|cpu|fake)(:\d+)?\b", "device", message, flags=re.IGNORECASE)


def _reason(rung: str, trace: Trace) -> str:
    """Why a rung would not do, in one line."""
    where = f" in {trace.error_path}" if trace.error_path else ""
    what = (trace.error or "").splitlines()[0]
    return f"{rung} tensors did not do{where}: {what}"
