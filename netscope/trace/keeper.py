"""What is no twin and written to all the same, put back afterwards.

A tensor of a module's globals or of a class is outside every object that was copied. Every operator passes
the recorder, so what it is about to write to can be kept first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

import torch


class Keeper:
    """Keeps the values of tensors that are not the recording's, and has generators for it.

    ours:
        tells the tensors that are; asked when the first one is about to be written to.
    """

    def __init__(self, ours: Callable[[], Iterable[torch.Tensor]]) -> None:
        self._which = ours
        self._kept: dict[int, Kept] = {}
        self._generators: dict[torch.device, torch.Generator] = {}

    @cached_property
    def _ours(self) -> set[int]:
        return {address for address in map(_address, self._which()) if address is not None}

    def keep(self, tensor: torch.Tensor) -> None:
        """Keep what is about to be written to, unless it is the recording's."""
        address = _address(tensor)
        if address is None or address in self._ours or address in self._kept:
            return
        with torch._C._DisableTorchDispatch():  # a copy on fake tensors would be another fake one
            self._kept[address] = Kept(tensor)

    def is_ours(self, tensor: torch.Tensor) -> bool:
        """Whether it is the recording's."""
        return _address(tensor) in self._ours

    def restore(self) -> int:
        """Put everything back; how many there were."""
        for kept in self._kept.values():
            kept.restore()
        count = len(self._kept)
        self._kept.clear()
        return count

    def generator(self, device: torch.device) -> torch.Generator:
        """The recording's own, which goes on from where the process's is."""
        made = self._generators.get(device)
        if made is None:
            if device.type == "cpu":
                made = torch.default_generator.clone_state()
            else:
                made = torch.Generator(device).manual_seed(0)
            self._generators[device] = made
        return made


class Kept:
    """A tensor as it was, and all of the memory that it was in."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self._tensor = tensor
        self._version = 0 if tensor.is_inference() else tensor._version
        self._storage = tensor.untyped_storage()
        self._place = tensor.storage_offset(), tensor.size(), tensor.stride()
        self._before = _bytes(self._storage).clone()

    def restore(self) -> None:
        """Have the tensor, and its memory, be as they were."""
        tensor, storage, before = self._tensor, self._storage, self._before
        if storage.nbytes() != before.numel():
            storage.resize_(before.numel())
        whole = _bytes(storage)
        if not torch.equal(whole, before):
            whole.copy_(before)
        moved = tensor.untyped_storage()._cdata != storage._cdata
        if moved or (tensor.storage_offset(), tensor.size(), tensor.stride()) != self._place:
            with torch.no_grad():
                tensor.set_(storage, *self._place)
        if not tensor.is_inference():
            torch._C._autograd._unsafe_set_version_counter((tensor,), (self._version,))


def _bytes(storage: torch.UntypedStorage) -> torch.Tensor:
    return torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage)


def _address(tensor: torch.Tensor) -> int | None:
    """Of its storage; None for one that has none."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError, ValueError):
        return None
