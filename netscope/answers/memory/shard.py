"""A step's memory on one rank of many, by arithmetic: who keeps which part of what the step has as a whole.

    zero1   the optimizer's state in parts
    zero2   gradients as well
    zero3   parameters as well, which are gathered where they are needed
    fsdp    as zero3, in the parts of torch's `fully_shard`

What is kept in parts is 1/world of it: of ZeRO one flat piece of all together, of FSDP rows of each
parameter, of which the first ranks have most. With zero3 and fsdp the blocks of a network that repeat are
units: one's parameters are whole while it runs, with the next one's on the way, and its gradients whole until
they are handed out; what lies in no block stays whole from the forward to the end of the backward.
Activations are each rank's own: the batch is that of a rank. Buffers of communication are not counted: they
hang on the library's settings.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Final, Literal

from netscope.base.errors import UsageError
from netscope.report.memory import Sharded
from netscope.trace.facts import ParameterFact
from netscope.trace.step.facts import Role, Step

Strategy = Literal["zero1", "zero2", "zero3", "fsdp"]

_PARTS: Final[dict[str, frozenset[Role]]] = {
    "zero1": frozenset({Role.OPTIMIZER}),
    "zero2": frozenset({Role.OPTIMIZER, Role.GRADIENT}),
    "zero3": frozenset({Role.OPTIMIZER, Role.GRADIENT, Role.PARAMETER}),
    "fsdp": frozenset({Role.OPTIMIZER, Role.GRADIENT, Role.PARAMETER}),
}
STRATEGIES: Final = tuple(_PARTS)


def checked(strategy: str, world: int) -> None:
    """Raise over a strategy that there is not, or such a number of ranks."""
    if strategy not in _PARTS:
        raise UsageError(f"no way to shard is named {strategy!r}.", hint=f"use {', '.join(STRATEGIES)}")
    if type(world) is not int or world < 1:
        raise UsageError(f"a world of {world} ranks does not exist.", hint="write --world 8")


def sharded(step: Step, strategy: str, world: int) -> Sharded:
    """The step on the rank that has most."""
    parts = _PARTS[strategy]
    units = _Units(step)
    by_row = _rows(step) if strategy == "fsdp" else {}

    def part(storage: int, nbytes: int) -> float:
        """Of a storage what the rank has."""
        rows = by_row.get(storage)
        return nbytes * math.ceil(rows / world) / rows if rows else nbytes / world

    in_optimizer = next((phase.op for phase in step.phases if phase.name == "optimizer"), len(step.trace.ops))
    whole = Role.PARAMETER in parts
    have: dict[Role, float] = defaultdict(float)
    live = peak = gathered_then = 0.0
    sizes: dict[int, float] = {}
    start = step.begin
    phase, coming = "", 0
    for index, event in enumerate(step.events):
        while coming < len(step.phases) and step.phases[coming].event <= index:
            phase, coming = step.phases[coming].name, coming + 1
        role = step.roles[event.storage]
        if event.born:
            of_step = role is Role.OTHER and step.trace.storages[event.storage].born >= in_optimizer
            nbytes = part(event.storage, event.nbytes) if role in parts or of_step else float(event.nbytes)
            sizes[event.storage] = nbytes
        else:
            nbytes = -sizes.pop(event.storage, 0.0)
        live += nbytes
        have[role] += nbytes
        if index < start:
            continue
        gathered = units.whole(event.op, phase, world) if whole else 0.0
        if live + gathered > peak:
            peak, gathered_then = live + gathered, gathered
    return Sharded(
        strategy,
        world,
        parameters=math.ceil(have[Role.PARAMETER]),
        gradients=math.ceil(have[Role.GRADIENT]),
        optimizer_state=math.ceil(have[Role.OPTIMIZER]),
        gathered=math.ceil(gathered_then),
        peak=math.ceil(peak),
        units=tuple(units.named),
    )


class _Units:
    """The parts of a network that are gathered together: each block that repeats, and all the rest."""

    def __init__(self, step: Step) -> None:
        trace = step.trace
        self._trace = trace
        of = _blocks([module.path for module in trace.modules])
        self._nbytes: Counter[str] = Counter()
        self._order: list[str] = []
        met: set[int] = set()
        for module in trace.modules:
            unit = _unit_of(module.path, of)
            for parameter in module.parameters:
                if parameter.identity not in met:
                    met.add(parameter.identity)
                    self._nbytes[unit] += parameter.stored_bytes
            if unit and unit not in self._order:
                self._order.append(unit)
        self._of = of
        self._next = dict(zip(self._order, self._order[1:], strict=False))
        self._before = {after: before for before, after in self._next.items()}

    @property
    def named(self) -> list[str]:
        """The blocks, in order."""
        return self._order

    def whole(self, op: int, phase: str, world: int) -> float:
        """Bytes that are gathered at an operator beyond the rank's own part of them."""
        if phase not in ("forward", "loss", "backward"):
            return 0.0
        beyond = 1 - 1 / world
        found = self._nbytes[""] * beyond
        ops, calls = self._trace.ops, self._trace.calls
        called = ops[op].call if op < len(ops) else -1
        unit = _unit_of(calls[called].path, self._of) if called >= 0 else ""
        if unit:
            other = (self._before if phase == "backward" else self._next).get(unit, "")
            found += self._nbytes[unit] * beyond
            found += self._nbytes[other] * beyond if other else 0
            if phase == "backward":  # its gradients, before they are handed out
                found += self._nbytes[unit] * beyond
        return found


def _blocks(paths: list[str]) -> frozenset[str]:
    """Paths of modules that repeat: numbered ones beside others, outermost alone."""
    siblings: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        around, _, name = path.rpartition(".")
        if name.isdecimal():
            siblings[around].append(path)
    found: set[str] = set()
    for around in sorted(siblings, key=lambda one: one.count(".")):
        inside = any(around == block or around.startswith(f"{block}.") for block in found)
        if len(siblings[around]) > 1 and not inside:
            found.update(siblings[around])
    return frozenset(found)


def _unit_of(path: str, blocks: frozenset[str]) -> str:
    """The block that a path lies in; "" for none."""
    while path:
        if path in blocks:
            return path
        path = path.rpartition(".")[0]
    return ""


def _rows(step: Step) -> dict[int, int]:
    """storage -> rows of the parameter that lies in it, and of what is of its shape: gradient and state."""
    parameters: dict[int, ParameterFact] = {
        parameter.storage: parameter
        for module in step.trace.modules
        for parameter in module.parameters
        if parameter.storage >= 0
    }
    by_size = {
        parameter.stored_bytes: parameter.spec.shape[0]
        for parameter in parameters.values()
        if parameter.spec.shape
    }
    found: dict[int, int] = {}
    for storage, role in enumerate(step.roles):
        if role in (Role.PARAMETER, Role.GRADIENT, Role.OPTIMIZER):
            parameter = parameters.get(storage)
            if parameter is not None and parameter.spec.shape:
                found[storage] = parameter.spec.shape[0]
            else:  # of the shape of a parameter of so many bytes
                rows = by_size.get(step.trace.storages[storage].nbytes)
                if rows:
                    found[storage] = rows
    return found
