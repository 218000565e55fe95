"""A step's memory as a device's allocator records it: the step that `netscope.memory` predicts, run."""

from __future__ import annotations

import gc
import platform
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from netscope.base.workload import Workload
from netscope.machine.memory import cpu
from netscope.machine.timing.inputs import arguments, integer_limits
from netscope.machine.timing.kept import kept
from netscope.machine.timing.weights import materialised
from netscope.report.memory import Measured
from netscope.trace.facts import Trace
from netscope.trace.modules import Names
from netscope.trace.process import process_kept
from netscope.trace.rungs import set_mode
from netscope.trace.step.program import Listener, Recipe, Training, infer
from netscope.trace.tree import leaves

Step = Callable[[Listener], None]


def measured(workload: Workload, trace: Trace, recipe: Recipe, device: str, *, train: bool) -> Measured:
    """What a forward takes, and where `train` says so a step of training.

    A network that netscope builds gets random weights; of a module a copy is run, with all of its weights.
    """
    home = torch.device(device)
    name = torch.cuda.get_device_name(home) if home.type == "cuda" else platform.machine()
    before, held = _emptied(home)
    with _ready(workload, trace, home, train=False) as (module, args, kwargs):
        _give_back(home)

        def forward(listener: Listener) -> None:
            infer(module, args, kwargs, recipe.amp, home, listener)

        # Parameters and buffers apart.
        there = before + _bytes_of([*module.parameters(), *module.buffers()])
        peak, reserved = _run(forward, _bytes_of(_tensors(module, args, kwargs)), home)
    inference = peak - there
    if not train:
        return Measured(name, inference, reserved=None if reserved is None else reserved - held)
    del module, args, kwargs, forward
    before, held = _emptied(home)
    with _ready(workload, trace, home, train=True) as (module, args, kwargs):
        _give_back(home)
        training = Training(module, args, kwargs, recipe, home)

        def resident() -> int:
            found = _tensors(module, args, kwargs)
            found += [p.grad for p in training.parameters if p.grad is not None]
            states = [] if training.optimizer is None else training.optimizer.state.values()
            found += [v for state in states for v in state.values() if isinstance(v, torch.Tensor)]
            return _bytes_of(found)

        training.step(cpu.Marks())
        peak, reserved = _run(training.step, resident(), home, training.forget)
    return Measured(name, inference, peak - before, None if reserved is None else reserved - held)


def _emptied(home: torch.device) -> tuple[int, int]:
    """What is allocated and reserved of a device before anything runs, when all that can be is given back.

    cuBLAS's workspaces too, which the step is to ask for anew.
    """
    if home.type != "cuda":
        return 0, 0
    gc.collect()
    clear = getattr(torch._C, "_cuda_clearCublasWorkspaces", None)
    if clear is not None:
        clear()
    _give_back(home)
    return torch.cuda.memory_allocated(home), torch.cuda.memory_reserved(home)


def _given(arguments: object) -> list[torch.Tensor]:
    return [leaf for _, leaf in leaves(arguments) if isinstance(leaf, torch.Tensor)]


def _give_back(home: torch.device) -> None:
    """Of segments those that nothing lies in, as what made the weights has left them."""
    if home.type == "cuda":
        torch.cuda.synchronize(home)
        torch.cuda.empty_cache()


def _run(
    step: Step, there: int, home: torch.device, forget: Callable[[], None] = lambda: None
) -> tuple[int, int | None]:
    """The most that is alive in a step, and what the allocator has of the device when it is over.

    there:
        bytes alive before it, of which a record of the step alone does not tell.
    forget:
        lets go of what one step leaves to the next.
    """
    if home.type != "cuda":
        return there + cpu.record_of(step, forget).peak, None
    step(cpu.Marks())
    torch.cuda.synchronize(home)
    torch.cuda.reset_peak_memory_stats(home)
    step(cpu.Marks())
    torch.cuda.synchronize(home)
    return torch.cuda.max_memory_allocated(home), torch.cuda.max_memory_reserved(home)


def _tensors(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[torch.Tensor]:
    return [*module.parameters(), *module.buffers(), *_given((args, kwargs))]


def _bytes_of(tensors: Iterable[torch.Tensor]) -> int:
    """Of their storages, once each."""
    storages = {tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())


@contextmanager
def _ready(
    workload: Workload, trace: Trace, device: torch.device, *, train: bool
) -> Iterator[tuple[torch.nn.Module, tuple[Any, ...], dict[str, Any]]]:
    """A module of our own and the arguments of its call, with values, on the device."""
    given = arguments(workload, device, below=integer_limits(trace))
    if workload.rebuild is None:
        with kept(workload.module, given, train=train, parameters=True) as ready:
            yield ready
        return
    module = materialised(workload, device)
    names = Names(module)
    with process_kept(names.depth):
        set_mode(names.modules, train)
        yield module, *given
