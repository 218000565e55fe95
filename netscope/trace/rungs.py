"""What the tensors of a trace are made of: meta, fake or real.

Each rung is a function that prepares the module and its arguments for one recording. A model that needs
values (`.item()`, detection's boxes) goes down one rung at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, Final, NamedTuple

import torch

from netscope.base.plain import is_plain
from netscope.base.workload import TensorSpec, Workload
from netscope.trace import twins
from netscope.trace.guard import attributes_kept, global_state, untouched
from netscope.trace.modules import Names
from netscope.trace.recorder import Recorder
from netscope.trace.running import META
from netscope.trace.tree import map_tensors


class Prepared(NamedTuple):
    """A module and arguments that may be run without harm, and what to record with.

    `surroundings` is to be entered around the forward, and the forward alone.
    """

    module: torch.nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    names: Names
    recorder: Recorder
    surroundings: AbstractContextManager[object] = nullcontext()


Rung = Callable[[Workload, bool], AbstractContextManager[Prepared]]


@contextmanager
def meta(workload: Workload, train: bool) -> Iterator[Prepared]:
    """No data at all: operators are stood in for by shape rules, or by torch's meta kernels."""
    twin = twins.on_meta()
    with _held(workload.module, None if workload.rebuild else twin, train) as names:
        args, kwargs = _arguments(workload, twin, lambda spec: _empty(spec, META))
        yield Prepared(workload.module, args, kwargs, names, Recorder(on_meta=True))


@contextmanager
def fake(workload: Workload, train: bool) -> Iterator[Prepared]:
    """torch's fake tensors: no data either, but on a device that has kernels."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    mode = FakeTensorMode(allow_non_fake_inputs=True)
    twin = twins.on_fake(mode)
    with _held(workload.module, twin, train) as names:
        with mode:
            args, kwargs = _arguments(workload, twin, lambda spec: _empty(spec, "cpu"))
        recorder = Recorder(on_meta=False, on_fake=True)
        yield Prepared(workload.module, args, kwargs, names, recorder, _quietly(mode))


@contextmanager
def _quietly(mode: AbstractContextManager[object]) -> Iterator[None]:
    """Fake tensors, without the log of every operator that would not do: the ladder goes on anyway."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    before = logger.disabled
    logger.disabled = True
    try:
        with mode:
            yield
    finally:
        logger.disabled = before


@contextmanager
def real(workload: Workload, train: bool) -> Iterator[Prepared]:
    """The real forward on the model's own device, with copies of everything that it could write to."""
    module = workload.module if workload.rebuild is None else workload.rebuild()
    with _held(module, None if workload.rebuild else twins.copied(), train) as names:
        device = next((p.device for p in module.parameters()), torch.device("cpu"))
        args, kwargs = _arguments(workload, twins.copied(), lambda spec: _random(spec, device))
        yield Prepared(module, args, kwargs, names, Recorder(on_meta=False))


RUNGS: Final[dict[str, Rung]] = {"meta": meta, "fake": fake, "real": real}


@contextmanager
def _held(
    module: torch.nn.Module, twin: Callable[[torch.Tensor], torch.Tensor] | None, train: bool
) -> Iterator[Names]:
    """The module with twins of its tensors, in the wanted mode; all is put back afterwards.

    `twin` is None for a module that netscope built itself, which has nobody to miss its tensors.
    """
    names = Names(module)
    guard = attributes_kept(names.modules) if twin is None else untouched(module, twin)
    with global_state(names.depth), guard, scripted_mode_kept(names.modules):
        for m in names.modules:  # what compile() put there would bypass the recording; the guard restores it
            m.__dict__.pop("_compiled_call_impl", None)
        set_mode(module, names.modules, train)
        yield names


def set_mode(module: torch.nn.Module, modules: list[torch.nn.Module], train: bool) -> None:
    """What `module.train(train)` does, by the short way where no class has an idea of its own."""
    classes: set[Any] = set(map(type, modules))
    overridden = any(cls.train is not torch.nn.Module.train for cls in classes)
    if is_plain("modes") or overridden or any("train" in m.__dict__ for m in modules):
        # Exported programs are in one mode for good, and say so in this way.
        with suppress(NotImplementedError):
            module.train(train)
        return
    for m in modules:
        if isinstance(m, torch.jit.ScriptModule):
            m.training = train
        else:
            m.__dict__["training"] = train


@contextmanager
def scripted_mode_kept(modules: list[torch.nn.Module]) -> Iterator[None]:
    """Scripted modules keep their mode in C++, where no attribute of theirs shows it."""
    before = [(m, m.training) for m in modules if isinstance(m, torch.jit.ScriptModule)]
    try:
        yield
    finally:
        for m, training in before:
            m.training = training


def _arguments(
    workload: Workload,
    twin: Callable[[torch.Tensor], torch.Tensor],
    make: Callable[[TensorSpec], torch.Tensor],
) -> Any:
    """The call's arguments: specs made into tensors, the caller's own tensors replaced by twins."""
    return map_tensors(
        (workload.args, workload.kwargs),
        lambda leaf: make(leaf) if isinstance(leaf, TensorSpec) else twin(leaf),
    )


def _dtype(spec: TensorSpec) -> torch.dtype:
    dtype = getattr(torch, spec.dtype)
    assert isinstance(dtype, torch.dtype)
    return dtype


def _empty(spec: TensorSpec, device: str | torch.device) -> torch.Tensor:
    return torch.empty(spec.shape, dtype=_dtype(spec), device=device)


def _random(spec: TensorSpec, device: torch.device) -> torch.Tensor:
    """Values that most networks can digest: normal noise, small token ids, all-true masks."""
    dtype = _dtype(spec)
    generator = torch.Generator().manual_seed(0)
    if dtype is torch.bool:
        return torch.ones(spec.shape, dtype=dtype, device=device)
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(spec.shape, generator=generator).to(device, dtype)
    return torch.randint(0, 8, spec.shape, generator=generator).to(device, dtype)
