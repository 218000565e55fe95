"""Pipelines: a process stands for each stage in turn, which is given what the one before returned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from netscope.api.summary import failed
from netscope.base.errors import NetscopeError, TraceError, UsageError, said
from netscope.base.mesh import Mesh, naming
from netscope.base.workload import Pipeline, TensorSpec, Workload, stage_name

if TYPE_CHECKING:
    from netscope.api.reading import Reader
    from netscope.base.request import Request
    from netscope.report.analysis.pipeline import Stage
    from netscope.report.ranks import Axis, RankKind
    from netscope.report.report import Report
    from netscope.trace.facts import Place
    from netscope.trace.step.facts import Step

    More = Callable[[Workload, Report], Report]


class Staged(Exception):
    """A factory has returned stages of a pipeline, which are not traced by themselves."""


class _Line(NamedTuple):
    """The stages of a pipeline, of ranks that differ in nothing else.

    like:
        by stage, the ranks of the world by what they have: `analysis.ranks.alike`.
    """

    pipeline: Pipeline
    place: Place
    mesh: tuple[Axis, ...]
    stages: tuple[Stage, ...]
    like: tuple[list[tuple[int, ...]], ...]
    notes: tuple[str, ...]

    @property
    def axis(self) -> Axis:
        """The axis along which the stages lie."""
        return next(axis for axis in self.mesh if axis.name == self.place.stages)

    def split(self, rank: int) -> tuple[int, int]:
        """A rank's place in its pipeline, and that pipeline's first rank."""
        place = rank // self.axis.stride % self.axis.size
        return place, rank - place * self.axis.stride


def of_pipeline(found: Reader, request: Request, own: int, more: More | None = None) -> Report:
    """The report of a rank's stages with one microbatch, and what all ranks do in a step.

    Args:
        own: the rank.
        more: as of `netscope.api.ranks.ranked`; asked of that rank.

    Raises:
        UsageError: the batch is no multiple of the microbatches.
        as `netscope.summary`.
    """
    from netscope.report.analysis.pipeline import bubble_of, with_handed_on

    mesh = request.mesh
    assert mesh is not None
    line = _walked(found, request, mesh, own)
    pipeline = line.pipeline
    report = _rows(found, request, mesh, own, line, more)
    lines = {_signature(line, line.split(own)[1]): line}
    if request.rank is None or isinstance(request.rank, str):
        for first in _firsts(line):
            if _signature(line, first) not in lines:
                lines[_signature(line, first)] = _walked(found, request, mesh, first)
    sent = _handed_on(line, own)
    kinds = _kinds(line, lines)
    if not (request.rank is None or isinstance(request.rank, str)):
        kinds = [kind for kind in kinds if own in kind.ranks]
    assert report.ranks is not None
    ranks = replace(
        report.ranks,
        kinds=tuple(kinds),
        bubble=bubble_of(pipeline, line.stages),
        microbatches=pipeline.microbatches,
    )
    notes = dict.fromkeys((*report.notes, *line.notes))
    if pipeline.microbatches > 1:
        notes[f"rows are of one microbatch of {pipeline.microbatches}, figures of ranks of a whole step"] = (
            None
        )
    return with_handed_on(report, sent).but(ranks=ranks, notes=tuple(notes))


def _firsts(line: _Line) -> list[int]:
    """The first rank of each pipeline of the world."""
    return sorted({line.split(rank)[1] for rank in range(line.place.world)})


def _signature(line: _Line, first: int) -> tuple[int, ...]:
    """What tells a pipeline from those whose ranks have other shapes: by stage, which group it is in."""
    found = []
    for stage, groups in enumerate(line.like):
        rank = first + line.pipeline.owners[stage] * line.axis.stride
        found.append(next(index for index, ranks in enumerate(groups) if rank in ranks))
    return tuple(found)


def _kinds(line: _Line, lines: dict[tuple[int, ...], _Line]) -> list[RankKind]:
    """All ranks by what they have and do."""
    from netscope.report.analysis.pipeline import kind_of

    members: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for first in _firsts(line):
        members[_signature(line, first)].append(first)
    ranks: dict[RankKind, list[int]] = defaultdict(list)
    for signature, other in lines.items():
        for place in range(other.axis.size):
            kind = kind_of(other.pipeline, place, other.stages, other.axis, other.mesh)
            ranks[kind] += [first + place * line.axis.stride for first in members[signature]]
    kinds = [kind._replace(ranks=tuple(sorted(those))) for kind, those in ranks.items()]
    return sorted(kinds, key=lambda kind: kind.ranks)


def _handed_on(line: _Line, own: int) -> dict[str, Any]:
    """What the rank's stages get and give with one microbatch, by the path of their modules."""
    from netscope.report.analysis.pipeline import handed_on

    place, _ = line.split(own)
    stages = [stage for stage in line.stages if line.pipeline.owners[stage.number] == place]
    return {
        stage_name(stage.number) if len(stages) > 1 else "": handed_on(line.pipeline, stage, line.axis, 1)
        for stage in stages
    }


