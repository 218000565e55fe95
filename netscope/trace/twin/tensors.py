"""Twins of tensors: the same shapes, strides and sharing, on meta, fake or copied memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch

from netscope.base.errors import UsageError
from netscope.trace.constants import most_kept
from netscope.trace.sharded import divided_like, is_divided, local_of
from netscope.trace.standins import Standins, is_meta

# (elements' shape, strides, dtype, the tensor whose memory is stood in for) -> new memory
Allocate = Callable[[tuple[int, ...], tuple[int, ...], torch.dtype, torch.Tensor], torch.Tensor]

_PLAIN_TYPES: Final = frozenset({torch.Tensor, torch.nn.Parameter})
# What a class without a say in operators has.
_NO_DISPATCH: Final[Any] = torch._C._disabled_torch_dispatch_impl
_META: Final = torch.device("meta")
_TORCHS: Final = Standins(torch.Tensor, torch.nn.Parameter)


class Twins:
    """Makes one twin for each tensor, and twins that share storage where the originals do. Under `no_grad`.

    other:
        makes the twin of a tensor that has no plain storage (sparse, quantised, with a dispatch of its own).
    classes:
        of the twins of plain tensors and parameters.
    """

    def __init__(
        self,
        allocate: Allocate,
        other: Callable[[torch.Tensor], torch.Tensor],
        classes: Standins = _TORCHS,
    ) -> None:
        self._allocate = allocate
        self._other = other
        self._classes = classes
        # Storage address -> (the storage, kept so that the address stays its own; its stand-in).
        self._bases: dict[int, tuple[Any, torch.Tensor]] = {}

    def __call__(self, tensor: torch.Tensor) -> torch.Tensor:
        """The twin of a tensor."""
        cls = type(tensor)
        plain = cls in _PLAIN_TYPES
        if not plain and is_divided(cls):
            return divided_like(tensor, self(local_of(tensor)))
        if not plain and torch.nn.parameter.is_lazy(tensor):
            return self._lazy(tensor)
        if tensor.is_nested:
            raise UsageError(
                "a nested tensor has no sizes to report.", hint="give a padded tensor, or one sample of it"
            )
        if (
            tensor.layout is not torch.strided
            or tensor.is_quantized
            or not (plain or cls.__torch_dispatch__ is _NO_DISPATCH)
        ):
            return self._other(tensor)
        twin = self._shared(tensor)
        # By class where that tells: `isinstance` asks each tensor whether it was made one.
        parameter = cls is torch.nn.Parameter or (
            cls is not torch.Tensor and isinstance(tensor, torch.nn.Parameter)
        )
        if type(twin) is not torch.Tensor and parameter:  # fake
            return torch.nn.Parameter(twin, tensor.requires_grad)
        made: Any = twin
        if type(twin) is torch.Tensor:
            # In place of making another tensor of that class, which takes three times as long.
            # One with values on meta is where its owner's is.
            classes = self._classes if is_meta(twin) else _TORCHS
            made.__class__ = cls if not plain else classes[parameter]
        if tensor.requires_grad and tensor.is_leaf:
            twin.requires_grad_()
        return twin

    def _shared(self, tensor: torch.Tensor) -> torch.Tensor:
        shape, stride, offset = tuple(tensor.shape), tensor.stride(), int(tensor.storage_offset())
        storage = tensor.untyped_storage()
        known = self._bases.get(storage._cdata)
        if known is None:
            size = storage.nbytes()
            if size < _extent(tensor):
                return self._given_back(tensor, storage, shape, stride, offset)
            if not offset and tensor.numel() * tensor.element_size() == size and tensor.is_contiguous():
                base = self._allocate(shape, stride, tensor.dtype, tensor)
                self._bases[storage._cdata] = storage, base
                return base
            count = size // tensor.element_size()
            whole = tensor.detach().as_strided((count,), (1,), 0)
            base = self._allocate((count,), (1,), tensor.dtype, whole)
            self._bases[storage._cdata] = known = storage, base
        base = known[1]
        if base.dtype != tensor.dtype:
            base = base.reshape(-1).view(tensor.dtype)
        return base.as_strided(shape, stride, offset)

    def _given_back(
        self,
        tensor: torch.Tensor,
        storage: Any,
        shape: tuple[int, ...],
        stride: tuple[int, ...],
        offset: int,
    ) -> torch.Tensor:
        """Of one whose memory is less than its shape wants: FSDP2 gives that of whole parameters back."""
        like = torch.empty(_extent(tensor) // tensor.element_size(), dtype=tensor.dtype, device="meta")
        base = self._allocate(tuple(like.shape), (1,), tensor.dtype, like)
        made = base.as_strided(shape, stride, offset)
        base.untyped_storage().resize_(storage.nbytes())
        return made

    def _lazy(self, tensor: torch.Tensor) -> torch.Tensor:
        """A parameter without a shape yet; its twin gets one during the forward, it does not."""
        device = self._allocate((), (), torch.float32, torch.empty(())).device
        kind: Any = type(tensor)
        if isinstance(tensor, torch.nn.Parameter):
            lazy: torch.Tensor = kind(requires_grad=tensor.requires_grad, device=device, dtype=tensor.dtype)
        else:
            lazy = kind(device=device, dtype=tensor.dtype)
        return lazy


def _extent(tensor: torch.Tensor) -> int:
    """The bytes from the start of its memory to its last number."""
    if not tensor.numel():
        return 0
    steps = zip(tensor.shape, tensor.stride(), strict=True)
    last = int(tensor.storage_offset()) + sum((size - 1) * step for size, step in steps)
    return (last + 1) * tensor.element_size()


def on_meta(classes: Standins) -> Twins:
    """Twins without data, but for small ones of what a forward may ask the values of (see `constants`)."""

    def allocate(
        shape: tuple[int, ...], stride: tuple[int, ...], dtype: torch.dtype, source: torch.Tensor
    ) -> torch.Tensor:
        if source.numel() <= most_kept(dtype) and _has_values(source):
            return source.detach().clone()
        return torch.empty_strided(shape, stride, dtype=dtype, device=_META)

    return Twins(allocate, alone, classes)


def _has_values(tensor: torch.Tensor) -> bool:
    """Whether they are in the processor's memory, and not a parameter's."""
    plain = type(tensor) is torch.Tensor and tensor.device.type == "cpu" and not tensor.requires_grad
    return plain and tensor.layout is torch.strided


def on_fake(mode: Any) -> Twins:
    """Twins that claim to be on the CPU and hold no data."""

    def allocate(
        shape: tuple[int, ...], stride: tuple[int, ...], dtype: torch.dtype, _: torch.Tensor
    ) -> torch.Tensor:
        with mode:
            return torch.empty_strided(shape, stride, dtype=dtype, device="cpu")

    return Twins(allocate, alone)


def copied() -> Twins:
    """Twins with the same values, so that a forward may write to them."""

    def allocate(
        shape: tuple[int, ...], stride: tuple[int, ...], dtype: torch.dtype, source: torch.Tensor
    ) -> torch.Tensor:
        twin = torch.empty_strided(shape, stride, dtype=dtype, device=source.device)
        return twin.copy_(source.detach())

    return Twins(allocate, lambda tensor: tensor.detach().clone())


def alone(tensor: torch.Tensor) -> torch.Tensor:
    """Of one that stays as it is. A sparse one is copied, as its version would change; so small are those."""
    return tensor if tensor.layout is torch.strided else tensor.detach().clone()
