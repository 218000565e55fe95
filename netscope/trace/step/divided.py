"""What a step of a network that is divided among ranks takes beside: where the rank is, and what rests."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from inspect import signature
from types import FunctionType
from typing import Any

import torch
from torch.utils._python_dispatch import _disable_current_modes

from netscope.base.meta.patches import Patch, Use
from netscope.base.meta.world import current
from netscope.trace.facts import Place
from netscope.trace.here import here
from netscope.trace.sharded import is_divided, modules_in, place_of, state_of
from netscope.trace.step.facts import Role
from netscope.trace.step.recorder import StepRecorder
from netscope.trace.step.replicas import Replicas


@contextmanager
def quiet() -> Iterator[None]:
    """Have torch work out layouts of wholes unseen: what it computes for it, and logs of what it hands on."""
    home: Any = sys.modules.get("torch.distributed.tensor._decompositions")
    use = Use(() if home is None else _decompositions(home))
    logger, own = logging.getLogger("torch._subclasses.fake_tensor"), threading.get_ident()

    def others(entry: logging.LogRecord) -> bool:
        return entry.thread != own

    logger.addFilter(others)
    try:
        use.begin()
        yield
    finally:
        use.end()
        logger.removeFilter(others)


@cache
def _decompositions(home: Any) -> tuple[Patch, ...]:
    """Of an operator without a strategy torch runs what it falls apart into, once for every layout.

    Where a version of torch does so in another way, that stays as it is.
    """
    strategy, name = getattr(home, "DecompShardingStrategy", None), "_propagate_through_decomp"
    held = getattr(strategy, "__dict__", {}).get(name)
    if not isinstance(held, FunctionType) or list(signature(held).parameters)[:2] != ["self", "op_schema"]:
        return ()

    def unseen(function: Callable[..., Any]) -> Callable[..., Any]:
        def propagate(self: Any, op_schema: Any, *args: Any, **kwargs: Any) -> Any:
            if here.recorder is None:
                return function(self, op_schema, *args, **kwargs)
            # Attention of the processor falls apart into what nobody divides so: let it fail at once.
            if "_for_cpu" in op_schema.op.name():
                raise NotImplementedError
            with _disable_current_modes():
                return function(self, op_schema, *args, **kwargs)

        return propagate

    return (Patch(strategy, name, unseen),)


def offloads(root: torch.nn.Module) -> bool:
    """Whether FSDP2 has parameters rest in the processor's memory, and what goes with them."""
    states = filter(None, map(state_of, torch.nn.Module.modules(root)))
    return any(
        type(getattr(unit, "offload_policy", None)).__name__ == "CPUOffloadPolicy"
        for state in states
        for unit in _units(state)
    )


def at_rest(modules: list[torch.nn.Module]) -> None:
    """Have the units of a twin be as before a forward: its owner's may be whole, and have been so."""
    for module in modules:
        state = state_of(module)
        for unit in () if state is None else _units(state):
            with suppress(Exception):  # what is wrong with it, the forward is to say
                unit._all_gather_result = None
                unit._to_sharded()
                for part in unit.fsdp_params:
                    part.all_gather_outputs = []
                    part._unsharded_inner_tensors = []
                    vars(part).pop("_unsharded_param", None)


class Divided:
    """A network's parts on this rank; of one that is not divided nothing is done.

    place:
        of the rank; None for a network that is not divided, in a process that stands for no rank.
    """

    def __init__(self, modules: list[torch.nn.Module], recorder: StepRecorder) -> None:
        self._modules = modules
        self._recorder = recorder
        parts = [tensor for tensor in _parameters(modules) if is_divided(type(tensor))]
        self._divided = bool(parts)
        self.place: Place | None = place_of(parts) or _here()
        self.replicas = Replicas(modules)
        self._resting: list[tuple[torch.nn.Module, dict[str, torch.nn.Parameter | None]]] = []

    def settle(
        self, locate: Callable[[str], int], are: Callable[[Role, Iterable[torch.Tensor]], None], trained: bool
    ) -> None:
        """Have units made ready as the first of all steps does: parts are filled up to the size of others'.

        locate:
            as of `Units`.
        are:
            is told what tensors are.
        trained:
            whether there will be gradients.
        """
        recorder = self._recorder
        recorder.data_groups |= self.replicas.groups
        if trained and self.replicas.groups:
            recorder.phase("state")
            are(Role.GRADIENT, self.replicas.settle())
        if not self._divided:
            return
        recorder.phase("state")
        recorder.follow_units(locate)
        for state in _roots(self._modules):
            state._lazy_init()  # what is wrong with it, torch says here alone
        recorder.data_groups.update(_data_groups(self._modules))
        are(Role.PARAMETER, _parameters(self._modules))
        self._resting = [(module, module._parameters.copy()) for module in self._modules]

    def rest(self) -> None:
        """Give modules the parameters back that they have at rest: a forward may leave units whole."""
        for module, parameters in self._resting:
            module._parameters.update(parameters)
        self.replicas.let_go()


def _here() -> Place | None:
    """Where this process stands on the mesh that was asked for; None where it stands for no rank."""
    world = current()
    if world is None:
        return None
    axes, step = [], world.size
    for name, size in world.mesh:
        step //= size
        axes.append((name, size, step))
    return Place(world.rank, world.size, tuple(axes))


def _data_groups(modules: list[torch.nn.Module]) -> Iterator[str]:
    """The groups along which FSDP2 divides parameters, or has the same parts of them more than once."""
    for module in modules:
        state = state_of(module)
        for unit in () if state is None else _units(state):
            for name in ("shard_process_group", "replicate_process_group"):
                group = getattr(unit.mesh_info, name, None)
                if group is not None:
                    yield group.group_name


def _units(state: Any) -> list[Any]:
    """What FSDP2 gathers together for a module; one, or none, in earlier versions of torch."""
    if hasattr(state, "_fsdp_param_groups"):
        return list(state._fsdp_param_groups)
    return [] if state._fsdp_param_group is None else [state._fsdp_param_group]


def _parameters(modules: list[torch.nn.Module]) -> list[torch.Tensor]:
    return [tensor for module in modules for tensor in module._parameters.values() if tensor is not None]


def _roots(modules: list[torch.nn.Module]) -> Iterator[Any]:
    """The states of units that lie in no other and have not run yet."""
    inside: set[int] = set()
    for module in modules:
        state = state_of(module)
        if state is None or id(module) in inside:
            continue
        inside.update(map(id, modules_in(module)))
        if getattr(state, "_is_root", False) is None and hasattr(state, "_lazy_init"):
            yield state
