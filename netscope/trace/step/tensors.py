"""Tensors without data that are on a device to torch itself, and not only to the owner's code.

Those of a plain forward are on meta, and netscope stands in for whatever depends on the device. What autograd
keeps depends on it in too many ways: which attention there is, whether dropout keeps a mask of one byte or of
four, what autocast converts. So here torch's dispatcher takes the tensors for those of the device and chooses
by itself; but its kernels, which would need data, are those of meta.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch

from netscope.trace.sharded import do_their_own
from netscope.trace.standins import PLAIN_TENSORS, VALUELESS
from netscope.trace.twin.tensors import Allocate, Twins, alone, on_meta

_META: Final = torch.device("meta")
_DEVICE: Final = torch.ops.prim.device.default
_make_subclass: Final[Any] = torch.Tensor._make_subclass


class _Inside(threading.local):
    """Whether torch is within a kernel, to which the tensors are on meta, or netscope looks at them."""

    now: bool = False


inside: Final = _Inside()


class Placed:
    """The classes of tensors that are on one device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        told = {
            "__module__": "torch",
            "__torch_function__": torch._C._disabled_torch_function_impl,
            "__torch_dispatch__": classmethod(functools.partial(_asked, device)),
            **{name: value for name, value in VALUELESS.items() if name != "data"},
        }
        self.tensor: type[torch.Tensor] = type("Tensor", (torch.Tensor,), told)
        # Whose address is asked for to see whether they are tied, and not for what is there.
        told = {**told, "data_ptr": torch.Tensor.data_ptr}
        self._told = told
        self.parameter: type[torch.Tensor] = type("Parameter", (torch.nn.Parameter,), told)
        self._others: dict[type, type[torch.Tensor]] = {}
        PLAIN_TENSORS.update((self.tensor, self.parameter))

    def place(self, tensor: torch.Tensor, like: type[torch.Tensor] | None = None) -> torch.Tensor:
        """A tensor on meta as one of the device, in the same storage.

        like:
            the owner's class of tensors or parameters.
        """
        kind = self.tensor if like is None else self._like(like)
        with torch._C._DisableTorchDispatch():
            made: torch.Tensor = _make_subclass(
                kind, tensor, False, dispatch_device=True, device_for_backend_keys=self.device
            )
        return made

    def _like(self, cls: type[torch.Tensor]) -> type[torch.Tensor]:
        if cls is torch.Tensor:
            return self.tensor
        if cls is torch.nn.Parameter:
            return self.parameter
        made = self._others.get(cls)
        if made is None:
            made = self._others[cls] = type(cls.__name__, (cls,), self._told)
        return made

    def is_placed(self, tensor: object) -> bool:
        """Whether it is one of these."""
        kind = type(tensor)
        return kind is self.tensor or kind is self.parameter or kind in self._others.values()


@functools.cache
def placed(device: torch.device) -> Placed:
    """The classes for a device."""
    made = Placed(device)
    # torch imports a thousand modules with the first kernels of these, and what is at work then is held on to
    # by the frames that the imports leave: so not in the midst of a step.
    with in_kernel():
        torch.relu(made.place(torch.empty(1, device="meta")))
    return made


def _asked(
    device: torch.device,
    cls: type,
    func: Any,
    types: Any,
    args: tuple[Any, ...] = (),
    kwargs: dict[str, Any] | None = None,
) -> Any:
    """What torch asks of a tensor where no recording listens."""
    if func is _DEVICE:
        return _META if inside.now else device
    if do_their_own(tuple(types)):  # theirs is to take it, or to refuse it
        return NotImplemented
    with in_kernel():
        return func(*args, **(kwargs or {}))


def tells_device(func: Any, device: torch.device) -> torch.device | None:
    """Where a tensor is, if that is what an operator asks."""
    if func is _DEVICE:
        return _META if inside.now else device
    return None


@contextmanager
def in_kernel() -> Iterator[None]:
    """Have torch take its kernels for meta, and the tensors for what they are."""
    before = inside.now
    with torch._C._DisableTorchDispatch():
        inside.now = True
        try:
            with torch._C._PreserveDispatchKeyGuard():
                torch._C._set_meta_in_tls_dispatch_include(True)
                yield
        finally:
            inside.now = before


class PlacedTwins(Twins):
    """Twins on meta that are placed. Small ones with values stay as they are, in the processor's memory."""

    def __init__(self, where: Placed) -> None:
        classes: Any = where
        allocate: Allocate = on_meta(classes)._allocate
        super().__init__(allocate, alone)
        self._where = where

    def __call__(self, tensor: torch.Tensor) -> torch.Tensor:
        """The twin of a tensor."""
        twin = super().__call__(tensor)
        if (
            twin is tensor
            or torch.nn.parameter.is_lazy(twin)
            or not twin.is_meta
            or twin.layout is not torch.strided
        ):
            return twin
        made = self._where.place(twin, type(tensor))
        if tensor.requires_grad and tensor.is_leaf:
            made.requires_grad_()
        return made
