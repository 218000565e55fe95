"""The module calls of one forward: which ran within which, with what, and what came out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import GeneratorType
from typing import Any, Final

import torch

from netscope.base.plain import is_plain
from netscope.base.workload import TensorSpec
from netscope.trace.facts import ModuleCall, Unseen, Value
from netscope.trace.memo.modules import ModuleMemo, PureCall
from netscope.trace.memo.templates import CallTemplate
from netscope.trace.modules import Names
from netscope.trace.nested import values_of
from netscope.trace.recorder import Recorder
from netscope.trace.shapes.layout import dtype_name
from netscope.trace.sharded import is_divided, local_of, whole_of
from netscope.trace.standins import PLAIN_TENSORS
from netscope.trace.tree import leaves

_functorch: Final[Any] = torch._C._functorch


class _OpenCall:
    """A module call while it runs. `used` counts how often it called each of its children."""

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
        self.used: dict[int, int] = {}


class Calls:
    """The calls of one forward, in the order in which modules were entered."""

    def __init__(self, names: Names, recorder: Recorder, autograd: bool = False) -> None:
        self.recorder = recorder
        self.names = names
        # None for a call that still runs.
        self.all: list[ModuleCall | None] = []
        # Paths of modules that ran in threads other than the one recorded, and the call that was open then.
        self._elsewhere: dict[str, int] = {}
        # What calls returned and nobody has read to its end yet, with the call.
        self._generators: list[tuple[GeneratorType[Any, Any, Any], int]] = []
        # By path, as far as it was asked for.
        self._latest: dict[str, int] = {}
        self._seen = 0
        self._open: _OpenCall | None = None
        self._root: _OpenCall | None = None
        # Of the root, whose class may have a `__call__` of its own: whether torch's was reached.
        self._entered = False
        self._memo = None if is_plain("modules") or not recorder.on_meta or autograd else ModuleMemo(recorder)

    def root(self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the network returns, recorded; of a generator all that it yields."""
        self._entered = False
        call = self._root = self._enter(module, args, kwargs)
        result = None
        completed = False
        try:
            result = module(*args, **kwargs)
            if isinstance(result, GeneratorType):
                result = list(result)
            completed = True
        finally:
            self._leave(call, self.results(result) if completed else (), completed)
        return result

    def routed(self, module: torch.nn.Module, /, *args: Any, **kwargs: Any) -> Any:
        """What the module returns, recorded."""
        run: Callable[..., Any] = module._call_impl
        if not self._entered and self._open is self._root is not None and module is self._root.module:
            self._entered = True
            return run(*args, **kwargs)
        memo = self._memo
        pure = None if memo is None else memo.pure(module, args, kwargs)
        if memo is not None and pure is not None and pure.template is not None:
            return self._remembered(memo, pure, pure.template, module)
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
        given, read, _ = pure.tag
        result, (made, written, _) = memo.apply(pure, template)
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

    def last_of(self, path: str) -> int:
        """The last call that is over of the module of a path; -1 where there was none."""
        if len(self.all) != self._seen:
            self._latest.update((call.path, i) for i, call in enumerate(self.all) if call is not None)
            self._seen = len(self.all)
        return self._latest.get(path, -1)

    def takes_from_elsewhere(self, module: torch.nn.Module) -> bool:
        """Of a call in another thread: part of this forward where the module is, and yet not recorded."""
        names = self.names.of.get(id(module))
        if names is not None:
            self._elsewhere.setdefault(names[0], -1 if self._open is None else self._open.index)
        return False

    def elsewhere(self) -> list[Unseen]:
        """The work of other threads."""
        return [
            Unseen(call, f"work of {path or 'the network'} in a thread of its own")
            for path, call in self._elsewhere.items()
        ]

    def unread(self) -> list[int]:
        """The calls that returned a generator which was not read to its end."""
        return [index for generator, index in self._generators if generator.gi_frame is not None]

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
            recorder = self.recorder
            if leaf.is_nested:
                rows = values_of(leaf)
                if rows is not None:
                    return self._value(place, rows)
                known = None if recorder.nested is None else recorder.nested.spec_of(leaf)
                return (
                    Value(place, None, "NestedTensor")
                    if known is None
                    else Value(place, known[0].spec, None, known[1])
                )
            tags = recorder.tags
            tag = tags.carried(leaf)
            if tag is None:
                if is_divided(type(leaf)):
                    return self._value(place, local_of(leaf))._replace(whole=whole_of(leaf))
                if _functorch.is_functorch_wrapped_tensor(leaf):
                    return self._transformed(place, leaf)
                tag = tags.of(leaf)
            if tag is None or tag[0].shape != leaf.shape:
                return Value(place, TensorSpec(tuple(leaf.shape), dtype_name(leaf.dtype)))
            return Value(place, tag[0].spec, None, tag[1])
        if type(leaf) is GeneratorType:
            self._generators.append((leaf, len(self.all) - 1 if self._open is None else self._open.index))
        return Value(place, None, "None" if leaf is None else type(leaf).__name__)

    def _transformed(self, place: str, leaf: torch.Tensor) -> Value:
        """A tensor as it is seen under a transform (vmap), in the storage of the one that it stands for."""
        inside = leaf
        while _functorch.is_functorch_wrapped_tensor(inside):
            inside = _functorch.get_unwrapped(inside)
        tag = self.recorder.tags.of(inside)
        spec = TensorSpec(tuple(leaf.shape), dtype_name(leaf.dtype))
        return Value(place, spec) if tag is None else Value(place, spec, None, tag[1])


@functools.cache
def _place(index: int) -> str:
    """Of an item of a first argument that is a list."""
    return f"0.{index}"
