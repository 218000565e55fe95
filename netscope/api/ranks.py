"""One rank of many: a process stands for each that has something of its own, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from netscope.api.stages import Staged, of_pipeline
from netscope.api.summary import failed
from netscope.base.errors import NetscopeError, UsageError, said
from netscope.base.mesh import Mesh, ranks_of
from netscope.base.workload import Workload

if TYPE_CHECKING:
    from netscope.api.reading import Reader
    from netscope.base.request import Request
    from netscope.report.report import Report
    from netscope.trace.step.facts import Step

# What else is to be known of a rank: its network, and its report so far.
More = Callable[[Workload, "Report"], "Report"]


def ranked(found: Reader, request: Request, more: More | None = None) -> Report:
    """The report of one rank of the request's mesh, and of all ranks that differ from it what they have.

    more:
        is asked of each rank that is traced, while the process stands for it.

    Raises:
        as `netscope.summary`.
    """
    mesh, rank = request.mesh, request.rank
    assert mesh is not None
    if not found.named or found.ready:
        raise UsageError(
            "mesh= is for a factory, which divides its network on it.",
            hint='give its name, as in summary("train.py:parallelize", mesh="dp=2,tp=4")',
        )
    size = ranks_of(mesh)
    own = 0 if rank is None or isinstance(rank, str) else rank
    if own >= size:
        raise UsageError(f"there is no rank {own} among {size}.", hint=f"give one from 0 to {size - 1}")
    one = _own(found, request, mesh, own, more)
    if one is None:
        return of_pipeline(found, request, own, more)
    report, groups = one
    assert report.ranks is not None
    kinds = list(report.ranks.kinds)
    if rank is None or isinstance(rank, str):
        for ranks in groups:
            if own not in ranks:
                other, _ = _of_rank(found, request, mesh, ranks[0], None, more)
                assert other.ranks is not None
                kinds.append(other.ranks.own)
    kinds.sort(key=lambda kind: kind.ranks)
    return report.but(ranks=replace(report.ranks, kinds=tuple(kinds)))


def _own(
    found: Reader, request: Request, mesh: Mesh, rank: int, more: More | None
) -> tuple[Report, list[tuple[int, ...]]] | None:
    """As `_of_rank`, beside the whole network; None of a pipeline, whose stages depend on each other."""
    try:
        return _of_rank(found, request, mesh, rank, _undivided(found, request, mesh), more)
    except Staged:
        return None


def _of_rank(
    found: Reader, request: Request, mesh: Mesh, rank: int, whole: Report | None, more: More | None
) -> tuple[Report, list[tuple[int, ...]]]:
    """The report of a rank, with its own kind of ranks; and all ranks by what they have."""
    from netscope.base.meta.world import standing_for

    with standing_for(mesh, rank):
        workload = found.read(replace(request, mesh=None, rank=None))
        assert isinstance(workload, Workload)
        if workload.pipeline is not None:
            raise Staged
        report, groups = of_divided(workload, train=request.train, whole=whole)
        return report if more is None else more(workload, report), groups


def _undivided(found: Reader, request: Request, mesh: Mesh) -> Report | None:
    """The network as it is on a mesh of one rank, by the same factory; None where that makes none."""
    try:
        return _of_rank(found, request, tuple((name, 1) for name, _ in mesh), 0, None, None)[0]
    except NetscopeError:
        return None


def of_divided(
    workload: Workload, *, train: bool, whole: Report | None = None
) -> tuple[Report, list[tuple[int, ...]]]:
    """The report of a network that is divided among ranks, of which this process is one or stands for one.

    whole:
        that of the network undivided; None where it is not known.

    Raises:
        TraceError: the forward raised.
    """
    from netscope.base.environment import environment
    from netscope.report.analysis.analyze import analyze
    from netscope.report.analysis.ranks import alike, forward_of, with_rank

    step, note = _step(workload, train)
    report = analyze(forward_of(step), workload, environment=environment())
    if note:
        report = report.but(notes=(*report.notes, note))
    groups = alike(step.trace)
    place = step.trace.place
    own = next(ranks for ranks in groups if (place.rank if place else 0) in ranks)
    return with_rank(report, step, own, whole), groups


def _step(workload: Workload, train: bool) -> tuple[Step, str]:
    """Forward and backward; where there is no way back, the forward alone, and why."""
    from netscope.trace import ForwardError
    from netscope.trace.step.program import Recipe
    from netscope.trace.step.record import record_step

    try:
        return record_step(workload, Recipe(optimizer=None), train=train, ladder=("meta",)), ""
    except ForwardError as failure:
        there = failure
    try:
        step = record_step(workload, None, train=train, ladder=("meta",))
    except ForwardError as failure:
        raise failed(workload, failure) from failure.__cause__
    assert there.__cause__ is not None
    return step, f"no backward was recorded: {said(there.__cause__)}"
