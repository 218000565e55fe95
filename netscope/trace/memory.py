"""Whether a network's real weights would fit this machine, asked before they are made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from netscope.base import units

if TYPE_CHECKING:
    import torch

# Beside the weights, activations and the copy that some constructors make want room.
_SHARE = 0.7


def too_large(module: torch.nn.Module, free: int | None = None, *, times: int = 1) -> str | None:
    """Why a network that was built on meta is not built for real, None where it fits.

    free:
        bytes to be had; what the system says by default.
    times:
        of what the weights take, as training takes gradients and an optimizer's state too.
    """
    free = free_memory() if free is None else free
    from netscope.trace.modules import tensors_of

    needed = sum(t.numel() * t.element_size() for t in tensors_of(module))
    if free is None or needed * times <= _SHARE * free:
        return None
    if times > 1:
        needed *= times
        return f"a step takes {units.binary(needed)} beside activations, and {units.binary(free)} are free"
    return f"the weights take {units.binary(needed)}, and {units.binary(free)} are free"


def free_memory() -> int | None:
    """Bytes that programs can still have; None where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not a system with these names
        return None