# One stage after the other


def _walked(found: Reader, request: Request, mesh: Mesh, rank: int) -> _Line:
    """All stages of the pipeline that a rank is in."""
    from netscope.report.analysis.ranks import alike, axes_of

    stages: list[Stage] = []
    like = []
    notes: dict[str, None] = {}
    pipeline: Pipeline | None = None
    place: Place | None = None
    axes: tuple[Axis, ...] = ()
    for workload, number in _stages(found, request, mesh, rank, lambda: stages[-1].outputs):
        stage, step, notes_ = _traced(workload, number, train=request.train)
        assert workload.pipeline is not None
        assert step.trace.place is not None
        stages.append(stage)
        like.append(alike(step.trace))
        notes.update(dict.fromkeys(notes_))
        pipeline, place = pipeline or workload.pipeline, place or step.trace.place
        axes = axes or axes_of(step.trace.place, step.trace.groups)
    assert pipeline is not None
    assert place is not None
    return _Line(pipeline, place, axes, tuple(stages), tuple(like), tuple(notes))


def _stages(
    found: Reader, request: Request, mesh: Mesh, rank: int, given: Callable[[], Sequence[TensorSpec]]
) -> Iterator[tuple[Workload, int]]:
    """Each stage with one microbatch, while this process stands for its rank.

    given:
        what the stage before returned.
    """
    with _read(found, request, mesh, rank) as workload:
        whole = _pipeline_of(workload)
    for number, place in enumerate(whole.owners):
        with _read(found, request, mesh, whole.ranks[place]) as workload:
            inputs = given() if number else None
            yield _stage(workload, number, inputs), number


def _read(found: Reader, request: Request, mesh: Mesh, rank: int) -> Any:
    """A context in which this process stands for a rank: its stages."""
    from contextlib import contextmanager

    from netscope.base.meta.world import standing_for

    @contextmanager
    def reading() -> Iterator[Workload]:
        with naming(mesh, rank), standing_for(mesh, rank):
            workload = found.read(replace(request, mesh=None, rank=None))
            assert isinstance(workload, Workload)
            _pipeline_of(workload)
            yield workload

    return reading()


def _pipeline_of(workload: Workload) -> Pipeline:
    if workload.pipeline is None:
        raise UsageError(
            f"{workload.name} returns stages of a pipeline on some ranks, and none on others.",
            hint="return a stage or a schedule on each",
        )
    return workload.pipeline


def _stage(workload: Workload, number: int, inputs: Sequence[TensorSpec] | None) -> Workload:
    """One of a rank's stages with one microbatch."""
    pipeline = _pipeline_of(workload)
    module = workload.module
    if len(pipeline.stages) > 1:
        module = getattr(module, stage_name(number))
    args = _first_args(workload) if inputs is None else _handed(inputs)
    return replace(workload, module=module, args=args, kwargs=_named_args(workload), rebuild=None)


def _handed(inputs: Sequence[TensorSpec]) -> tuple[Any, ...]:
    """Inputs that another stage returned: their gradients are wanted there."""
    import torch

    from netscope.report.analysis.pipeline import differentiable

    def made(spec: TensorSpec) -> Any:
        if not differentiable([spec]):
            return spec
        dtype = getattr(torch, spec.dtype)
        return torch.empty(spec.shape, dtype=dtype, device="meta", requires_grad=True)

    return tuple(map(made, inputs))


def _first_args(workload: Workload) -> tuple[Any, ...]:
    pipeline = _pipeline_of(workload)
    dims = [*pipeline.dims, *[0] * len(workload.args)]
    return tuple(_cut(value, dim, pipeline) for value, dim in zip(workload.args, dims, strict=False))


