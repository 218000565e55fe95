"""Recording a step: a twin of the network is trained without data, and what came and went written down."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import accumulate
from typing import Any, Final

import torch

from netscope.base.errors import NetscopeError, UsageError, interrupts, said
from netscope.base.workload import TensorSpec, Workload
from netscope.trace import ForwardError
from netscope.trace.attempt import contained
from netscope.trace.calls import Calls
from netscope.trace.constants import most_kept
from netscope.trace.facts import Trace
from netscope.trace.forward import facts_of
from netscope.trace.here import here
from netscope.trace.ladder import doubted, not_real, reason_of, reason_of_doubt
from netscope.trace.modules import tensors_of
from netscope.trace.routing import routed
from netscope.trace.rungs import Prepared, device_of, holding, keeping, random_tensor, torch_dtype
from netscope.trace.step.cuda import as_on_cuda
from netscope.trace.step.divided import Divided, at_rest, quiet
from netscope.trace.step.facts import Event, Phase, Role, Step
from netscope.trace.step.program import Recipe, Training, infer
from netscope.trace.step.recorder import StepRecorder
from netscope.trace.step.replicas import Replicas
from netscope.trace.step.tensors import PlacedTwins, placed
from netscope.trace.twin.tensors import copied

LADDER: Final = ("meta", "real")
# How much room a real step wants, in those of the weights: theirs, gradients and what an optimizer keeps.
_TRAINING: Final = 4


def record_step(
    workload: Workload,
    recipe: Recipe | None = None,
    *,
    device: str = "cpu",
    amp: str | None = None,
    train: bool | None = None,
    ladder: Sequence[str] = LADDER,
) -> Step:
    """One step of training by a recipe, or without one a forward in eval mode under no_grad.

    device:
        whose kernels and rules it goes by.
    amp:
        of inference, as `Recipe.amp`.
    train:
        the mode of the network's modules; training for a step of training without it.
    ladder:
        the rungs to try, in order: "meta" has no data, "real" runs the same program on a copy.

    Raises:
        ForwardError: the owner's code raised, on every rung that was tried. Its `trace` ends there.
        UsageError: the recipe cannot be followed.
    """
    if any(map(torch.nn.parameter.is_lazy, tensors_of(workload.module))):
        raise UsageError(
            "the network has lazy layers, which have no parameters yet.", hint="run it once, and ask again"
        )
    # To C++ tensors without data are on the processor: autograd would else ask a GPU for its streams.
    home = torch.device("cpu")
    reason = kept_from = ""
    failures: list[tuple[Trace, BaseException]] = []
    # What ran to its end, though an operator had failed and the forward had gone on.
    doubtful: Step | None = None
    notes: dict[str, None] = {}
    for rung in ladder:
        if rung == "real" and (failures or doubtful):
            kept_from = _not_real(workload, recipe, torch.device(device))
            if kept_from:
                notes[f"not tried on real tensors: {kept_from}"] = None
                break
        prepare = functools.partial(
            _RUNGS[rung],
            workload,
            (recipe is not None) if train is None else train,
            home if rung == "meta" else torch.device(device),
        )
        record = functools.partial(
            _recorded, recipe=recipe, device=torch.device(device), amp=amp, rung=rung, reason=reason
        )
        (step, error), said_of_it, failed = contained(prepare, record)
        notes.update(dict.fromkeys(said_of_it))
        if error is None:
            if rung == "real" or not failed:
                return _noted(step, notes)
            doubtful = doubtful or step._replace(trace=doubted(step.trace, failed))
            reason = reason_of_doubt(rung, failed)
            continue
        failures.append((step.trace, error))
        reason = reason_of(rung, step.trace)
    if doubtful is not None:
        return _noted(doubtful, notes)
    trace, error = failures[-1]
    raise ForwardError(trace._replace(notes=tuple(notes)), kept_from) from error


def _noted(step: Step, notes: Iterable[str]) -> Step:
    return step._replace(trace=step.trace._replace(notes=tuple(notes)))


def _not_real(workload: Workload, recipe: Recipe | None, home: torch.device) -> str:
    """Why a step cannot be run on real tensors; "" for one that can."""
    own = torch.device("cpu") if workload.rebuild else device_of(workload.module)
    if own.type != home.type:
        return f"the network is on {own.type}, and the step is to be one on {home.type}"
    return not_real(workload, 1 if recipe is None else _TRAINING)


@contextmanager
def _on_meta(workload: Workload, train: bool, home: torch.device) -> Iterator[Prepared]:
    """A twin without data that is on a device."""
    where = placed(home)

    def make(spec: TensorSpec) -> torch.Tensor:
        if spec.numel <= most_kept(torch_dtype(spec)):
            return random_tensor(spec, torch.device("cpu"))
        return where.place(torch.empty(spec.shape, dtype=torch_dtype(spec), device="meta"))

    with holding(workload, PlacedTwins(where), make, train, True, owned=False) as held:
        module, args, kwargs, names, copier = held
        with keeping(names, copier) as keeper:
            recorder = StepRecorder(home, placed=where, keeper=keeper)
            yield Prepared(module, args, kwargs, names, recorder, copier)


@contextmanager
def _for_real(workload: Workload, train: bool, home: torch.device) -> Iterator[Prepared]:
    """A copy, on real tensors."""

    def make(spec: TensorSpec) -> torch.Tensor:
        return random_tensor(spec, home)

    module = workload.rebuild() if workload.rebuild else None
    with holding(workload, copied(), make, train, True, owned=module is not None, built=module) as held:
        ready, args, kwargs, names, copier = held
        with keeping(names, copier) as keeper:
            recorder = StepRecorder(home, placed=None, keeper=keeper)
            yield Prepared(ready, args, kwargs, names, recorder, copier)


_RUNGS: Final = {"meta": _on_meta, "real": _for_real}


def _recorded(
    prepared: Prepared,
    *,
    recipe: Recipe | None,
    device: torch.device,
    amp: str | None,
    rung: str,
    reason: str,
) -> tuple[Step, BaseException | None]:
    """What a step did, and what the owner's code raised, if it did: the step ends there."""
    module, args, kwargs, names, recorder, _, _ = prepared
    assert isinstance(recorder, StepRecorder)
    started = time.perf_counter()
    calls = Calls(names, recorder, True)
    tags = recorder.tags
    roles: dict[int, Role] = {}
    at_rest(names.modules)

    def are(role: Role, tensors: Any) -> None:
        for tensor in tensors:
            tag = tags.of(tensor)
            if tag is not None:
                roles.setdefault(tag[1], role)

    are(Role.PARAMETER, _parameters(names.modules))
    are(Role.BUFFER, _buffers(names.modules))
    inputs = calls.arguments(args, kwargs)
    for value in inputs:
        if value.storage >= 0:
            roles.setdefault(value.storage, Role.INPUT)
    divided = Divided(names.modules, recorder)
    listener = _Listener(recorder, are, names.modules, divided.replicas)
    here.recorder = recorder
    error: BaseException | None = None
    with quiet(), routed(calls), recorder, _as_on(device, recorder):
        here.outside = recorder.on_meta
        try:
            divided.settle(calls.last_of, are, recipe is not None)
            if recipe is None:
                infer(module, args, kwargs, amp, recorder.home, listener, calls.root)
            else:
                recorder.phase("state")
                listener.training = Training(
                    module, args, kwargs, recipe, device, calls.root, casts=recorder.home
                )
                listener.training.step(listener)
        except NetscopeError:  # what was asked for cannot be
            raise
        except BaseException as raised:  # the owner's code: handed on, with what there is so far
            if interrupts(raised):
                raise
            error = raised
    told = None if error is None else _told(error, recorder.phases)
    divided.rest()
    trace = facts_of(
        recorder, calls, module, inputs, (), rung=rung, reason=reason, started=started, error=told
    )._replace(place=divided.place)
    saved = listener.saved
    roles.update(dict.fromkeys(recorder.gathered, Role.GATHERED))
    for storage in (*(storage for storage, _ in saved), *tags.numbers):
        roles.setdefault(storage, Role.SAVED)
    hosted = tags.hosted if device.type != "cpu" else set()
    if any(op.operator.name.startswith("aten._fused_") for op in recorder.ops):  # it wants its counts at hand
        hosted = {storage for storage in hosted if roles.get(storage) is not Role.OPTIMIZER}
    events, phases = _without(hosted, tags.events, recorder.phases)
    step = Step(
        trace,
        tuple(events),
        tuple(phases),
        tuple(roles.get(index, Role.OTHER) for index in range(len(tags.storages))),
        saved,
        device.type,
    )
    listener.training = None  # what it goes with is no part of the step
    return step, error


