"""Building a network without its weights, and without a trace of it in the caller's process.

`build(factory)` calls `factory` while every parameter becomes a meta tensor as it is registered and
initialising it costs nothing. Buffers, and whatever else a constructor computes on the way, stay real up to
a size (see `large`): RegNet, Swin and others compute their widths, indices and drop rates with tensors,
which is why the simpler `with torch.device("meta")` breaks them.

The patches that this takes are in place for as long as anybody builds, and act on threads that do (see
`patches`); so do those by which random numbers are drawn from generators of the build's own (see `chance`).
Default dtype and device, and gradient modes are put back afterwards, also when the factory raises.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any, Final, TypeVar

import torch
from torch import Tensor, nn

from netscope.base.meta import chance, large, templates
from netscope.base.meta.defaults import Defaults
from netscope.base.meta.here import here
from netscope.base.meta.patches import Patch, Use
from netscope.base.meta.twins import META, Twins
from netscope.base.plain import is_plain

T = TypeVar("T")

# Modules of torch.nn where every `torch.empty` is about to become a parameter. Making these meta at
# once saves the detour over a real tensor, and with it the allocation of a huge layer.
_EMPTY_IS_PARAMETER: Final = frozenset(
    f"torch.nn.modules.{name}"
    for name in ("activation", "batchnorm", "conv", "linear", "normalization", "rnn", "sparse")
)

# Methods by which networks (and timm's and transformers' own initialisers) fill their parameters, besides
# those that draw. On a meta tensor each would go through a Python decomposition (150 us, and sympy at the
# first one), only to return the tensor as it was.
_FILLS: Final = (
    *("zero_", "fill_", "copy_", "fill_diagonal_", "erfinv_", "clamp_", "clamp_min_", "clamp_max_"),
    *("add_", "sub_", "mul_", "div_", "neg_", "exp_", "log_", "pow_", "sqrt_"),
)


def build(factory: Callable[[], T]) -> T:
    """Call `factory` with parameters on meta; again with real ones if it cannot do without their values.

    In between with those large tensors real that it makes for itself, for one that reads these.

    Raises:
        Exception: whatever the factory raised.
    """

    def make() -> T:
        twins = Twins(True, large=True)
        made = _tried(factory, twins)
        if not made and twins.made_any:
            made = _tried(factory, Twins(True))
        return made[0] if made else factory()

    return build_real(make)


def _tried(factory: Callable[[], T], twins: Twins) -> tuple[T] | tuple[()]:
    """What it makes with these twins; nothing where it wants values that these do not have."""
    try:
        made = _on_meta(factory, twins)
    except Exception as error:
        if not twins.failed and not large.names_meta(error):
            raise
        return ()
    # One that caught an error of that kind has gone another way than it goes with values.
    return () if twins.failed else (made,)


def build_real(factory: Callable[[], T]) -> T:
    """Call `factory` as it is, always with the same random weights; the process is left unchanged."""
    settings = _Settings()
    try:
        try:
            if not torch.is_inference_mode_enabled():
                return chance.same_every_time(factory)
            # Parameters made under inference_mode could never be swapped or trained.
            with torch.inference_mode(False):
                return chance.same_every_time(factory)
        finally:
            settings.restore()
    finally:  # once more, should an interrupt have come in there
        settings.restore()


def on_meta(factory: Callable[[], T], *, buffers: bool = True) -> T:
    """Call `factory`; meanwhile this thread's modules get meta parameters, and filling a meta tensor is free.

    buffers:
        whether large buffers become meta too; what is computed from them is then lost.
    """
    return _on_meta(factory, Twins(buffers))


def _on_meta(factory: Callable[[], T], twins: Twins) -> T:
    """No context manager: an interrupt on the way into one or out of it would leave this thread building."""
    outer = here.twins, here.free, here.templates
    if here.twins is None:
        known: dict[tuple[Any, ...], Any] | None = {}
        if is_plain("templates") or templates.is_watched():
            known = None
        inner = twins, not is_plain("fills"), known
    else:
        inner = twins.within(here.twins), here.free, here.templates
    use = Use(_patches(free=inner[1], templated=inner[2] is not None))
    try:
        try:
            use.begin()
            here.twins, here.free, here.templates = inner
            return factory()
        finally:
            here.twins, here.free, here.templates = outer
            use.end()
            large.plain(twins)
    finally:  # once more, should an interrupt have come in there
        here.twins, here.free, here.templates = outer
        use.end()
        large.plain(twins)


class _Settings:
    """What a factory may change in passing."""

    def __init__(self) -> None:
        self._defaults = Defaults()
        self._gradients = torch.is_grad_enabled()

    def restore(self) -> None:
        """Put it back."""
        if torch.is_grad_enabled() is not self._gradients:
            torch.set_grad_enabled(self._gradients)
        self._defaults.restore()


def _patches(*, free: bool, templated: bool) -> tuple[Patch, ...]:
    """What a build on meta needs: with those that make filling free, with those of layers with a template."""
    needed = _registrations()
    if free:
        needed += _fills() + chance.fills()
    return needed + templates.constructors() if templated else needed


@cache
def _registrations() -> tuple[Patch, ...]:
    return (
        Patch(torch, "empty", chance.listed(_empty_as_meta)),
        *(Patch(torch, name, chance.listed(_large_as_meta)) for name in large.FACTORIES),
        *(Patch(Tensor, name, _large_as_meta) for name in large.METHODS),
        *(Patch(Tensor, name, _watched) for name in large.READS),
        Patch(nn.Module, "_call_impl", _watched),
        Patch(nn.Module, "register_parameter", _registering_parameter),
        Patch(nn.Module, "register_buffer", _registering_buffer),
        Patch(nn.Module, "to", _moving),
        Patch(nn.Module, "cpu", _staying),
    )


@cache
def _fills() -> tuple[Patch, ...]:
    initialisers = [name for name in vars(nn.init) if name.endswith("_") and not name.endswith("__")]
    return (
        *(Patch(nn.init, name, _initialising) for name in initialisers),
        *(Patch(Tensor, name, _filling) for name in _FILLS),
    )


# Code that is first imported during a build may keep one of these wrappers for good (transformers
# keeps a table of initialisers), so outside a build they do what the original does.


def _initialising(function: Any) -> Any:
    """For a member of torch.nn.init that fills its first argument and returns it; None for any other."""
    if isinstance(function, FunctionType) and function.__code__.co_varnames[:1] == ("tensor",):
        return _filling(function)
    return None


def _filling(function: Callable[..., Any]) -> Callable[..., Any]:
    def fill(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
        if here.free and tensor.is_meta:
            return tensor
        return function(tensor, *args, **kwargs)

    return fill


def _registering_parameter(function: Callable[..., Any]) -> Callable[..., Any]:
    def register_parameter(module: nn.Module, name: str, param: nn.Parameter | None) -> None:
        twins = here.twins
        large.undress(param)
        function(module, name, param if twins is None else twins.of_parameter(param))

    return register_parameter


def _registering_buffer(function: Callable[..., Any]) -> Callable[..., Any]:
    def register_buffer(
        module: nn.Module, name: str, tensor: Tensor | None, *args: Any, **kwargs: Any
    ) -> None:
        twins = here.twins
        large.undress(tensor)
        function(module, name, tensor if twins is None else twins.of_buffer(tensor), *args, **kwargs)

    return register_buffer


def _moving(function: Callable[..., Any]) -> Callable[..., Any]:
    def to(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if here.twins is None:
            return function(module, *args, **kwargs)
        # To a device nothing moves: there is nothing yet, and it is taken for being there.
        if args and type(args[0]) is int:  # a GPU by its number, which torch may refuse where there is none
            args = (torch.device("cuda", args[0]), *args[1:])
        parsed: Any = torch._C._nn._parse_to(*args, **kwargs)
        device, dtype, _, memory_format = parsed
        if device is None or device.type == "meta":
            return function(module, *args, **kwargs)
        rest = {"dtype": dtype, "memory_format": memory_format}
        rest = {name: setting for name, setting in rest.items() if setting is not None}
        return function(module, **rest) if rest else module

    return to


def _staying(function: Callable[..., Any]) -> Callable[..., Any]:
    def cpu(module: nn.Module) -> Any:
        return function(module) if here.twins is None else module

    return cpu


def _large_as_meta(function: Callable[..., Any]) -> Callable[..., Any]:
    def factory(*args: Any, **kwargs: Any) -> Any:
        made = None if here.twins is None else large.on_meta(function, args, kwargs)
        return function(*args, **kwargs) if made is None else made

    return factory


def _watched(function: Callable[..., Any]) -> Callable[..., Any]:
    """Of what fails for want of values, which the factory may catch."""

    def watched(*args: Any, **kwargs: Any) -> Any:
        twins = here.twins
        if twins is None:
            return function(*args, **kwargs)
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if large.names_meta(error):
                twins.failed.append(function.__name__)
            raise

    return watched


def _empty_as_meta(function: Callable[..., Any]) -> Callable[..., Any]:
    def empty(*args: Any, **kwargs: Any) -> Any:
        if here.twins is None or kwargs.get("device") is not None:
            return function(*args, **kwargs)
        if sys._getframe(1).f_globals.get("__name__") in _EMPTY_IS_PARAMETER:
            return function(*args, **{**kwargs, "device": META})
        made = large.on_meta(function, args, kwargs)
        if made is not None:
            return made
        try:
            return function(*args, **kwargs)
        except RuntimeError:
            # The experts of a large model in one tensor: no memory is touched where there is enough of
            # it, and nobody reads what is empty. A size that torch does not take raises here too.
            return function(*args, **{**kwargs, "device": META})

    return empty