def _named_args(workload: Workload) -> dict[str, Any]:
    pipeline = _pipeline_of(workload)
    dims = dict(pipeline.named_dims)
    return {name: _cut(value, dims.get(name, 0), pipeline) for name, value in workload.kwargs.items()}


def _cut(value: Any, dim: int | None, pipeline: Pipeline) -> Any:
    """The first microbatch of an argument."""
    import torch

    count = pipeline.microbatches
    if dim is None or count == 1:
        return value
    if type(value) in (list, tuple):
        return type(value)(_cut(item, dim, pipeline) for item in value)
    if type(value) is dict:
        return {key: _cut(item, dim, pipeline) for key, item in value.items()}
    if not isinstance(value, (TensorSpec, torch.Tensor)) or not -len(value.shape) <= dim < len(value.shape):
        return value
    dim %= len(value.shape)
    size, rest = divmod(value.shape[dim], count)
    if rest or not size:
        raise UsageError(
            f"a batch of {value.shape[dim]} cannot be divided into {count} microbatches.",
            hint=f"give the batch of a whole step, a multiple of {count}, as in --batch {count}",
        )
    if isinstance(value, TensorSpec):
        return replace(value, shape=(*value.shape[:dim], size, *value.shape[dim + 1 :]))
    return value.narrow(dim, 0, size)


# What is recorded


def _traced(workload: Workload, number: int, *, train: bool) -> tuple[Stage, Step, list[str]]:
    """What a stage does with one microbatch."""
    from netscope.report.analysis.pipeline import Stage

    pipeline = _pipeline_of(workload)
    report, step, notes = _reported(workload, number, train=train)
    assert report.ranks is not None
    kind = report.ranks.own
    input_macs = None
    if number and kind.backward_macs is not None and _halved(pipeline):
        input_macs = _of_input(workload, train=train)
        if input_macs is None:
            notes.append(
                "what the two halves of a backward do was not told apart: each is taken for half of it"
            )
    outputs = [value for value in step.trace.calls[0].outputs if value.spec is not None]
    if number < len(pipeline.owners) - 1 and any(value.whole is not None for value in outputs):
        raise UsageError(
            f"stage {number} returns a tensor that is divided among ranks, which is not handed on here.",
            hint="have it return what the rank has: use_local_output=True",
        )
    inputs = [_spec(value) for value in workload.args] if number else []
    rows = tuple(layer.rank.own_traffic for layer in report.layers if layer.rank and layer.rank.own_traffic)
    stage = Stage(
        number,
        kind.params,
        kind.param_bytes,
        kind.macs,
        kind.backward_macs,
        input_macs,
        rows,
        tuple(inputs),
        tuple(value.spec for value in outputs if value.spec is not None),
    )
    return stage, step, notes


def _spec(handed: Any) -> TensorSpec:
    """Of an input that another stage returned."""
    if isinstance(handed, TensorSpec):
        return handed
    return TensorSpec(tuple(handed.shape), str(handed.dtype).removeprefix("torch."))


def _halved(pipeline: Pipeline) -> bool:
    """Whether gradients of inputs and of weights are computed apart."""
    return any(what in "IW" for actions in pipeline.order or () for _, what, _ in actions)


