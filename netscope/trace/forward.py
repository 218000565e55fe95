"""One forward on one rung: modules and operators, written down."""

from __future__ import annotations

import contextvars
import sys
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch

from netscope.base.errors import interrupts, said
from netscope.trace.calls import Calls
from netscope.trace.casting import watched
from netscope.trace.collectives import groups_of
from netscope.trace.facts import Trace, Unseen, Value
from netscope.trace.here import here
from netscope.trace.modules import Names, ParameterFacts, is_training, module_fact
from netscope.trace.recorder import Recorder
from netscope.trace.routing import routed
from netscope.trace.rungs import Prepared


def record_forward(
    prepared: Prepared,
    *,
    rung: str,
    reason: str,
    autograd: bool,
) -> tuple[Trace, BaseException | None]:
    """Run the module under the recorder that is prepared for it, and hand over the facts.

    The second result is what the forward raised, if it did; the trace then ends there.

    autograd:
        for a forward that takes gradients itself.
    """
    module, args, kwargs, names, recorder, _, surroundings = prepared
    started = time.perf_counter()
    calls = Calls(names, recorder, autograd)
    inputs = calls.arguments(args, kwargs)
    error: BaseException | None = None
    result: Any = None
    with surroundings, _recording(recorder, calls, autograd):
        try:
            # Variables of the context that it sets are its own.
            result = contextvars.copy_context().run(calls.root, module, args, kwargs)
        except BaseException as raised:  # the user's code: handed on, with the rows so far
            if interrupts(raised):
                raise
            error = raised
    outputs = () if error is not None else calls.results(result)
    told = None if error is None else said(error)
    trace = facts_of(
        recorder, calls, module, inputs, outputs, rung=rung, reason=reason, started=started, error=told
    )
    return trace, error


def facts_of(
    recorder: Recorder,
    calls: Calls,
    module: torch.nn.Module,
    inputs: tuple[Value, ...],
    outputs: tuple[Value, ...],
    *,
    rung: str,
    reason: str,
    started: float,
    error: str | None,
) -> Trace:
    """What was recorded of a module, once it is over.

    started:
        when it began, by `time.perf_counter`.
    error:
        what was raised, in words.
    """
    names = calls.names
    parameters = ParameterFacts(recorder.tags)
    made = [call for call in calls.all if call is not None]
    failing = next((call.path for call in reversed(made) if not call.completed), "")
    return Trace(
        modules=tuple(
            module_fact(m, names.of[id(m)], id(m) in names.registered, parameters) for m in names.modules
        ),
        calls=tuple(made),
        ops=tuple(recorder.ops),
        storages=tuple(recorder.storages),
        inputs=inputs,
        outputs=outputs,
        training=is_training(module),
        rung=rung,
        rung_reason=reason,
        seconds=time.perf_counter() - started,
        error=error,
        error_path=failing if error is not None else "",
        unseen=_unseen(recorder, calls),
        groups=groups_of(recorder),
        redistributed=tuple(recorder.redistributed),
    )


def _unseen(recorder: Recorder, calls: Calls) -> tuple[Unseen, ...]:
    """Each once for a call."""
    found = [*recorder.unseen, *calls.elsewhere()]
    if recorder.on_meta or recorder.on_fake:  # real ones come from numbers as well
        orphans = recorder.tags.orphans()
        ops = recorder.ops if orphans and not _transforms(calls.names.modules) else []
        # What torch makes by itself is lifted (`torch.tensor`) or filled (`x.new()`) before anything else.
        lifted = {
            read
            for op in ops
            if "inplace" in op.operator.tags or op.operator.name.startswith("aten.lift")
            for read in op.reads[:1]
        }
        found += [
            Unseen(op.call, "work in a thread of its own")
            for op in ops
            if not (orphans - lifted).isdisjoint(op.reads)
        ]
    found += [Unseen(index, "a generator that was not read") for index in calls.unread()]
    return tuple(dict.fromkeys(found))


# By these a forward comes by torch's function transforms, within which tensors lose their tags.
_TRANSFORMS: Final = frozenset({"vmap", "grad", "jvp", "vjp", "jacrev", "jacfwd", "hessian", "functorch"})


def _transforms(modules: list[torch.nn.Module]) -> bool:
    """Whether the code of these modules, of their classes or of the files of these names a transform."""
    classes = {base for module in modules for base in type(module).__mro__}
    homes = {
        base.__module__ for base in classes if base.__module__.partition(".")[0] not in ("torch", "builtins")
    }
    held = [value for module in modules for value in vars(module).values()]
    held += [value for base in classes if base.__module__ in homes for value in vars(base).values()]
    held += [value for home in homes for value in vars(sys.modules.get(home, types)).values()]
    codes = [value.__code__ for value in held if isinstance(value, types.FunctionType)]
    while codes:
        code = codes.pop()
        if not _TRANSFORMS.isdisjoint(code.co_names):
            return True
        codes += [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return False


@contextmanager
def _recording(recorder: Recorder, calls: Calls, autograd: bool) -> Iterator[None]:
    """Record what this thread does."""
    here.recorder = recorder  # first: whoever puts the thread's modes back has it leave
    with routed(calls), watched(recorder), recorder:
        here.outside = recorder.on_meta
        if autograd:
            yield
        else:
            with torch._C._AutoDispatchBelowAutograd(), torch.set_grad_enabled(_gradients(calls.names)):
                yield


def _gradients(names: Names) -> bool:
    """Whether the forward is to find gradients on: as its owner has them, which a scripted one acts upon."""
    scripted = any(isinstance(module, torch.jit.ScriptModule) for module in names.modules)
    return torch.is_grad_enabled() and not scripted
