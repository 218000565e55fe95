"""Autocast, as torch would do it for the owner's tensors.

Autocast converts the arguments of some operators, by a policy for each kind of device. Tensors on meta have
none. So while the owner's code has autocast on, torch's own kernel of the owner's device is run for an
operator that has one, on arguments that say they are there; it converts what it would convert, and calls the
operator again. No list of operators is kept here. On the other rungs torch does that by itself, but not for
the operators inside a function that is taken apart.

Inside an operator torch does not tell whether autocast is on. So the function by which it is switched is
watched, on the thread that records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import torch

from netscope.base.meta.patches import Patch, Use
from netscope.trace.here import here
from netscope.trace.standins import is_meta

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder

# Torch's own, and not what is put in its place here.
_enable: Final = torch.set_autocast_enabled
_make_subclass: Final[Any] = torch.Tensor._make_subclass


class _AtHome(torch.Tensor):
    """Stands for a tensor on meta and says that it is where its owner's is, to torch's kernels as well."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]
    stands_for: torch.Tensor


class Casting:
    """What autocast does in one recording."""

    def __init__(self, home: torch.device) -> None:
        self._home = home
        self._key: Any = getattr(torch._C.DispatchKey, f"Autocast{home.type.upper()}", None)
        # Whether one of torch's kernels of autocast runs; within it autocast is off, as it is in torch.
        self._inside = False
        # torch keeps the converted weights while any autocast is on, in a table of the process. Those of
        # a trace are kept here: by identity, with the weight, which keeps that identity its own.
        self._converted: dict[tuple[int, torch.dtype], tuple[torch.Tensor, Any]] = {}

    def is_on(self) -> bool:
        """Whether the owner's code has it on. To be asked outside of operators."""
        return self._key is not None and torch.is_autocast_enabled(self._home.type)

    def forget(self) -> None:
        """Let go of the weights that were converted: no autocast is on any more."""
        self._converted.clear()

    def dispatched(
        self, recorder: Recorder, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        """Of an operator while autocast is on, its result, or NotImplemented and its arguments.

        That is for one that autocast has no say in, or has had it.
        """
        if self._inside:
            first = args[0] if args else None
            if type(first) is not _AtHome:
                return NotImplemented, _true(args), {k: _true(v) for k, v in kwargs.items()}
            if func is torch.ops.prim.device.default:
                return self._home, args, kwargs
            if func is torch.ops.aten.to.dtype and _is_kept(first.stands_for):
                return self._converted_once(recorder, (first.stands_for, *args[1:]), kwargs), args, kwargs
            return NotImplemented, _true(args), {k: _true(v) for k, v in kwargs.items()}
        if not _has_kernel(func, self._key):
            return NotImplemented, args, kwargs
        self._inside = True
        try:
            at_home = {name: _at_home(value) for name, value in kwargs.items()}
            return recorded(recorder, func._op_dk, self._key, *_at_home(args), **at_home), args, kwargs
        finally:
            self._inside = False

    @contextmanager
    def within(self, func: Any) -> Iterator[None]:
        """Where there are values, autocast as it is inside an operator that is taken apart.

        Within a dispatch mode torch has it off. It is on inside a function of which autocast has no kernel.
        """
        inside = self._inside
        kind = self._home.type
        self._inside = inside or _has_kernel(func, self._key)
        if not self._inside:
            _enable(kind, True)
        try:
            yield
        finally:
            if not self._inside:
                _enable(kind, False)
            self._inside = inside

    def _converted_once(self, recorder: Recorder, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What `aten.to.dtype` makes of a weight, once while any autocast is on."""
        weight, dtype, *_ = args
        known = self._converted.get((id(weight), dtype))
        if known is None:
            made = recorded(recorder, torch.ops.aten.to.dtype, *args, **kwargs)
            known = self._converted[id(weight), dtype] = weight, made
        return known[1]


def recorded(recorder: Recorder, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a function of torch makes, with the operators that it calls recorded."""
    torch._C._push_on_torch_dispatch_stack(recorder)
    try:
        return function(*args, **kwargs)
    finally:
        torch._C._pop_torch_dispatch_stack(None)


def _has_kernel(func: Any, key: Any) -> bool:
    """Whether autocast may convert the arguments of an operator."""
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), key))


def _at_home(value: Any) -> Any:
    """The tensors on meta, inside lists too, as those that say where their owner's are."""
    if isinstance(value, torch.Tensor):
        if not is_meta(value):
            return value
        made = _make_subclass(_AtHome, value, False, dispatch_device=True)
        made.stands_for = value
        return made
    return type(value)(map(_at_home, value)) if isinstance(value, (list, tuple)) else value


def _is_kept(tensor: torch.Tensor) -> bool:
    """Whether torch keeps a tensor that it converted (`cached_cast` in ATen/autocast_mode.cpp)."""
    return (
        tensor.requires_grad
        and tensor.is_leaf
        and tensor.dtype is torch.float32
        and not tensor._is_view()
        and torch.is_autocast_cache_enabled()
    )


def _true(value: Any) -> Any:
    """The tensors that others stand for."""
    if type(value) is _AtHome:
        return value.stands_for
    return type(value)(map(_true, value)) if isinstance(value, (list, tuple)) else value


@contextmanager
def watched(recorder: Recorder) -> Iterator[None]:
    """Tell the recorder of this thread whenever it switches autocast."""
    use = Use(_patches())
    try:
        try:
            use.begin()
            recorder.see_autocast()
            yield
        finally:
            use.end()
            _forget_all(recorder)
    finally:  # once more, should an interrupt have come in there
        use.end()
        _forget_all(recorder)


def _forget_all(recorder: Recorder) -> None:
    recorder.forget_casts()
    # Where the caller has autocast on, torch's table does not end with the forward. It is but a store.
    if not recorder.on_meta and torch._C._is_any_autocast_enabled():
        torch.clear_autocast_cache()


@cache
def _patches() -> tuple[Patch, ...]:
    return (
        Patch(torch, "set_autocast_enabled", _switching),
        Patch(torch, "clear_autocast_cache", _forgetting),
    )


def _switching(function: Callable[..., Any]) -> Callable[..., Any]:
    def set_autocast_enabled(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if here.recorder is not None:
            here.recorder.see_autocast()
        return result

    return set_autocast_enabled


def _forgetting(function: Callable[..., Any]) -> Callable[..., Any]:
    def clear_autocast_cache() -> Any:
        if here.recorder is not None:
            here.recorder.forget_casts()
        return function()

    return clear_autocast_cache
