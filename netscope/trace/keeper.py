"""On the real rung: what is no twin and written to all the same, put back afterwards.

A tensor of a module's globals or of a class is outside every object that was copied. Every operator passes the
recorder, so what it is about to write to can be kept first.
"""

from __future__ import annotations

import torch


class Keeper:
    """Keeps the values of tensors that are not the recording's, and has generators for it.

    ours:
        addresses of the storages of twins.
    """

    def __init__(self, ours: set[int]) -> None:
        self._ours = ours
        # Storage address -> the tensor and what it held.
        self._kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._generators: dict[torch.device, torch.Generator] = {}

    def keep(self, tensor: torch.Tensor) -> None:
        """Keep what is about to be written to, unless it is a twin."""
        try:
            storage = tensor.untyped_storage()
        except (RuntimeError, NotImplementedError):
            return
        address = storage._cdata
        if address in self._ours or address in self._kept:
            return
        whole = torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(storage)  # type: ignore[call-overload]
        self._kept[address] = whole, whole.clone()

    def restore(self) -> int:
        """Put everything back; how many there were."""
        for whole, before in self._kept.values():
            whole.copy_(before)
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