def _as_on(device: torch.device, recorder: StepRecorder) -> AbstractContextManager[object]:
    """Have torch do what it does on a device that the tensors without data do not say they are on."""
    if device.type == "cuda" and recorder.placed is not None:
        return as_on_cuda(recorder.placed)
    return nullcontext()


def _without(
    hosted: set[int], events: Sequence[Event], phases: Sequence[Phase]
) -> tuple[list[Event], list[Phase]]:
    """What happens on the device, and where its parts begin among that."""
    before = list(accumulate((event.storage not in hosted for event in events), initial=0))
    return (
        [event for event in events if event.storage not in hosted],
        [phase._replace(event=before[phase.event]) for phase in phases],
    )


def _told(error: BaseException, phases: Sequence[Phase]) -> str:
    """An error, and the part of the step that it came in where that is not the forward."""
    part = phases[-1].name if phases else "forward"
    return said(error) if part == "forward" else f"{said(error)} (in the step's {part})"


def _parameters(modules: list[torch.nn.Module]) -> list[torch.Tensor]:
    """Those of these modules, past what their classes say of them."""
    return [tensor for module in modules for tensor in module._parameters.values() if tensor is not None]


def _buffers(modules: list[torch.nn.Module]) -> list[torch.Tensor]:
    return [tensor for module in modules for tensor in module._buffers.values() if tensor is not None]


