"""One forward on one rung: modules and operators, written down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import GeneratorType
from typing import Any

import torch

from netscope.trace.calls import Calls, calls_recorded
from netscope.trace.composites import intercepted
from netscope.trace.facts import Trace
from netscope.trace.modules import Names, ParameterFacts, module_fact
from netscope.trace.recorder import Recorder

# The wrapper around Module.__call__ and the composites are process-wide while a trace runs.
LOCK = threading.RLock()


def record_forward(
    module: torch.nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    names: Names,
    recorder: Recorder,
    surroundings: AbstractContextManager[object],
    *,
    rung: str,
    reason: str,
) -> tuple[Trace, Exception | SystemExit | None]:
    """Run `module(*args, **kwargs)` under `recorder`, and hand over the facts.

    The second result is what the forward raised, if it did; the trace then ends there. The caller has
    prepared the module and its arguments for the rung.
    """
    started = time.perf_counter()
    calls = Calls(names, recorder)
    inputs = calls.arguments(args, kwargs)
    error: Exception | SystemExit | None = None
    result: Any = None
    with ExitStack() as stack:
        stack.enter_context(surroundings)
        stack.enter_context(torch.no_grad())
        stack.enter_context(intercepted(_same_thread(recorder.composite)))
        stack.enter_context(calls_recorded(calls))
        stack.enter_context(recorder)
        try:
            result = module(*args, **kwargs)
            if isinstance(result, GeneratorType):
                result = calls.drain(result)
        except (Exception, SystemExit) as raised:  # noqa: BLE001 - the user's code: handed on, with the rows so far
            error = raised
    outputs = () if error is not None else calls.results(result)
    parameters = ParameterFacts(recorder.tags)
    made = [call for call in calls.all if call is not None]
    failing = next((call.path for call in reversed(made) if not call.completed), "")
    trace = Trace(
        modules=tuple(
            module_fact(m, names.of[id(m)], id(m) in names.registered, parameters) for m in names.modules
        ),
        calls=tuple(made),
        ops=tuple(recorder.ops),
        storages=tuple(recorder.storages),
        inputs=inputs,
        outputs=outputs,
        training=module.training,
        rung=rung,
        rung_reason=reason,
        seconds=time.perf_counter() - started,
        error=None if error is None else f"{type(error).__name__}: {error}".removesuffix(": "),
        error_path=failing if error is not None else "",
        notes=_notes(calls.elsewhere),
    )
    return trace, error


def _notes(elsewhere: set[str]) -> tuple[str, ...]:
    if not elsewhere:
        return ()
    names = sorted(elsewhere)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (f"not counted, since they ran in threads of their own: {', '.join(names[:3])}{more}",)


def _same_thread(record: Callable[..., Any]) -> Callable[..., Any]:
    owner = threading.get_ident()

    def routed(name: str, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if threading.get_ident() != owner:
            return original(*args, **kwargs)
        return record(name, original, args, kwargs)

    return routed
