"""One forward on one rung: modules and operators, written down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import GeneratorType
from typing import Any

import torch

from netscope.shapes.layout import dtype_name
from netscope.trace.composites import intercepted
from netscope.trace.facts import ModuleCall, Trace, Value
from netscope.trace.modules import Names, ParameterFacts, module_fact
from netscope.trace.recorder import Recorder
from netscope.trace.tree import leaves
from netscope.workload import TensorSpec

# The wrapper around Module.__call__ and the composites are process-wide while a trace runs.
LOCK = threading.RLock()


class _OpenCall:
    """A module call while it runs. `used` counts the names under which it called its children."""

    __slots__ = ("completed", "first_op", "inputs", "last_op", "module", "outputs", "parent", "path", "used")

    def __init__(
        self, module: torch.nn.Module, path: str, parent: int, inputs: tuple[Value, ...], first_op: int
    ) -> None:
        self.module = module
        self.path = path
        self.parent = parent
        self.inputs = inputs
        self.first_op = first_op
        self.outputs: tuple[Value, ...] = ()
        self.last_op = -1
        self.completed = False
        self.used: dict[str, int] = {}


class Calls:
    """The calls of one forward, in the order in which modules were entered."""

    def __init__(self, names: Names, recorder: Recorder) -> None:
        self.recorder = recorder
        self.names = names
        self.all: list[_OpenCall] = []
        # Modules that ran in threads other than the one recorded.
        self.elsewhere: set[str] = set()

    def enter(self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _OpenCall:
        """Open a call within the current one."""
        recorder = self.recorder
        parent = recorder.scope
        above = self.all[parent] if parent >= 0 else None
        known = self.names.of.get(id(module))
        if known is None:
            path = self.names.adopt(module, above.module if above else None, above.path if above else "")
        elif len(known) == 1 or above is None:
            path = known[0]
        else:
            path = self.names.choose(module, above.path, above.used)
        call = _OpenCall(module, path, parent, self.arguments(args, kwargs), len(recorder.ops))
        recorder.scope = len(self.all)
        self.all.append(call)
        return call

    def leave(self, call: _OpenCall, result: Any, completed: bool) -> None:
        """Close a call, and return to the one that made it."""
        call.outputs = self.results(result) if completed else ()
        call.completed = completed
        call.last_op = len(self.recorder.ops)
        self.recorder.scope = call.parent

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Value, ...]:
        """The leaves of a call's arguments as facts. Plain values among them are left out."""
        if len(args) == 1 and not kwargs:
            only = args[0]
            if isinstance(only, torch.Tensor):
                return (self._value("0", only),)
        found = [leaf for index, arg in enumerate(args) for leaf in leaves(arg, str(index))]
        found += [leaf for name, arg in kwargs.items() for leaf in leaves(arg, name)]
        return tuple(
            [
                self._value(place, leaf)
                for place, leaf in found
                if not (leaf is None or isinstance(leaf, (int, float, str, bool)))
            ]
        )

    def results(self, tree: Any) -> tuple[Value, ...]:
        """The leaves of a call's result as facts."""
        if isinstance(tree, torch.Tensor):
            return (self._value("", tree),)
        return tuple([self._value(place, leaf) for place, leaf in leaves(tree)])

    def _value(self, place: str, leaf: Any) -> Value:
        if isinstance(leaf, torch.Tensor):
            tag = self.recorder.tags.of(leaf)
            if tag is not None and tag[0].shape == leaf.shape:
                return Value(place, tag[0].spec, None, tag[1])
            return Value(place, TensorSpec(tuple(leaf.shape), dtype_name(leaf.dtype)))
        return Value(place, None, "None" if leaf is None else type(leaf).__name__)


@contextmanager
def _calls_recorded(calls: Calls) -> Iterator[None]:
    """Route every module call of this thread through `calls`.

    Module.__call__ is replaced, as torch.fx does: hooks would neither see keyword arguments on the way
    in nor modules that are registered nowhere, and cost more.
    """
    owner = threading.get_ident()
    original = torch.nn.Module.__call__
    # Emptied at the end: whoever got hold of the wrapper keeps no trace alive, and calls the original.
    current: Calls | None = calls

    def recorded(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        if current is None or threading.get_ident() != owner or current.recorder.paused:
            if current is not None and id(self) in current.names.of and not current.recorder.paused:
                current.elsewhere.add(current.names.of[id(self)][0] or "(root)")
            return original(self, *args, **kwargs)
        call = current.enter(self, args, kwargs)
        result = None
        completed = False
        try:
            result = original(self, *args, **kwargs)
            completed = True
        finally:
            current.leave(call, result, completed)
        return result

    torch.nn.Module.__call__ = recorded  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.nn.Module.__call__ = original  # type: ignore[method-assign]
        current = None


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
        stack.enter_context(_calls_recorded(calls))
        stack.enter_context(recorder)
        try:
            result = module(*args, **kwargs)
            if isinstance(result, GeneratorType):  # its forward has only begun
                recorder.scope = 0
                result = list(result)
                calls.all[0].outputs = calls.results(result)
        except (Exception, SystemExit) as raised:  # noqa: BLE001 - the user's code: handed on, with the rows so far
            error = raised
    outputs = () if error is not None else calls.results(result)
    parameters = ParameterFacts(recorder.tags.met)
    index = {id(m): i for i, m in enumerate(names.modules)}
    failing = next((c.path for c in reversed(calls.all) if not c.completed), "")
    trace = Trace(
        modules=tuple(
            module_fact(m, names.of[id(m)], id(m) in names.registered, parameters) for m in names.modules
        ),
        calls=tuple(
            ModuleCall(
                index[id(c.module)],
                c.path,
                c.parent,
                c.inputs,
                c.outputs,
                c.first_op,
                c.last_op,
                c.completed,
            )
            for c in calls.all
        ),
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
