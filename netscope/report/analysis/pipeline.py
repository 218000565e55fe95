"""What the ranks of a pipeline do in a step, from what each stage does with one microbatch. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from netscope.base.workload import Pipeline, TensorSpec
from netscope.report.ranks import Axis, Bubble, LayerRank, RankKind, Traffic, together
from netscope.report.report import Report

# (stage, what, microbatch), as of `Pipeline.order`.
Action = tuple[int, str, int]
# With these torch exchanges the gradients of ranks that have batches of their own.
_OF_GRADIENTS: Final = frozenset({"reduce_scatter", "all_reduce"})


class Stage(NamedTuple):
    """One stage, with one microbatch.

    macs, backward_macs:
        None where something was not known.
    input_macs:
        of the backward, what the gradient of its input takes: the "I" of a schedule; None where that was not
        asked for, or not known.
    own_traffic:
        what is sent within it, row by row.
    inputs, outputs:
        tensors that it is given by the stage before, and gives to the next.
    """

    number: int
    params: int
    param_bytes: int
    macs: int | None
    backward_macs: int | None
    input_macs: int | None
    own_traffic: tuple[tuple[Traffic, ...], ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def cost(self, what: str) -> float | None:
        """MACs of a part of the work. Halves of a backward that are not known are taken to be equal."""
        if what in ("F", "UNSHARD", "RESHARD"):
            return self.macs if what == "F" else 0
        if what == "B" or self.backward_macs is None:
            return self.backward_macs
        if self.number == 0:  # nobody wants the gradient of its input: all is done with the weights
            return 0 if what == "I" else self.backward_macs
        half = self.backward_macs / 2 if self.input_macs is None else self.input_macs
        return half if what == "I" else self.backward_macs - half


def bubble_of(pipeline: Pipeline, stages: Sequence[Stage]) -> Bubble | None:
    """How long each rank of a pipeline waits; None where its order or what a stage does is not known."""
    if pipeline.order is None:
        return None
    costs: dict[tuple[int, str], float] = {}
    for stage, what, _ in {action for actions in pipeline.order for action in actions}:
        cost = stages[stage].cost(what)
        if cost is None:
            return None
        costs[stage, what] = cost
    idle = waits(pipeline.order, costs, len(stages))
    return None if idle is None else Bubble(pipeline.schedule, pipeline.microbatches, idle)


def waits(
    order: Sequence[Sequence[Action]], costs: dict[tuple[int, str], float], stages: int
) -> tuple[float, ...] | None:
    """The part of a step in which each rank does nothing, if it works in that order and parts take so long.

    A forward waits for that of the stage before, a backward for that of the stage after. None where the ranks
    would wait for each other for ever, or nothing takes any time.
    """
    done: dict[Action, float] = {}
    at, free, busy = [0] * len(order), [0.0] * len(order), [0.0] * len(order)
    going = True
    while going:
        going = False
        for rank, actions in enumerate(order):
            while at[rank] < len(actions):
                action = actions[at[rank]]
                ready = _ready(action, done, stages)
                if ready is None:
                    break
                cost = costs[action[:2]]
                free[rank] = max(free[rank], ready) + cost
                busy[rank] += cost
                done[action] = free[rank]
                at[rank] += 1
                going = True
    if any(place < len(actions) for place, actions in zip(at, order, strict=True)):
        return None
    end = max(free, default=0.0)
    return tuple(max(0.0, 1 - worked / end) for worked in busy) if end else None


def _ready(action: Action, done: dict[Action, float], stages: int) -> float | None:
    """When there is all that an action needs; None while there is not."""
    stage, what, batch = action
    match what:
        case "F":
            return done.get((stage - 1, "F", batch)) if stage else 0.0
        case "B" | "I":
            own = done.get((stage, "F", batch))
            if stage == stages - 1 or own is None:
                return own
            after = [done[key] for kind in "BI" if (key := (stage + 1, kind, batch)) in done]
            return max(own, *after) if after else None
        case "W":
            return done.get((stage, "I", batch))
    return 0.0


def gathers(order: Iterable[Action], stage: int, *, kept: bool) -> tuple[int, int]:
    """How often a fully sharded part of a stage is made whole for a forward and for a backward of a step.

    kept:
        whether it stays whole after a forward. After a backward all stay so: torch divides them again when
        the step is over.
    """
    whole = asked = False
    times = {"F": 0, "B": 0}
    for number, what, _ in order:
        if number != stage or (what == "I" and stage == 0):
            continue
        if what == "UNSHARD":
            asked, whole = asked or not whole, True
        elif what == "RESHARD":
            whole = False
        else:
            if asked or not whole:
                times["F" if what == "F" else "B"] += 1
            asked, whole = False, what != "F" or kept
    return times["F"], times["B"]


def kind_of(
    pipeline: Pipeline, place: int, stages: Iterable[Stage], axis: Axis, mesh: Sequence[Axis]
) -> RankKind:
    """What a rank of a pipeline has and does in a step.

    place:
        of it in the pipeline.
    stages:
        all of the pipeline.
    axis:
        that along which they lie.
    """
    own = [stage for stage in stages if pipeline.owners[stage.number] == place]
    traffic: list[Traffic] = []
    for stage in own:
        for row in stage.own_traffic:
            traffic += _of_step(pipeline, place, stage, row, mesh)
        traffic += handed_on(pipeline, stage, axis, pipeline.microbatches)
    numbers = tuple(stage.number for stage in own)
    return RankKind(
        (),
        numbers[0],
        sum(stage.params for stage in own),
        sum(stage.param_bytes for stage in own),
        _times(pipeline.microbatches, (stage.macs for stage in own)),
        _times(pipeline.microbatches, (stage.backward_macs for stage in own)),
        None,
        together(traffic),
        numbers if len(numbers) > 1 else (),
    )


def _times(times: int, values: Iterable[int | None]) -> int | None:
    known = list(values)
    return None if None in known else times * sum(value for value in known if value)


def handed_on(pipeline: Pipeline, stage: Stage, axis: Axis, times: int) -> tuple[Traffic, ...]:
    """What a stage gets from the one before and the one after, and gives them, so many times.

    Between stages of one rank nothing is sent.
    """
    last = len(pipeline.owners) - 1
    backward = stage.backward_macs is not None
    found = []

    def passes(collective: str, phase: str, tensors: Sequence[TensorSpec]) -> None:
        nbytes = times * sum(spec.nbytes for spec in tensors)
        if tensors:
            wire = nbytes if collective == "send" else 0
            calls = times * len(tensors)
            found.append(Traffic(collective, axis.name, axis.size, axis.reach, phase, calls, nbytes, wire))

    if stage.number > 0 and pipeline.owners[stage.number - 1] != pipeline.owners[stage.number]:
        passes("recv", "forward", stage.inputs)
        if backward:
            passes("send", "backward", differentiable(stage.inputs))
    if stage.number < last and pipeline.owners[stage.number + 1] != pipeline.owners[stage.number]:
        passes("send", "forward", stage.outputs)
        if backward:
            passes("recv", "backward", differentiable(stage.outputs))
    return tuple(found)


def differentiable(tensors: Iterable[TensorSpec]) -> tuple[TensorSpec, ...]:
    """Those that have gradients."""
    return tuple(spec for spec in tensors if spec.dtype.startswith(("float", "bfloat", "complex")))


def _of_step(
    pipeline: Pipeline, place: int, stage: Stage, row: tuple[Traffic, ...], mesh: Sequence[Axis]
) -> Iterable[Traffic]:
    """What a row sends in a step, from what it sends with a microbatch."""
    data = {axis.name for axis in mesh if axis.role == "data"}
    order = None if pipeline.order is None else pipeline.order[place]

    def of_shards(one: Traffic) -> bool:
        return pipeline.accumulates and order is not None and data.issuperset(one.axis.split("+"))

    gathered = [one for one in row if of_shards(one) and one.collective == "all_gather"]
    kept = all(one.phase == "forward" for one in gathered)
    for one in row:
        times = pipeline.microbatches
        if of_shards(one) and one.phase == "backward" and one.collective in _OF_GRADIENTS:
            times = 1
        elif one in gathered and order is not None:
            forward, backward = gathers(order, stage.number, kept=kept)
            times = forward if one.phase == "forward" else backward
        if times:
            yield one._replace(
                calls=times * one.calls,
                buffer_bytes=times * one.buffer_bytes,
                wire_bytes=times * one.wire_bytes,
            )


def joined(report: Report, stages: Mapping[str, Report]) -> Report:
    """The report of a rank's stages together, with what it has of the rows of each by itself.

    stages:
        their reports, by the path of each in that of all.
    """
    ranks = report.ranks
    assert ranks is not None
    rows = {_within(path, row.path): row.rank for path in stages for row in stages[path].layers}
    tops = [top for one in stages.values() if (top := one.root.rank) is not None]
    every = [one.ranks for one in stages.values() if one.ranks is not None]
    root = LayerRank(
        global_macs=_times(1, (top.global_macs for top in tops)),
        backward_macs=_times(1, (top.backward_macs for top in tops)),
        global_backward_macs=_times(1, (top.global_backward_macs for top in tops)),
        traffic=together(one for top in tops for one in top.traffic),
    )
    layers = tuple(
        row.but(rank=rows.get(row.path, root if not row.path else row.rank)) for row in report.layers
    )
    kind = ranks.own._replace(backward_macs=root.backward_macs, traffic=root.traffic)
    found = replace(
        ranks,
        trained=all(one.trained for one in every),
        kinds=(kind,),
        repeated=tuple(
            row._replace(path=_within(path, row.path))
            for path, one in stages.items()
            for row in (() if one.ranks is None else one.ranks.repeated)
        ),
        implicit=tuple(
            row._replace(path=_within(path, row.path))
            for path, one in stages.items()
            for row in (() if one.ranks is None else one.ranks.implicit)
        ),
    )
    notes = dict.fromkeys(note for one in (report, *stages.values()) for note in one.notes)
    return report.but(layers=layers, ranks=found, notes=tuple(notes))


def _within(path: str, inner: str) -> str:
    return f"{path}.{inner}" if inner else path


def with_handed_on(report: Report, sent: dict[str, tuple[Traffic, ...]]) -> Report:
    """The report with what the modules of these paths, which are stages, get and give besides."""
    layers = []
    for layer in report.layers:
        rank = layer.rank
        inside = [
            one for path, traffic in sent.items() if path == layer.path or not layer.path for one in traffic
        ]
        if rank is not None and inside:
            own = sent.get(layer.path, ())
            rank = rank._replace(
                traffic=together((*rank.traffic, *inside)), own_traffic=together((*rank.own_traffic, *own))
            )
        layers.append(layer.but(rank=rank))
    return report.but(layers=tuple(layers))
