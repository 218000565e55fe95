"""The user's model and torch's global state, left as they were found.

`untouched(module)` remembers what every module holds and puts it back, also when the forward raises.
Between the two, modules hold twins of their tensors, so nothing that the forward does can reach the
originals.
"""

from __future__ import annotations

import operator
import random
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

# Containers whose contents are remembered and restored in place, since others may hold them too.
_MUTABLE = (dict, list, set, deque)
_IMMUTABLE = frozenset({bool, int, float, str, type(None), tuple, type})

Twin = Callable[[torch.Tensor], torch.Tensor]


@contextmanager
def untouched(module: torch.nn.Module, twin: Twin) -> Iterator[None]:
    """Swap in twins of all tensors that `module` holds, and restore everything afterwards."""
    saved = _Snapshot(twin)
    try:
        saved.take(module)
        yield
    finally:
        saved.restore()


@contextmanager
def attributes_kept(modules: Sequence[torch.nn.Module]) -> Iterator[None]:
    """The short form for modules that netscope built itself: only their attributes are restored."""
    saved = [(module, type(module), module.__dict__.copy()) for module in modules]
    try:
        yield
    finally:
        for module, kind, attributes in saved:
            _restore_attributes(module, kind, attributes)


class _Snapshot:
    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._twins: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._modules: list[tuple[torch.nn.Module, type, dict[str, Any]]] = []
        self._containers: list[tuple[Any, tuple[Any, ...]]] = []
        self._empty: list[Any] = []
        self._seen: set[int] = set()
        self._waiting: list[Any] = []

    def take(self, root: torch.nn.Module) -> None:
        """Remember `root` and all that is reachable from it: modules, containers, tensors.

        A worklist, not recursion: networks nest deeper than Python does. What was reached is kept alive
        until `restore`, so identities stay valid.
        """
        self._waiting.append(root)
        self._seen.add(id(root))
        while self._waiting:
            holder = self._waiting.pop()
            if isinstance(holder, torch.nn.Module):
                attributes = holder.__dict__
                self._modules.append((holder, type(holder), attributes.copy()))
                self._take_items(attributes)
            elif isinstance(holder, dict):
                self._containers.append((holder, tuple(holder.items())))
                self._take_items(holder)
            else:
                self._containers.append((holder, tuple(holder)))
                if not isinstance(holder, set):
                    self._take_items(dict(enumerate(holder)), holder)

    def _take_items(self, items: dict[Any, Any], target: Any = None) -> None:
        """Swap the tensors among `items` in `target` (the same by default); queue the containers."""
        target = items if target is None else target
        for key, value in items.items():
            if type(value) in _IMMUTABLE:
                continue
            if isinstance(value, torch.Tensor):
                _set_item(target, key, self._swap(value))
            elif isinstance(value, _MUTABLE):
                if not value:
                    self._empty.append(value)
                elif id(value) not in self._seen:
                    self._seen.add(id(value))
                    self._waiting.append(value)
            elif isinstance(value, torch.nn.Module) and id(value) not in self._seen:
                self._seen.add(id(value))
                self._waiting.append(value)

    def _swap(self, tensor: torch.Tensor) -> torch.Tensor:
        known = self._twins.get(id(tensor))
        if known is None:
            known = self._twins[id(tensor)] = (tensor, self._twin(tensor))
        return known[1]

    def restore(self) -> None:
        """Put everything back, contents before attributes."""
        for container in self._empty:
            if container:
                container.clear()
        for container, contents in reversed(self._containers):
            if isinstance(container, dict):
                if not _same_items(container, contents):
                    _clear(container)
                    for key, value in contents:
                        _set_item(container, key, value)
            elif isinstance(container, set):
                container.clear()
                container.update(contents)
            elif len(container) != len(contents) or any(map(operator.is_not, container, contents)):
                container.clear()
                container.extend(contents)
        for module, kind, attributes in reversed(self._modules):
            _restore_attributes(module, kind, attributes)


def _restore_attributes(module: torch.nn.Module, kind: type, attributes: dict[str, Any]) -> None:
    """Put a module's class (lazy modules change theirs) and attributes back."""
    if type(module) is not kind:
        object.__setattr__(module, "__class__", kind)
    current = module.__dict__
    if "training" in current and "training" in attributes:  # the one attribute that every trace may change
        current["training"] = attributes["training"]
    if list(current) != list(attributes) or not all(map(operator.is_, current.values(), attributes.values())):
        current.clear()
        current.update(attributes)


def _same_items(container: dict[Any, Any], contents: tuple[tuple[Any, Any], ...]) -> bool:
    return len(container) == len(contents) and all(
        key is then and value is was
        for (key, value), (then, was) in zip(container.items(), contents, strict=True)
    )


def _set_item(container: Any, key: Any, value: Any) -> None:
    """Set an entry without running a subclass's own idea of it."""
    base = next(kind for kind in (OrderedDict, dict, list, deque) if isinstance(container, kind))
    base.__setitem__(container, key, value)


def _clear(container: dict[Any, Any]) -> None:
    base = OrderedDict if isinstance(container, OrderedDict) else dict
    base.clear(container)


@contextmanager
def state_kept(depth: int = 0) -> Iterator[None]:
    """Keep generators, default dtype and gradient mode as they are; make room for recursion.

    depth:
        how deeply modules are nested; each level takes a handful of Python frames more than in a plain
        forward.
    """
    with ExitStack() as stack:
        _restore(stack, torch.get_rng_state, torch.set_rng_state)
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            _restore(stack, torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all)
        _restore(stack, random.getstate, random.setstate)
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            _restore(stack, numpy.random.get_state, numpy.random.set_state)
        _restore(stack, torch.get_default_dtype, torch.set_default_dtype)
        _restore(stack, torch.is_grad_enabled, torch.set_grad_enabled)
        _restore(stack, sys.getrecursionlimit, sys.setrecursionlimit)
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000) + 12 * depth)
        yield


@contextmanager
def global_state(depth: int = 0) -> Iterator[None]:
    """For a trace: `state_kept`, and neither fused paths nor compilation meanwhile."""
    with ExitStack() as stack:
        stack.enter_context(state_kept(depth))
        # The fused path of MultiheadAttention would hide its children; it costs the same on paper.
        _restore(stack, torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled)
        torch.backends.mha.set_fastpath_enabled(False)
        dynamo = sys.modules.get("torch._dynamo")
        if dynamo is not None and hasattr(torch.compiler, "set_stance"):
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


def _restore(stack: ExitStack, get: Callable[[], Any], put: Callable[[Any], Any]) -> None:
    stack.callback(put, get())
