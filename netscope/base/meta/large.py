"""Large tensors that a constructor makes by itself: on meta too, and whatever is computed from them.

`nn.Parameter(torch.randn(16, 5120, 16384))` would take five gigabytes for the moment before it is registered.
What torch's factories are asked for above a size is therefore a `Large`, a tensor on meta that takes part in
arithmetic with real ones, to which it gives no values. When the build ends it is a plain tensor like others.

Small ones stay real: constructors read these. One that goes on to read a large one fails, and what it fails
at is noted, whether or not it goes on: the network is then built again without this.
"""

from __future__ import annotations

import copy
import math
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from netscope.base.errors import text_of
from netscope.base.meta.here import here
from netscope.base.meta.twins import LARGE_BUFFER, META, Twins

# Of torch, that make tensors from sizes and numbers; those that draw are in `chance`.
FACTORIES: Final = ("zeros", "ones", "full", "eye", "arange", "linspace", "logspace", "empty_strided")
# Of tensors, with the sizes of what they make first.
METHODS: Final = ("new_zeros", "new_ones", "new_full", "new_empty")
# Of tensors, that tell values.
READS: Final = ("item", "tolist", "numpy", "__bool__", "__float__", "__int__", "__index__")

# How many elements these make is not bounded by the product of the numbers that they are given.
_SPANS: Final = frozenset({"arange"})
# Bytes of the widest element there is.
_WIDEST: Final = 16

_is_meta: Final[Callable[[Tensor], bool]] = Tensor.is_meta.__get__  # type: ignore[attr-defined]


_WHERE: Final[Any] = Tensor.device
_CPU: Final = torch.device("cpu")


class Large(Tensor):
    """A large tensor without values, while its network is built; it says to be where a real one would be."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        made: Any = memo.get(id(self))
        if made is None:
            made = memo[id(self)] = self.detach().clone().requires_grad_(self.requires_grad)
            made.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return made  # type: ignore[no-any-return]

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Of a file that it is written to nobody knows what becomes."""
        if here.twins is not None:
            here.twins.failed.append("__reduce_ex__")
        raise NotImplementedError("values of a tensor on meta are to be pickled")

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """With real tensors taken by their layouts; where that cannot be, it is noted."""
        twins = here.twins
        kwargs = kwargs or {}
        if getattr(func, "__self__", None) is _WHERE:
            return _CPU
        try:
            with torch._C.DisableTorchFunctionSubclass():
                if twins is None:
                    return func(*args, **kwargs)
                return _dressed(twins, _without_values(func, args, kwargs))
        except Exception as error:
            if twins is not None and names_meta(error):
                twins.failed.append(str(getattr(func, "__name__", func)))
            raise


def names_meta(error: BaseException) -> bool:
    """Whether an error is for want of values.

    Constructors that look at a weight's value, or run a forward to learn a size, say so by naming the meta
    device; every other error is the factory's own.
    """
    message = text_of(error).lower()
    return "meta" in message or "incompatible tensor type" in message


def on_meta(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """What a factory makes, where that is large and this thread builds; else None."""
    twins = here.twins
    if twins is None or not twins.large or not _may_be_large(function.__name__, args, kwargs):
        return None
    if torch._C._len_torch_function_stack() > here.modes or torch._C._len_torch_dispatch_stack():
        return None  # somebody's mode has a say
    if kwargs.get("out") is not None or kwargs.get("pin_memory") or not _at_home(kwargs.get("device")):
        return None
    kept = {name: value for name, value in kwargs.items() if name != "generator"}
    try:
        made = function(*args, **{**kept, "device": META})
    except Exception:  # noqa: BLE001 - the original is to say what is wrong
        return None
    if type(made) is not Tensor or made.layout is not torch.strided:
        return None
    return _noted(twins, made) if _is_large(made) else None


def _at_home(device: Any) -> bool:
    try:
        return device is None or torch.device(device).type == "cpu"
    except (RuntimeError, TypeError):
        return False


def plain(twins: Twins) -> None:
    """Have every `Large` be what it would be: the build is over."""
    for reference in twins.made:
        made = reference()
        if made is not None:
            undress(made)
    twins.made.clear()


def undress(tensor: Tensor | None) -> None:
    """Have one be a plain tensor or parameter."""
    if type(tensor) is Large:
        made: Any = tensor
        made.__class__ = nn.Parameter if made.__dict__.pop("_is_param", False) else Tensor


def _is_large(tensor: Tensor) -> bool:
    return tensor.numel() * tensor.element_size() > LARGE_BUFFER


def _may_be_large(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """A bound by the numbers alone, since most calls are for a few elements."""
    if name in _SPANS:
        return True
    numbers = _numbers((*args, *kwargs.values()))
    return math.prod(max(1, number) for number in numbers) * _WIDEST > LARGE_BUFFER


def _numbers(values: Any) -> Iterator[int]:
    for value in values:
        if type(value) is int:
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _numbers(value)


def _without_values(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result on meta. To be called where tensors' classes have no say."""
    if _writes_to_real(func, args, kwargs):
        raise NotImplementedError("values of a tensor on meta are written to a real one")
    if func is Tensor.cpu:
        return args[0]
    if func is Tensor.type and len(args) == 1 and not kwargs:
        return str(func(*args)).replace("torch.meta.", "torch.")
    kwargs = {name: value for name, value in kwargs.items() if name != "generator"}
    args, kwargs = tree_map_only(Tensor, _on_meta, (args, kwargs))
    args, kwargs = tree_map_only(torch.device, lambda device: META, (args, kwargs))
    if isinstance(kwargs.get("device"), str):
        kwargs["device"] = META
    if func is Tensor.to:
        args = tuple([META if arg == "cpu" else arg for arg in args])
    return func(*args, **kwargs)


def _writes_to_real(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a real tensor is given values that nobody knows."""
    name = str(getattr(func, "__name__", ""))
    writes = name.endswith("_") and not name.endswith("__")
    writes = writes or name == "__setitem__" or (name.startswith("__i") and name != "__invert__")
    targets = (*args[:1], kwargs.get("out")) if writes else (kwargs.get("out"),)
    return any(isinstance(target, Tensor) and not _is_meta(target) for target in targets)


def _on_meta(tensor: Tensor) -> Tensor:
    return tensor if _is_meta(tensor) else torch.empty_like(tensor, device=META)


def _dressed(twins: Twins, made: Any) -> Any:
    if type(made) is Tensor:
        return _noted(twins, made) if _is_meta(made) else made
    if type(made) in (tuple, list):
        return type(made)([_dressed(twins, item) for item in made])
    return made


def _noted(twins: Twins, made: Any) -> Tensor:
    made.__class__ = Large
    twins.made.append(weakref.ref(made))
    twins.made_any = True
    return made  # type: ignore[no-any-return]