class _Listener:
    """Sees at each part of a step what there is."""

    def __init__(
        self, recorder: StepRecorder, are: Any, modules: list[torch.nn.Module], replicas: Replicas
    ) -> None:
        self._recorder = recorder
        self._replicas = replicas
        self._are = are
        self._modules = modules
        self.training: Training | None = None
        self.saved: tuple[tuple[int, int], ...] = ()
        self.forwarding = recorder.forwarding

    def phase(self, name: str) -> None:
        recorder = self._recorder
        self._replicas.finish()
        if name == "backward" and not self.saved:
            self.saved = self._kept()
        if name in ("zero_grad", "optimizer", "end", "forward"):
            self._are(Role.GRADIENT, [p.grad for p in _parameters(self._modules) if p.grad is not None])
        if name in ("zero_grad", "end") and self.training is not None and self.training.optimizer is not None:
            states = self.training.optimizer.state.values()
            self._are(
                Role.OPTIMIZER,
                [v for state in states for v in state.values() if isinstance(v, torch.Tensor)],
            )
        recorder.phase(name)

    def _kept(self) -> tuple[tuple[int, int], ...]:
        """What autograd holds now, once each, but for parameters and buffers."""
        tags = self._recorder.tags
        own = {tags.given(t)[1] for t in (*_parameters(self._modules), *_buffers(self._modules))}
        own |= self._recorder.gathered
        found: dict[int, int] = {}
        for reference, scope in self._recorder.kept:
            kept = reference()
            if kept is None:
                continue
            storage = tags.given(kept.tensor)[1]
            if storage not in own:
                found.setdefault(storage, scope)
        self._recorder.kept.clear()
        return tuple(found.items())
