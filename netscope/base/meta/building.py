"""Building a network without its weights, and without a trace of it in the caller's process.

`build(factory)` calls `factory` while every parameter becomes a meta tensor as it is registered and
initialising it costs nothing. Buffers, and whatever a constructor computes on the way, stay real:
RegNet, Swin and others compute their widths, indices and drop rates with tensors, which is why the
simpler `with torch.device("meta")` breaks them.

The patches that this takes are in place for the length of one build, under a lock, and act only on
the thread that builds. Random number generators, default dtype and device, and gradient modes are put
back afterwards, also when the factory raises.
"""

from __future__ import annotations

import random
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FunctionType
from typing import Any, Final, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)

from netscope.base.errors import text_of
from netscope.base.meta.templates import Templates
from netscope.base.plain import is_plain

T = TypeVar("T")

_META: Final = torch.device("meta")

# A buffer of more bytes than this becomes meta too. Tables that constructors go on to read (anchor
# boxes, relative position indices, rotary frequencies) are far smaller; causal masks of long-context
# models, one for each layer, are not, and would break the promise that a build takes no memory.
LARGE_BUFFER: Final = 4 * 2**20

# Modules of torch.nn where every `torch.empty` is about to become a parameter. Making these meta at
# once saves the detour over a real tensor, and with it the allocation of a huge layer.
_EMPTY_IS_PARAMETER: Final = frozenset(
    f"torch.nn.modules.{name}"
    for name in ("activation", "batchnorm", "conv", "linear", "normalization", "rnn", "sparse")
)

# Methods by which networks (and timm's and transformers' own initialisers) fill their parameters. On
# a meta tensor each would go through a Python decomposition (150 us, and sympy at the first one), only
# to return the tensor as it was.
_FILLS: Final = (
    *("normal_", "uniform_", "random_", "bernoulli_", "exponential_", "log_normal_", "cauchy_"),
    *("zero_", "fill_", "copy_", "fill_diagonal_", "erfinv_", "clamp_", "clamp_min_", "clamp_max_"),
    *("add_", "sub_", "mul_", "div_", "neg_", "exp_", "log_", "pow_", "sqrt_"),
)

_lock = threading.RLock()
_builder: int | None = None  # the thread that is building on meta, None when nobody is


def build(factory: Callable[[], T]) -> T:
    """Call `factory` with parameters on meta; again with real ones if it cannot do without their values.

    Raises:
        Exception: whatever the factory raised.
    """
    with unchanged_process():
        try:
            with meta_parameters():
                return factory()
        except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
            # Constructors that look at a weight's value, or run a forward to learn a size, say so by
            # naming the meta device; every other error is the factory's own.
            if "meta" not in text_of(error).lower():
                raise
        return factory()


def build_real(factory: Callable[[], T]) -> T:
    """Call `factory` as it is, always with the same random weights; the process is left unchanged."""
    with unchanged_process():
        return factory()


@contextmanager
def meta_parameters(*, buffers: bool = True) -> Iterator[None]:
    """While active, this thread's modules get meta parameters, and filling a meta tensor is free.

    buffers:
        whether large buffers become meta too; what is computed from them is then lost.
    """
    with _lock, ExitStack() as undo:
        outer = _builder
        undo.callback(_set_builder, outer)
        _set_builder(threading.get_ident())
        if outer is None:  # a nested build is already covered by the outer one's patches
            if not is_plain("templates"):
                undo.callback(Templates(_building).patch())
            if not is_plain("fills"):
                undo.callback(_patch_fills())
            undo.callback(_patch_empty())
        twins = _RegistrationHooks()
        # torch types these hooks as returning nothing, and documents that what they return is registered.
        on_parameter: Callable[..., Any] = twins.parameter
        on_buffer: Callable[..., Any] = twins.buffer
        undo.callback(register_module_parameter_registration_hook(on_parameter).remove)
        if buffers:
            undo.callback(register_module_buffer_registration_hook(on_buffer).remove)
        yield


@contextmanager
def unchanged_process() -> Iterator[None]:
    """Put back what a factory may change in passing, and give it the same random numbers every time."""
    with ExitStack() as undo:
        undo.callback(torch.set_rng_state, torch.get_rng_state())
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            undo.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
        undo.callback(random.setstate, random.getstate())
        numpy_random = sys.modules.get("numpy.random")
        if numpy_random is not None:
            undo.callback(numpy_random.set_state, numpy_random.get_state())
            numpy_random.seed(0)
        # Not torch.manual_seed, which would seed CUDA too, at once or when it is first used.
        torch.default_generator.manual_seed(0)
        random.seed(0)

        undo.callback(torch.set_default_dtype, torch.get_default_dtype())
        undo.callback(torch.set_grad_enabled, torch.is_grad_enabled())
        undo.callback(_restore_default_device, torch.get_default_device())
        # Parameters made under inference_mode could never be swapped or trained.
        undo.enter_context(torch.inference_mode(False))
        yield


