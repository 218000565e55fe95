"""Recording a step: a twin of the network is trained without data, or run, and what came and went written down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from netscope.base.errors import interrupts
from netscope.base.workload import TensorSpec, Workload
from netscope.trace.attempt import contained
from netscope.trace.calls import Calls
from netscope.trace.constants import most_kept
from netscope.trace.facts import Trace
from netscope.trace.forward import unseen
from netscope.trace.here import here
from netscope.trace.modules import ParameterFacts, is_training, module_fact
from netscope.trace.routing import routed
from netscope.trace.rungs import Prepared, holding, keeping, random_tensor, torch_dtype
from netscope.trace.step.cuda import as_on_cuda
from netscope.trace.step.facts import Role, Step
from netscope.trace.step.program import Recipe, Training, infer
from netscope.trace.step.recorder import StepRecorder
from netscope.trace.step.tensors import PlacedTwins, placed


def record_step(
    workload: Workload, recipe: Recipe | None = None, *, device: str = "cpu", amp: str | None = None
) -> Step:
    """One step of training by a recipe, or without one a forward in eval mode under no_grad.

    device:
        whose kernels and rules it goes by.
    amp:
        of inference, as `Recipe.amp`.
    """
    # To C++ the tensors are on the processor whatever the device: autograd would else ask a GPU for its streams.
    home = torch.device("cpu")

    def recording(prepared: Prepared) -> tuple[Step | None, BaseException | None]:
        try:
            return _recorded(prepared, recipe, torch.device(device), amp), None
        except BaseException as raised:  # the user's code
            if interrupts(raised):
                raise
            return None, raised

    (step, error), _, _ = contained(lambda: _on_meta(workload, recipe is not None, home), recording)
    if step is None:
        assert error is not None
        raise error
    return step


@contextmanager
def _on_meta(workload: Workload, train: bool, home: torch.device) -> Iterator[Prepared]:
    """A twin without data that is on a device."""
    where = placed(home)

    def make(spec: TensorSpec) -> torch.Tensor:
        if spec.numel <= most_kept(torch_dtype(spec)):
            return random_tensor(spec, torch.device("cpu"))
        return where.place(torch.empty(spec.shape, dtype=torch_dtype(spec), device="meta"))

    with (
        holding(workload, PlacedTwins(where), make, train, True, owned=False) as (
            module,
            args,
            kwargs,
            names,
            copier,
        ),
        keeping(names, copier) as keeper,
    ):
        recorder = StepRecorder(home, placed=where, keeper=keeper)
        yield Prepared(module, args, kwargs, names, recorder, copier)


def _recorded(prepared: Prepared, recipe: Recipe | None, device: torch.device, amp: str | None) -> Step:
    module, args, kwargs, names, recorder, _, _ = prepared
    assert isinstance(recorder, StepRecorder)
    started = time.perf_counter()
    calls = Calls(names, recorder, True)
    tags = recorder.tags
    roles: dict[int, Role] = {}

    def are(role: Role, tensors: Any) -> None:
        for tensor in tensors:
            tag = tags.of(tensor)
            if tag is not None:
                roles.setdefault(tag[1], role)

    def call(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return calls.root(module, args, kwargs)

    are(Role.PARAMETER, module.parameters())
    are(Role.BUFFER, module.buffers())
    inputs = calls.arguments(args, kwargs)
    for value in inputs:
        if value.storage >= 0:
            roles.setdefault(value.storage, Role.INPUT)
    listener = _Listener(recorder, are, module)
    here.recorder = recorder
    as_device = (
        as_on_cuda(recorder.placed)
        if device.type == "cuda" and recorder.placed is not None
        else nullcontext()
    )
    with routed(calls), recorder, as_device:
        here.outside = True
        if recipe is None:
            infer(module, args, kwargs, amp, recorder.home, listener, call)
        else:
            recorder.phase("state")
            training = Training(module, args, kwargs, recipe, device, call, casts=recorder.home)
            listener.training = training
            training.step(listener)
            del training
    parameters = ParameterFacts(tags)
    trace = Trace(
        modules=tuple(
            module_fact(m, names.of[id(m)], id(m) in names.registered, parameters) for m in names.modules
        ),
        calls=tuple(call for call in calls.all if call is not None),
        ops=tuple(recorder.ops),
        storages=tuple(recorder.storages),
        inputs=inputs,
        outputs=(),
        training=is_training(module),
        rung="meta",
        rung_reason="",
        seconds=time.perf_counter() - started,
        unseen=unseen(recorder, calls),
    )
    saved = listener.saved
    for storage, _ in saved:
        roles.setdefault(storage, Role.SAVED)
    return Step(
        trace,
        tuple(tags.events),
        tuple(recorder.phases),
        tuple(roles.get(index, Role.OTHER) for index in range(len(tags.storages))),
        saved,
        device.type,
    )


class _Listener:
    """Sees at each part of a step what there is."""

    def __init__(self, recorder: StepRecorder, are: Any, module: torch.nn.Module) -> None:
        self._recorder = recorder
        self._are = are
        self._module = module
        self.training: Training | None = None
        self.saved: tuple[tuple[int, int], ...] = ()
        self.forwarding = recorder.forwarding

    def phase(self, name: str) -> None:
        recorder = self._recorder
        if name == "backward" and not self.saved:
            self.saved = self._kept()
        if name in ("zero_grad", "optimizer", "end", "forward"):
            self._are(Role.GRADIENT, [p.grad for p in self._module.parameters() if p.grad is not None])
        if name in ("zero_grad", "end") and self.training is not None and self.training.optimizer is not None:
            states = self.training.optimizer.state.values()
            self._are(
                Role.OPTIMIZER,
                [v for state in states for v in state.values() if isinstance(v, torch.Tensor)],
            )
        recorder.phase(name)

    def _kept(self) -> tuple[tuple[int, int], ...]:
        """What autograd holds now, once each, but for parameters and buffers."""
        own = {self._recorder.tags.given(t)[1] for t in (*self._module.parameters(), *self._module.buffers())}
        found: dict[int, int] = {}
        for reference, scope in self._recorder.kept:
            kept = reference()
            if kept is None:
                continue
            storage = self._recorder.tags.given(kept.tensor)[1]
            if storage not in own:
                found.setdefault(storage, scope)
        self._recorder.kept.clear()
        return tuple(found.items())
