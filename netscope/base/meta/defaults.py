"""What torch takes a tensor to be that is told nothing else: a dtype and a device, which threads share."""

from __future__ import annotations

import torch


class Defaults:
    """As they are now."""

    def __init__(self) -> None:
        self._dtype = torch.get_default_dtype()
        self._device = _device() or torch.device("cpu")

    def restore(self) -> None:
        """Put them back. Other threads share them, so what was not changed is not written."""
        if torch.get_default_dtype() is not self._dtype:
            torch.set_default_dtype(self._dtype)
        if _device() != self._device:
            # None takes the mode away that any other device, the CPU too, puts around every torch function.
            torch.set_default_device(None if self._device.type == "cpu" else self._device)


def _device() -> torch.device | None:
    """The default one; None for a GPU without an index where there is no GPU, which torch cannot tell."""
    try:
        return torch.get_default_device()
    except (RuntimeError, AssertionError):
        return None