def _set_builder(thread: int | None) -> None:
    global _builder  # noqa: PLW0603 - the patches are global, so is who they are for
    _builder = thread


def _restore_default_device(before: torch.device) -> None:
    if torch.get_default_device() != before:
        # None takes the mode away that any other device, the CPU too, puts around every torch function.
        torch.set_default_device(None if before.type == "cpu" else before)


class _RegistrationHooks:
    """Registration hooks that answer a real tensor with its meta twin, the same one every time."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.known: dict[int, tuple[weakref.ref[Tensor], Tensor]] = {}

    def parameter(self, module: nn.Module, name: str, value: nn.Parameter | None) -> nn.Parameter | None:
        if value is None or value.is_meta or threading.get_ident() != self.thread:
            return None
        # Subclasses (lazy, quantised, packed) know more than a shape: they stay what they are.
        if type(value) is not nn.Parameter or value.layout != torch.strided or value.is_quantized:
            return None
        twin = self._known_twin(value)
        if twin is None:
            twin = nn.Parameter(torch.empty_like(value, device=_META), value.requires_grad)
            twin.__dict__.update(value.__dict__)  # marks such as `no_weight_decay`
            self.known[id(value)] = (weakref.ref(value), twin)
        assert isinstance(twin, nn.Parameter)
        return twin

    def buffer(self, module: nn.Module, name: str, value: Tensor | None) -> Tensor | None:
        if value is None or value.is_meta or threading.get_ident() != self.thread:
            return None
        if type(value) is not Tensor or value.layout != torch.strided or value.is_quantized:
            return None
        if value.untyped_storage().nbytes() <= LARGE_BUFFER:
            return None
        twin = self._known_twin(value)
        if twin is None:
            twin = torch.empty_like(value, device=_META)
            self.known[id(value)] = (weakref.ref(value), twin)
        return twin

    def _known_twin(self, value: Tensor) -> Tensor | None:
        """The twin made earlier for this very tensor: a parameter registered twice stays tied."""
        reference, twin = self.known.get(id(value), (None, None))
        return twin if reference is not None and reference() is value else None


def _building() -> bool:
    """Whether this thread is the one that builds."""
    return _builder == threading.get_ident()


def _patch_fills() -> Callable[[], None]:
    """Make filling meta tensors free; the function returned ends it."""
    initialisers = [(n, f) for n, f in vars(nn.init).items() if _is_initialiser(n, f)]
    # Methods that are inherited from the C base class come back when ours are taken away.
    own = [(name, Tensor.__dict__[name]) for name in _FILLS if name in Tensor.__dict__]
    for name, function in initialisers:
        setattr(nn.init, name, _skip_meta(function))
    for name in _FILLS:
        setattr(Tensor, name, _skip_meta(getattr(Tensor, name)))

    def undo() -> None:
        for name in _FILLS:
            delattr(Tensor, name)
        for name, method in own:
            setattr(Tensor, name, method)
        for name, function in initialisers:
            setattr(nn.init, name, function)

    return undo


def _patch_empty() -> Callable[[], None]:
    """Make the parameters of large layers on meta at once; the function returned ends it."""
    empty = torch.empty
    torch.empty = _empty_as_meta(empty)

    def undo() -> None:
        torch.empty = empty

    return undo


def _is_initialiser(name: str, function: object) -> bool:
    """Whether this member of torch.nn.init fills its first argument and returns it."""
    return (
        name.endswith("_")
        and isinstance(function, FunctionType)
        and function.__code__.co_varnames[:1] == ("tensor",)
    )


# Code that is first imported during a build may keep one of these wrappers for good (transformers
# keeps a table of initialisers), so outside a build they do what the original does.


def _skip_meta(function: Callable[..., Any]) -> Callable[..., Any]:
    def fill(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
        if tensor.is_meta and _builder is not None:
            return tensor
        return function(tensor, *args, **kwargs)

    return fill


def _empty_as_meta(function: Callable[..., Any]) -> Callable[..., Any]:
    def empty(*args: Any, **kwargs: Any) -> Any:
        if (
            _building()
            and kwargs.get("device") is None
            and sys._getframe(1).f_globals.get("__name__") in _EMPTY_IS_PARAMETER
        ):
            kwargs["device"] = _META
        try:
            return function(*args, **kwargs)
        except RuntimeError:
            # The experts of a large model in one tensor: no memory is touched where there is enough of
            # it, and nobody reads what is empty. A size that torch does not take raises here too.
            if not _building() or kwargs.get("device") is not None:
                raise
            return function(*args, **{**kwargs, "device": _META})

    return empty