def _of_input(workload: Workload, *, train: bool) -> int | None:
    """MACs of a backward to a stage's input alone; None where that was not to be had."""
    from netscope.report.analysis.ranks import counted

    trained = [parameter for parameter in workload.module.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        step, note = _step(workload, train, "mean")
    except TraceError:
        return None
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
    known = list(counted(step).backward.values())
    return None if note or None in known else sum(value for value in known if value)


def _reported(workload: Workload, number: int, *, train: bool) -> tuple[Report, Step, list[str]]:
    """The report of a stage with one microbatch; of all ranks, as if there were none like it."""
    pipeline = _pipeline_of(workload)
    step, note = _step(workload, train, "usual" if number == len(pipeline.owners) - 1 else "mean")
    report, step = _analyzed(workload, step)
    return report, step, [note] if note else []


def _analyzed(workload: Workload, step: Step) -> tuple[Report, Step]:
    """The report of a step, and the step with its place."""
    from netscope.base.environment import environment
    from netscope.report.analysis.analyze import analyze
    from netscope.report.analysis.ranks import forward_of, with_rank

    place = _placed(step, _pipeline_of(workload))
    step = step._replace(trace=step.trace._replace(place=place))
    report = analyze(forward_of(step), workload, environment=environment())
    return with_rank(report, step, (place.rank,)), step


def _rows(
    found: Reader, request: Request, mesh: Mesh, rank: int, line: _Line, more: More | None = None
) -> Report:
    """The report of a rank's own stages, beside what they are where nothing but the pipeline divides them."""
    from netscope.report.analysis.pipeline import joined
    from netscope.report.analysis.ranks import with_rank

    divided = any(size > 1 for name, size in mesh if name != line.place.stages)
    wholes = _undivided(found, request, mesh, rank, line) if divided else {}
    with _read(found, request, mesh, rank) as workload:
        stages = {}
        for ready, number in _own_stages(workload, line.stages):
            report, step, notes = _reported(ready, number, train=request.train)
            report = with_rank(report, step, (rank,), wholes.get(number) if divided else report)
            stages[stage_name(number)] = report.but(notes=(*report.notes, *notes))
        if len(stages) > 1:
            ready = _together(workload, line.stages)
            report = joined(_analyzed(ready, _forward(ready, request.train))[0], stages)
        else:
            (report,) = stages.values()
        return report if more is None else more(ready, report)


def _own_stages(workload: Workload, stages: Sequence[Stage]) -> Iterator[tuple[Workload, int]]:
    for number in _pipeline_of(workload).stages:
        yield _stage(workload, number, stages[number].inputs if number else None), number


def _undivided(found: Reader, request: Request, mesh: Mesh, rank: int, line: _Line) -> dict[int, Report]:
    """The same stages on a mesh of the pipeline's axis alone; none where the factory makes none."""
    if all(name != line.place.stages for name, _ in mesh):
        return {}
    alone = tuple((name, size if name == line.place.stages else 1) for name, size in mesh)
    place, _ = line.split(rank)
    try:
        apart = _walked(found, request, alone, place)
        with _read(found, request, alone, place) as workload:
            return {
                number: _reported(ready, number, train=request.train)[0]
                for ready, number in _own_stages(workload, apart.stages)
            }
    except NetscopeError:
        return {}


def _together(workload: Workload, stages: Sequence[Stage]) -> Workload:
    """All stages of a rank with one microbatch each."""
    args = tuple(ready.args for ready, _ in _own_stages(workload, stages))
    return replace(workload, args=args, kwargs=_named_args(workload), rebuild=None)


def _forward(workload: Workload, train: bool) -> Step:
    """A forward alone."""
    from netscope.trace import ForwardError
    from netscope.trace.step.record import record_step

    try:
        return record_step(workload, None, train=train, ladder=("meta",))
    except ForwardError as failure:
        raise failed(workload, failure) from failure.__cause__


def _step(workload: Workload, train: bool, loss: str) -> tuple[Step, str]:
    """Forward and backward; where there is no way back, the forward alone, and why."""
    from netscope.trace import ForwardError
    from netscope.trace.step.program import Recipe
    from netscope.trace.step.record import record_step

    try:
        recipe = Recipe(optimizer=None, loss=loss)
        return record_step(workload, recipe, train=train, ladder=("meta",)), ""
    except (ForwardError, UsageError) as failure:  # the latter where nothing has a gradient
        reason = said(failure.__cause__ or failure)
    return _forward(workload, train), f"no backward was recorded: {reason}"


def _placed(step: Step, pipeline: Pipeline) -> Place:
    """Where a stage's rank is, also where no tensor of it lies on a mesh."""
    from netscope.base.meta.world import current
    from netscope.report.analysis.ranks import along
    from netscope.trace.facts import Place
    from netscope.trace.sharded import place_on

    world = current()
    assert world is not None
    known = step.trace.place, place_on(world.made)
    places = [place for place in known if place is not None]
    for place in places:
        name = along(pipeline.ranks, place)
        if name and "+" not in name:
            return place._replace(stages=name)
    # A group that lies on no mesh, or on all of one, as of a pipeline alone.
    count, ranks = len(pipeline.ranks), pipeline.ranks
    stride = ranks[1] - ranks[0] if count > 1 else 1
    place = places[0] if places else Place(world.rank, world.size, ())
    names = [name for name, size in world.mesh if size == count]
    name = names[0] if len(names) == 1 else "pp"
    rest = tuple(axis for axis in place.axes if axis[0] != name)
    return place._replace(axes=((name, count, stride), *rest), stages=name)
