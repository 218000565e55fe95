"""A network with values on a machine, in the mode and layout that was asked for; of the user's a twin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from netscope.base.errors import UsageError
from netscope.base.workload import Workload
from netscope.machine.profiling.settings import DTYPES, Settings
from netscope.machine.timing.inputs import arguments, integer_limits
from netscope.machine.timing.kept import kept, writes_to_parameters
from netscope.machine.timing.weights import built, materialised
from netscope.trace.facts import Trace
from netscope.trace.modules import Names, tensors_of
from netscope.trace.process import process_kept
from netscope.trace.rungs import set_mode
from netscope.trace.tree import map_tensors


@contextmanager
def held(
    workload: Workload, trace: Trace, device: str, settings: Settings
) -> Iterator[tuple[torch.nn.Module, tuple[Any, ...], dict[str, Any]]]:
    """The module and the arguments of its call, on that device.

    One that netscope builds gets random weights. Of the user's own a twin is run, on the user's weights.

    Raises:
        UsageError: the user's module is elsewhere, or a forward wrote to a parameter unseen.
        SourceError: the network cannot be built again.
    """
    given = arguments(workload, device, below=integer_limits(trace))
    if workload.rebuild is None:
        written = settings.channels_last or writes_to_parameters(trace)
        with kept(workload.module, given, train=settings.train, parameters=written) as ready:
            yield _laid_out(*ready, settings)
        return
    module = built(workload, device) if settings.as_built else materialised(workload, device)
    names = Names(module)
    with process_kept(names.depth):
        set_mode(names.modules, settings.train)
        yield _laid_out(module, *given, settings)


def device_of(module: torch.nn.Module) -> str | None:
    """Where the user's module is, as torch calls it; None for one that holds no tensor.

    Raises:
        UsageError: it has no values, or is in several places.
    """
    devices = sorted({str(t.device) for t in tensors_of(module) if not torch.nn.parameter.is_lazy(t)})
    if "meta" in devices:
        raise UsageError(
            "the module is on meta: it has no values to compute with.",
            hint="profile it by name, or build it on a device",
        )
    if len(devices) > 1:
        raise UsageError(f"the module is spread over {', '.join(devices)}; one device is measured.")
    return devices[0] if devices else None


def dtype_in(module: torch.nn.Module) -> str:
    """What most elements of the module's parameters are, as a key of `DTYPES`; "" for something else."""
    counts: dict[str, int] = {}
    for parameter in tensors_of(module):
        if isinstance(parameter, torch.nn.Parameter) and not torch.nn.parameter.is_lazy(parameter):
            name = str(parameter.dtype).removeprefix("torch.")
            counts[name] = counts.get(name, 0) + parameter.numel()
    most = max(counts, key=lambda name: counts[name], default="float32")
    return next((key for key, name in DTYPES.items() if name == most), "")


def _laid_out(
    module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], settings: Settings
) -> tuple[torch.nn.Module, tuple[Any, ...], dict[str, Any]]:
    """With channels last, where that was asked for."""
    if not settings.channels_last:
        return module, args, kwargs

    def last(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor

    torch.nn.Module.to(module, memory_format=torch.channels_last)
    laid_out: tuple[tuple[Any, ...], dict[str, Any]] = map_tensors((args, kwargs), last)
    return module, *laid_out
