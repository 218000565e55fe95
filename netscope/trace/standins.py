"""Tensors on meta that tell a forward what its owner's tensors would: where they are.

A forward that asks `x.is_meta` or `x.device.type` is to go the way that it goes for its owner. So the tensors
of the meta rung are of classes of their own, which say that they are on the owner's device while the owner's
code runs, and the truth while torch's does. What cannot be had without values (`numpy()`) fails, and the
recorder is told, in case that the forward goes on all the same.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, NamedTuple, NoReturn

import torch

from netscope.trace.here import here

_BASE: Final[Any] = torch.Tensor
# Past the classes below.
is_meta: Final[Callable[[torch.Tensor], bool]] = _BASE.is_meta.__get__
_device: Final[Callable[[torch.Tensor], torch.device]] = _BASE.device.__get__


class Standins(NamedTuple):
    """The classes of tensors and parameters that say they are on one device."""

    tensor: type[torch.Tensor]
    parameter: type[torch.Tensor]


# Classes of tensors that do what torch's own does, and no more.
PLAIN_TENSORS: Final[set[type]] = {torch.Tensor, torch.nn.Parameter}


@functools.cache
def standins(device: torch.device) -> Standins:
    """The classes for a device."""
    told = _told(device)
    made = Standins(
        type("Tensor", (torch.Tensor,), {**told, **VALUELESS}),
        # Whose address is asked for to see whether they are tied, and not for what is there.
        type("Parameter", (torch.nn.Parameter,), {**told, **VALUELESS, "data_ptr": _BASE.data_ptr}),
    )
    PLAIN_TENSORS.update(made)
    return made


def dressed(made: Any, tensor_class: type[torch.Tensor]) -> Any:
    """What an operator made on meta, as tensors of that class."""
    if isinstance(made, torch.Tensor):
        if type(made) is torch.Tensor and is_meta(made):
            made.__class__ = tensor_class
    elif isinstance(made, (tuple, list)):
        for item in made:
            dressed(item, tensor_class)
    return made


def _told(device: torch.device) -> dict[str, Any]:
    """What tensors say of where they are."""

    def where(self: torch.Tensor) -> torch.device:
        return device if here.outside else _device(self)

    def index(self: torch.Tensor) -> int:
        if not here.outside:
            return int(_BASE.get_device(self))
        return -1 if device.type == "cpu" else device.index or 0

    def kind(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        found = _BASE.type(self, *args, **kwargs)
        if args or kwargs or not here.outside:
            return found
        return found.replace("torch.meta.", "torch." if device.type == "cpu" else f"torch.{device.type}.")

    def flag(name: str) -> property:
        asked: Callable[[torch.Tensor], bool] = getattr(_BASE, name).__get__
        says = name == f"is_{device.type}"
        return property(lambda self: says if here.outside else asked(self))

    names = [n for n in ("is_meta", "is_cpu", "is_cuda", "is_xpu", "is_mps", "is_mtia") if hasattr(_BASE, n)]
    return {
        "__module__": "torch",
        "__torch_function__": torch._C._disabled_torch_function_impl,
        "device": property(where),
        "get_device": index,
        "type": kind,
        **{name: flag(name) for name in names},
    }


def _refused(name: str) -> Callable[..., NoReturn]:
    def refuse(self: torch.Tensor, *_: Any, **__: Any) -> NoReturn:
        if here.recorder is not None:
            here.recorder.fail(f"{name}()")
        raise RuntimeError(f"a tensor without data has no values for {name}()")

    return refuse


def _said(self: torch.Tensor, **_: Any) -> str:
    return f"tensor(..., size={tuple(self.shape)}, dtype={self.dtype})"


def _copied(self: torch.Tensor, memo: dict[int, Any]) -> torch.Tensor:
    made: Any = self.detach().clone()
    if isinstance(self, torch.nn.Parameter):
        made.__class__ = type(self)
    memo[id(self)] = made
    return made.requires_grad_(self.requires_grad)  # type: ignore[no-any-return]


def _data(self: torch.Tensor) -> torch.Tensor:
    """Torch's own tells nobody that it lies in the same memory."""
    made: Any = _BASE.data.__get__(self)
    recorder = here.recorder
    if recorder is not None and recorder.on_meta:
        made.__class__ = recorder.tensor_class
        tag = recorder.tags.of(self)
        if tag is not None:
            recorder.tags.write(made, tag[0], tag[1])
    return made  # type: ignore[no-any-return]


def _new_tensor(
    self: torch.Tensor, data: Any, *, dtype: torch.dtype | None = None, **settings: Any
) -> torch.Tensor:
    """A constant, as `torch.tensor` makes one: torch's own goes to meta unseen."""
    settings = {name: setting for name, setting in settings.items() if name == "requires_grad"}
    if isinstance(data, torch.Tensor):
        return data.detach().clone().to(dtype or self.dtype)
    return torch.tensor(data, dtype=dtype or self.dtype, **settings)


VALUELESS: Final[dict[str, Any]] = {
    "data": property(_data, _BASE.data.__set__),
    **{name: _refused(name) for name in ("numpy", "tolist", "__array__", "__dlpack__", "data_ptr")},
    "new_tensor": _new_tensor,
    "__repr__": _said,
    "__deepcopy__": _copied,
}
