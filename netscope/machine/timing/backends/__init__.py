"""The machines that can be measured: a file each, called as torch calls that type of device.

To add one, write a class that does what `backend.Backend` says, and let `BACKEND` be that class; the file is
found by being here. What several share is in `common`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from netscope.base.errors import UsageError
from netscope.machine.timing.backend import Backend


def kinds() -> list[str]:
    """Types of devices, by torch's names. None is imported for it, since they import torch."""
    return sorted(module.name for module in iter_modules(__path__) if not module.ispkg)


def backend_of(device: str) -> Backend:
    """The backend for "cpu", "cuda" or "cuda:1".

    Raises:
        UsageError: there is none for that kind of device, or no such device here.
    """
    kind, _, number = device.partition(":")
    if kind not in kinds() or not (number.isdecimal() or not number):
        raise UsageError(f"{device!r} cannot be measured.", hint=f"use {' or '.join(kinds())}")
    made: Backend = import_module(f"{__name__}.{kind}").BACKEND(int(number) if number else None)
    return made
