"""A report with what its network takes of memory, from the steps that were recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from typing import Final

from netscope.answers.memory.reserve import reserved_for
from netscope.answers.memory.timeline import Timeline, timeline_of
from netscope.report.layer import Layer
from netscope.report.memory import Holder, LayerMemory, Memory, Moment, StepMemory, StepPart
from netscope.report.report import Report
from netscope.trace.step.facts import Role, Step
from netscope.trace.step.program import Recipe

# Of whom is alive at the peak, so many are kept, and so many moments of a step.
HOLDERS: Final = 32
MOMENTS: Final = 1024

# What is there whether or not anything runs.
_RESIDENT: Final = frozenset({Role.PARAMETER, Role.BUFFER, Role.OPTIMIZER, Role.GRADIENT})


def with_memory(report: Report, inference: Step, training: Step | None, recipe: Recipe) -> Report:
    """The report with its memory, and each layer with its own."""
    curve = timeline_of(inference)
    trained = None if training is None else timeline_of(training)
    saved = None if training is None else _saved(training)
    memory = Memory(
        device=inference.device,
        parameters=curve.at_rest.get(Role.PARAMETER, 0),
        buffers=curve.at_rest.get(Role.BUFFER, 0),
        inputs=curve.at_rest.get(Role.INPUT, 0),
        inference_peak=_activations(inference),
        inference=_step(inference, curve),
        training=None if training is None or trained is None else _step(training, trained),
        saved_for_backward=None if saved is None else sum(saved.values()),
        gradients=None if trained is None else trained.at_end.get(Role.GRADIENT, 0),
        optimizer_state=None if trained is None else trained.at_end.get(Role.OPTIMIZER, 0),
        amp=recipe.amp,
    )
    if training is not None:
        memory = replace(
            memory,
            optimizer=None if recipe.optimizer is None else _name(recipe.optimizer),
            loss=_name(recipe.loss),
            accumulate=recipe.accumulate,
            set_to_none=recipe.set_to_none,
            checkpoint=recipe.checkpoint,
        )
    step = training or inference
    report = report.but(notes=tuple(dict.fromkeys((*report.notes, *_notes(inference, training)))))
    return report.but(memory=memory, layers=_layers(report, step, saved), step=step)


def _notes(*steps: Step | None) -> Iterator[str]:
    """What to know of how steps were recorded."""
    for step in steps:
        if step is None:
            continue
        yield from step.trace.notes
        what = "training" if step.trace.training else "inference"
        if step.trace.rung != "meta":
            yield f"memory was recorded on {step.trace.rung} tensors: {step.trace.rung_reason}"
        for unseen in step.trace.unseen:
            yield f"not seen in the step of {what}, so that its memory is at least this: {unseen.what}"


def _name(chosen: object) -> str:
    return chosen if isinstance(chosen, str) else getattr(chosen, "__qualname__", type(chosen).__name__)


def _saved(step: Step) -> Counter[str]:
    """What was kept for the backward, by the path of the call that kept it first."""
    trace = step.trace
    found: Counter[str] = Counter()
    for storage, call in step.saved:
        path = trace.calls[call].path if call >= 0 else ""
        found[path] += trace.storages[storage].nbytes
    return found


# The step


def _step(step: Step, curve: Timeline) -> StepMemory:
    trace = step.trace

    def moment(op: int, nbytes: int) -> Moment:
        part = next((one.name for one in reversed(curve.parts) if one.first <= op), "")
        if not 0 <= op < len(trace.ops):
            return Moment(part, "", None, nbytes)
        called = trace.ops[op]
        return Moment(
            part, called.operator.name, trace.calls[called.call].path if called.call >= 0 else None, nbytes
        )

    return StepMemory(
        peak=curve.peak,
        at=moment(curve.peak_op, curve.peak),
        scratch=curve.scratch,
        roles={role.value: nbytes for role, nbytes in curve.roles.items()},
        holders=tuple(Holder(owner.role.value, *owner[1:]) for owner in curve.owners[:HOLDERS]),
        parts=tuple(StepPart(part.name, part.begin, part.most, part.end) for part in curve.parts),
        timeline=tuple(moment(op, nbytes) for op, nbytes in _thinned(curve)),
        reserved=None if step.device == "cpu" else reserved_for(step),
    )


def _thinned(curve: Timeline) -> Iterator[tuple[int, int]]:
    """Every operator, or the highest of so many each."""
    points = curve.points
    each = -(-len(points) // MOMENTS) or 1
    for start in range(0, len(points), each):
        yield max(points[start : start + each], key=lambda point: point.nbytes)


# Its layers


def _activations(step: Step) -> int:
    """The most that is alive of all but what is there whether or not anything runs."""
    return max(most for most, _ in _alive(step))


def _alive(step: Step) -> list[tuple[int, int]]:
    """For each operator what is alive at most while it runs and when it is over, the resident apart."""
    changes = [0] * (len(step.trace.ops) + 2)
    most = [0] * (len(step.trace.ops) + 2)
    live = highest = 0
    at = 0
    for event in step.events:
        if step.roles[event.storage] in _RESIDENT:
            continue
        while at < event.op:
            most[at], changes[at] = highest, live
            at += 1
            highest = live
        live += event.nbytes if event.born else -event.nbytes
        highest = max(highest, live)
    for rest in range(at, len(most)):
        most[rest], changes[rest] = highest, live
        highest = live
    return list(zip(most, changes, strict=True))


def _layers(report: Report, step: Step, saved: Counter[str] | None) -> tuple[Layer, ...]:
    alive = _alive(step)
    forward = next(
        (place for place, phase in enumerate(step.phases) if phase.name == "forward"), len(step.phases)
    )
    until = step.phases[forward + 1].op if forward + 1 < len(step.phases) else len(step.trace.ops)
    live: dict[str, int] = {}
    peak: dict[str, int] = {}
    for call in step.trace.calls:
        if call.first_op >= until:
            continue  # computed again in the backward, or of another forward
        last = min(call.last_op, until)
        highest = max((alive[op][0] for op in range(call.first_op, last)), default=alive[last][0])
        peak[call.path] = max(peak.get(call.path, 0), highest)
        live[call.path] = max(live.get(call.path, 0), alive[last - 1][1] if last > call.first_op else highest)
    within = None if saved is None else _within(saved)
    return tuple(
        layer.but(
            memory=None
            if layer.path not in peak
            else LayerMemory(
                None if within is None else within[layer.path],
                None if saved is None else saved[layer.path],
                live[layer.path],
                peak[layer.path],
            )
        )
        for layer in report.layers
    )


def _within(own: Counter[str]) -> Counter[str]:
    """Of each path with all inside it."""
    found: Counter[str] = Counter()
    for path, nbytes in own.items():
        parts = path.split(".") if path else []
        for around in ["", *accumulate(parts, "{}.{}".format)]:
            found[around] += nbytes
    return found
