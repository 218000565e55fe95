"""The machines that can be measured, one class each.

To add one, write a class that does what `backend.Backend` says, and its line in `BACKENDS`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

from netscope.base.errors import UsageError
from netscope.machine.timing.backend import Backend

# torch's device type -> where the class is; imported when it is asked for, since they import torch.
BACKENDS: Final[dict[str, str]] = {
    "cpu": "netscope.machine.timing.backends.cpu:Cpu",
    "cuda": "netscope.machine.timing.backends.cuda:Cuda",
}


def backend_of(device: str) -> Backend:
    """The backend for "cpu", "cuda" or "cuda:1".

    Raises:
        UsageError: there is none for that kind of device, or no such device here.
    """
    kind, _, number = device.partition(":")
    if kind not in BACKENDS or not (number.isdecimal() or not number):
        raise UsageError(f"{device!r} cannot be measured.", hint=f"use {' or '.join(BACKENDS)}")
    module, _, name = BACKENDS[kind].partition(":")
    made: Backend = getattr(import_module(module), name)(int(number) if number else None)
    return made
