"""Stand-ins for tensors: the same shapes, strides and sharing, on meta, fake or copied memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from netscope.base.errors import UsageError

# (elements' shape, strides, dtype, the tensor whose memory is stood in for) -> new memory
Allocate = Callable[[tuple[int, ...], tuple[int, ...], torch.dtype, torch.Tensor], torch.Tensor]

_PLAIN_TYPES = (torch.Tensor, torch.nn.Parameter, torch.nn.Buffer)


class Twins:
    """Makes one twin for each tensor, and twins that share storage where the originals do."""

    def __init__(self, allocate: Allocate, other: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """`other` makes the twin of a tensor that has no plain storage (sparse, quantised, subclasses)."""
        self._allocate = allocate
        self._other = other
        # Storage address -> (the storage, kept so that the address stays its own; its stand-in).
        self._bases: dict[int, tuple[Any, torch.Tensor]] = {}

    def __call__(self, tensor: torch.Tensor) -> torch.Tensor:
        """The twin of a tensor."""
        if torch.nn.parameter.is_lazy(tensor):
            return self._lazy(tensor)
        if tensor.is_nested:
            raise UsageError(
                "a nested tensor has no sizes to report.", hint="give a padded tensor, or one sample of it"
            )
        if type(tensor) not in _PLAIN_TYPES or tensor.layout is not torch.strided or tensor.is_quantized:
            return self._other(tensor)
        with torch.no_grad():
            twin = self._shared(tensor)
        if isinstance(tensor, torch.nn.Parameter):
            return torch.nn.Parameter(twin, requires_grad=tensor.requires_grad)
        return twin

    def _shared(self, tensor: torch.Tensor) -> torch.Tensor:
        shape, stride, offset = tuple(tensor.shape), tensor.stride(), int(tensor.storage_offset())
        storage = tensor.untyped_storage()
        known = self._bases.get(storage._cdata)
        if known is None:
            size = storage.nbytes()
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

    def _lazy(self, tensor: torch.Tensor) -> torch.Tensor:
        """A parameter without a shape yet; its twin gets one during the forward, it does not."""
        device = self._allocate((), (), torch.float32, torch.empty(())).device
        kind: Any = type(tensor)
        if isinstance(tensor, torch.nn.Parameter):
            lazy: torch.Tensor = kind(requires_grad=tensor.requires_grad, device=device, dtype=tensor.dtype)
        else:
            lazy = kind(device=device, dtype=tensor.dtype)
        return lazy


def on_meta() -> Twins:
    """Twins without data."""
    return Twins(
        lambda shape, stride, dtype, _: torch.empty_strided(shape, stride, dtype=dtype, device="meta"),
        lambda tensor: tensor,
    )


def on_fake(mode: Any) -> Twins:
    """Twins that claim to be on the CPU and hold no data."""

    def allocate(
        shape: tuple[int, ...], stride: tuple[int, ...], dtype: torch.dtype, _: torch.Tensor
    ) -> torch.Tensor:
        with mode:
            return torch.empty_strided(shape, stride, dtype=dtype, device="cpu")

    return Twins(allocate, lambda tensor: tensor)


def copied() -> Twins:
    """Twins with the same values, so that a forward may write to them."""

    def allocate(
        shape: tuple[int, ...], stride: tuple[int, ...], dtype: torch.dtype, source: torch.Tensor
    ) -> torch.Tensor:
        twin = torch.empty_strided(shape, stride, dtype=dtype, device=source.device)
        return twin.copy_(source.detach())

    return Twins(allocate, lambda tensor: tensor.detach().clone())
