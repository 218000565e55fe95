"""The module calls of one forward: which ran within which, with what, and what came out."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from netscope.base.plain import is_plain
from netscope.base.workload import TensorSpec
from netscope.trace.facts import ModuleCall, Value
from netscope.trace.memo.modules import ModuleMemo, PureCall
from netscope.trace.memo.templates import CallTemplate
from netscope.trace.modules import Names
from netscope.trace.recorder import Recorder
from netscope.trace.shapes.layout import dtype_name
from netscope.trace.tags import PLAIN_TENSORS, tag_of
from netscope.trace.tree import leaves


class _OpenCall:
    """A module call while it runs. `used` counts the names under which it called its children."""

    __slots__ = ("first_op", "index", "inputs", "module", "parent", "path", "used")

    def __init__(
        self,
        index: int,
        module: torch.nn.Module,
        path: str,
        parent: _OpenCall | None,
        inputs: tuple[Value, ...],
        first_op: int,
    ) -> None:
        self.index = index
        self.module = module
        self.path = path
        self.parent = parent
        self.inputs = inputs
        self.first_op = first_op
        self.used: dict[str, int] = {}


class Calls:
    """The calls of one forward, in the order in which modules were entered."""

    def __init__(self, names: Names, recorder: Recorder) -> None:
        self.recorder = recorder
        self.names = names
        # None for a call that still runs.
        self.all: list[ModuleCall | None] = []
        # Modules that ran in threads other than the one recorded.
        self.elsewhere: set[str] = set()
        self._open: _OpenCall | None = None
        self._root: _OpenCall | None = None
        self._memo = None if is_plain("modules") or not recorder.on_meta else ModuleMemo(recorder)

    def call(self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the module returns, recorded."""
        memo = self._memo
        pure = None if memo is None else memo.pure(module, args, kwargs)
        if memo is not None and pure is not None and pure.template is not None:
            return self._remembered(memo, pure, pure.template, module)
        run: Callable[..., Any] = module._call_impl
        call = self._enter(module, args, kwargs)
        result = None
        completed = False
        try:
            result = run(*args, **kwargs)
            completed = True
        finally:
            self._leave(call, self.results(result) if completed else (), completed)
        if memo is not None and pure is not None and len(self.all) == call.index + 1:
            memo.keep(pure, result, call.first_op)
        return result

    def _remembered(
        self, memo: ModuleMemo, pure: PureCall, template: CallTemplate, module: torch.nn.Module
    ) -> torch.Tensor:
        """A call that need not run."""
        recorder = self.recorder
        parent = recorder.scope
        recorder.scope = len(self.all)
        first_op = len(recorder.ops)
        given, read = pure.tag
        result, (made, written) = memo.apply(pure, template)
        recorder.scope = parent
        path = self._path(module)
        self.all.append(
            ModuleCall(
                self.names.index[id(module)],
                path,
                parent,
                (Value("0", given.spec, None, read),),
                (Value("", made.spec, None, written),),
                first_op,
                len(recorder.ops),
                True,
            )
        )
        return result

    def _enter(self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _OpenCall:
        """Open a call within the current one."""
        path = self._path(module)
        index = len(self.all)
        call = _OpenCall(
            index, module, path, self._open, self.arguments(args, kwargs), len(self.recorder.ops)
        )
        self.all.append(None)
        self.recorder.scope = index
        self._open = call
        if index == 0:
            self._root = call
        return call

    def _leave(self, call: _OpenCall, outputs: tuple[Value, ...], completed: bool) -> None:
        """Close a call, and return to the one that made it."""
        above = call.parent
        parent = -1 if above is None else above.index
        self.all[call.index] = ModuleCall(
            self.names.index[id(call.module)],
            call.path,
            parent,
            call.inputs,
            outputs,
            call.first_op,
            len(self.recorder.ops),
            completed,
        )
        self.recorder.scope = parent
        self._open = above

    def drain(self, generator: Iterable[Any]) -> list[Any]:
        """All that the root's forward yields: calling it has only begun it."""
        self.recorder.scope = 0
        self._open = self._root
        items = list(generator)
        assert self.all[0] is not None
        self.all[0] = self.all[0]._replace(outputs=self.results(items))
        return items

    def _path(self, module: torch.nn.Module) -> str:
        """The name under which the current call reaches a module."""
        above = self._open
        known = self.names.of.get(id(module))
        if known is None:
            return self.names.adopt(module, above.module if above else None, above.path if above else "")
        if len(known) == 1 or above is None:
            return known[0]
        return self.names.choose(module, above.path, above.used)

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Value, ...]:
        """The leaves of a call's arguments as facts. Plain values among them are left out."""
        if len(args) == 1 and not kwargs:
            only = args[0]
            if isinstance(only, torch.Tensor):
                return (self._value("0", only),)
            if type(only) is list and PLAIN_TENSORS.issuperset(map(type, only)):
                return tuple([self._value(_place(index), item) for index, item in enumerate(only)])
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
            tag = tag_of(leaf) or self.recorder.tags.of(leaf)
            if tag is None or tag[0].shape != leaf.shape:
                return Value(place, TensorSpec(tuple(leaf.shape), dtype_name(leaf.dtype)))
            return Value(place, tag[0].spec, None, tag[1])
        return Value(place, None, "None" if leaf is None else type(leaf).__name__)


@functools.cache
def _place(index: int) -> str:
    """Of an item of a first argument that is a list."""
    return f"0.{index}"


@contextmanager
def calls_recorded(calls: Calls) -> Iterator[None]:
    """Route every module call of this thread through `calls`.

    Module.__call__ hands over to the attribute `_compiled_call_impl` where there is one, which compile()
    sets on an instance, and which is set on the class here. Hooks would neither see keyword arguments on
    the way in nor modules that are registered nowhere, and cost more; a new `__call__` would have Python
    go through all classes of modules there are, half a millisecond in a process that has seen few traces.
    """
    owner = threading.get_ident()
    base: Any = torch.nn.Module
    before = base._compiled_call_impl
    # Emptied at the end: whoever got hold of the wrapper keeps no trace alive, and calls the original.
    current: Calls | None = calls

    def recorded(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        if current is None or threading.get_ident() != owner or current.recorder.paused:
            if current is not None and id(self) in current.names.of and not current.recorder.paused:
                current.elsewhere.add(current.names.of[id(self)][0] or "(root)")
            return self._call_impl(*args, **kwargs)  # type: ignore[no-untyped-call]
        return current.call(self, args, kwargs)

    base._compiled_call_impl = recorded
    try:
        yield
    finally:
        base._compiled_call_impl = before
        current = None
