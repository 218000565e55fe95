"""One rank of many: a process stands for each that has something of its own, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from netscope.api.stages import Staged, of_pipeline
from netscope.api.summary import failed
from netscope.base.errors import NetscopeError, TraceError, UsageError, said
from netscope.base.mesh import Mesh, mesh_text, naming, ranks_of
from netscope.base.workload import Workload

if TYPE_CHECKING:
    from netscope.api.reading import Reader
    from netscope.base.request import Request
    from netscope.report.ranks import RankKind, Ranks, Repeated
    from netscope.report.report import Report
    from netscope.trace.step.facts import Step

# So many ranks are built at the most to see which are alike.
_MOST_BUILT: Final = 32
_OFFLOADED: Final = "what FSDP2 keeps in the processor's memory is counted as the device's"
# In the name of kernels that a GPU has others for: torch can divide those, and not these.
_ON_CPU_ALONE: Final = "_for_cpu."
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
    try:
        traced = _of_rank(found, request, mesh, own, _undivided(found, request, mesh), more)
    except Staged:
        return of_pipeline(found, request, own, more)
    alike, left = _by_build(found, request, mesh, own, traced)
    kinds: list[RankKind] = []
    for built in dict.fromkeys(one.built for one in alike):
        same: list[RankKind] = []
        for ranks in (one.ranks for one in alike if one.built == built):
            if own in ranks or not isinstance(rank, int):
                traced_ = traced if own in ranks else None
                same += _kinds(found, request, mesh, traced_, ranks, own, rank, more)
        kinds += _merged(same)
    kinds.sort(key=lambda kind: kind.ranks)
    first, of_own = (next(one.built for one in alike if number in one.ranks) for number in (0, own))
    report = traced.report if first == of_own else _alone(traced.report)
    assert report.ranks is not None
    notes = [*report.notes, *_notes(report, mesh, same=len({one.built for one in alike}) == 1)]
    if left:
        notes.append(f"what the other {left:,} of {size:,} ranks build was not looked at: these differ")
    group = next(one.ranks for one in alike if own in one.ranks)
    repeated = tuple(one for one in report.ranks.repeated if _all_do(one, report.ranks, group))
    told = replace(report.ranks, kinds=tuple(kinds), repeated=repeated)
    return report.but(ranks=told, notes=tuple(notes))


def _merged(kinds: Iterable[RankKind]) -> list[RankKind]:
    """Kinds of ranks that build the same and differ in no figure, as one."""
    found: dict[RankKind, list[int]] = {}
    for kind in kinds:
        found.setdefault(kind._replace(ranks=()), []).extend(kind.ranks)
    return [kind._replace(ranks=tuple(sorted(ranks))) for kind, ranks in found.items()]


def _alone(report: Report) -> Report:
    """The report of a rank without the undivided network beside it, which is what the first rank builds."""
    assert report.ranks is not None
    layers = [
        layer
        if layer.rank is None
        else layer.but(rank=layer.rank._replace(global_macs=None, global_backward_macs=None))
        for layer in report.layers
    ]
    return report.but(layers=tuple(layers), ranks=replace(report.ranks, repeated=()))


def _all_do(repeated: Repeated, ranks: Ranks, alike: tuple[int, ...]) -> bool:
    """Whether all ranks along the axes of repeated work build what the report's own rank builds."""
    along = repeated.axis.split("+")
    stay = tuple(zip(ranks.mesh, ranks.coordinates, strict=True))
    others = (
        rank
        for rank in range(ranks.world)
        if all(axis.name in along or rank // axis.stride % axis.size == place for axis, place in stay)
    )
    return set(alike).issuperset(others)


class _Traced(NamedTuple):
    """A rank that was traced.

    groups:
        all ranks by what they have, if they build the same.
    built:
        as `netscope.trace.sharded.built_of`.
    """

    report: Report
    groups: list[tuple[int, ...]]
    built: tuple[Any, ...]


def _kinds(
    found: Reader,
    request: Request,
    mesh: Mesh,
    traced: _Traced | None,
    ranks: tuple[int, ...],
    own: int,
    rank: int | str | None,
    more: More | None,
) -> list[RankKind]:
    """The kinds among ranks that build the same.

    traced:
        the report's own rank, where it is one of them.
    """
    first = own if traced is not None else ranks[0]
    traced = traced or _of_rank(found, request, mesh, first, None, more)
    among, kinds = set(ranks), []
    for group in traced.groups:
        there = tuple(one for one in group if one in among)
        if first in there:
            report = traced.report
        elif there and not isinstance(rank, int):
            report = _of_rank(found, request, mesh, there[0], None, more).report
        else:
            continue
        assert report.ranks is not None
        kinds.append(report.ranks.kinds[0]._replace(ranks=there))
    return kinds


class _Alike(NamedTuple):
    """Ranks that build the same, and lie alike on the axes along which one sends to another.

    built:
        which of all networks that are built, by a number.
    """

    ranks: tuple[int, ...]
    built: int


def _by_build(
    found: Reader, request: Request, mesh: Mesh, own: int, traced: _Traced
) -> tuple[list[_Alike], int]:
    """All ranks by what the factory builds on them; and how many were not looked at.

    Nothing but the factory knows what it makes of a rank's number. The rank that is farthest away on every
    axis is built as well; where it is another network, so is one along each axis alone, and then every place
    of the axes that make a difference. Along an axis on which one sends to another, each does something else.
    """
    built = traced.built
    apart = _apart(traced.report, mesh)
    sizes = [size for _, size in mesh]
    at = _coordinates(own, sizes)
    far = tuple(0 if place else size - 1 for place, size in zip(at, sizes, strict=True))
    known = {at: built}

    def of(place: tuple[int, ...]) -> tuple[Any, ...]:
        if place not in known:
            known[place] = _built(found, request, mesh, _number(place, sizes))
        return known[place]

    size = ranks_of(mesh)
    matter = list(apart)
    if of(far) != built:
        there = [axis for axis in range(len(sizes)) if of((*at[:axis], far[axis], *at[axis + 1 :])) != built]
        matter = sorted({*apart, *(there or range(len(sizes)))})
    if not matter:
        return [_Alike(tuple(range(size)), 0)], 0
    places = prod(sizes[axis] for axis in matter)
    groups: dict[tuple[Any, ...], list[int]] = {}
    if places > _MOST_BUILT:
        for place, what in sorted(known.items()):
            key = what, tuple(place[axis] for axis in apart)
            groups.setdefault(key, []).append(_number(place, sizes))
        return _numbered(groups), size - len(known)
    for number in range(size):
        place = _coordinates(number, sizes)
        like = tuple(place[axis] if axis in matter else at[axis] for axis in range(len(sizes)))
        key = of(like), tuple(place[axis] for axis in apart)
        groups.setdefault(key, []).append(number)
    return _numbered(groups), 0


def _numbered(groups: Mapping[tuple[Any, ...], Sequence[int]]) -> list[_Alike]:
    """Ranks by what they build and where they lie."""
    builds = list(dict.fromkeys(what for what, _ in groups))
    return [_Alike(tuple(ranks), builds.index(what)) for (what, _), ranks in groups.items()]


def _apart(report: Report, mesh: Mesh) -> list[int]:
    """The axes of the mesh on which a rank sends something to another one, or is sent it."""
    assert report.ranks is not None
    single = {one.axis for one in report.ranks.own.traffic if one.collective in ("send", "recv")}
    return [place for place, (name, _) in enumerate(mesh) if any(name in axis.split("+") for axis in single)]


def _coordinates(rank: int, sizes: list[int]) -> tuple[int, ...]:
    """Where a rank is on axes of these sizes."""
    found = []
    for size in reversed(sizes):
        rank, place = divmod(rank, size)
        found.append(place)
    return tuple(reversed(found))


def _number(place: tuple[int, ...], sizes: list[int]) -> int:
    """The rank at a place."""
    rank = 0
    for size, one in zip(sizes, place, strict=True):
        rank = rank * size + one
    return rank


def network_of(found: Reader, request: Request) -> Workload:
    """The network of the rank that this process stands for."""
    from netscope.base.meta.world import on_processor

    with on_processor():
        workload = found.read(replace(request, mesh=None, rank=None))
    assert isinstance(workload, Workload)
    return workload


def _built(found: Reader, request: Request, mesh: Mesh, rank: int) -> tuple[Any, ...]:
    from netscope.base.meta.world import standing_for
    from netscope.trace.sharded import built_of

    with naming(mesh, rank), standing_for(mesh, rank):
        return built_of(network_of(found, request).module)


def _of_rank(
    found: Reader,
    request: Request,
    mesh: Mesh,
    rank: int,
    whole: Report | None,
    more: More | None,
    *,
    alone: bool = False,
) -> _Traced:
    """A rank, with its own kind of ranks; `alone` has the network undivided."""
    from netscope.base.meta.world import standing_for
    from netscope.trace.sharded import built_of
    from netscope.trace.step.divided import offloads

    with naming(mesh, rank), standing_for(mesh, rank, whole=alone):
        workload = network_of(found, request)
        if workload.pipeline is not None:
            raise Staged
        built = built_of(workload.module)
        report, groups = of_divided(workload, train=request.train, whole=whole, back=not alone)
        if more is not None:
            report = more(workload, report)
            if offloads(workload.module):
                report = report.but(notes=(*report.notes, _OFFLOADED))
        return _Traced(report, groups, built)


def _undivided(found: Reader, request: Request, mesh: Mesh) -> Report | None:
    """The network as it is on a mesh of one rank, by the same factory; None where that makes none."""
    try:
        ones = tuple((name, 1) for name, _ in mesh)
        return _of_rank(found, request, ones, 0, None, None, alone=True).report
    except NetscopeError:
        return None


def _notes(report: Report, mesh: Mesh, *, same: bool) -> Iterator[str]:
    """What of the mesh that was asked for is not as one would think; `same`: all ranks build one network."""
    ranks = report.ranks
    assert ranks is not None
    there = {axis.name: axis.size for axis in ranks.mesh if axis.size > 1}
    # Axes without names, here or there, are known by their sizes.
    unnamed = any(
        all(name == f"dim_{place}" for place, name in enumerate(names))
        for names in ([name for name, _ in mesh], [axis.name for axis in ranks.mesh])
    )
    asked = Counter(("" if unnamed else name, size) for name, size in mesh)
    if Counter(("" if unnamed else name, size) for name, size in there.items()) - asked:
        own = mesh_text(tuple((axis.name, axis.size) for axis in ranks.mesh))
        yield f"the factory divides the network on a mesh of its own, {own}, not on {mesh_text(mesh)}"
    elif same and ranks.world > 1 and not ranks.own.traffic and not _has_parts(report):
        yield "nothing is divided, and nothing sent: each rank has the whole network"


def _has_parts(report: Report) -> bool:
    return any(layer.rank is not None and layer.rank.parameters for layer in report.layers)


def of_divided(
    workload: Workload, *, train: bool, whole: Report | None = None, back: bool = True
) -> tuple[Report, list[tuple[int, ...]]]:
    """The report of a network that is divided among ranks, of which this process is one or stands for one.

    whole:
        that of the network undivided; None where it is not known.
    back:
        whether to run the backward too, which takes twice as long as the forward.

    Raises:
        TraceError: the forward raised.
    """
    from netscope.base.environment import environment
    from netscope.report.analysis.analyze import analyze
    from netscope.report.analysis.ranks import alike, forward_of, with_rank

    step, note = _step(workload, train, back)
    report = analyze(forward_of(step), workload, environment=environment())
    if note:
        report = report.but(notes=(*report.notes, note))
    groups = alike(step.trace)
    place = step.trace.place
    own = next(ranks for ranks in groups if (place.rank if place else 0) in ranks)
    return with_rank(report, step, own, whole), groups


def _step(workload: Workload, train: bool, back: bool) -> tuple[Step, str]:
    """Forward and backward; where there is no way back, or it is not wanted, the forward alone, and why."""
    from netscope.trace import ForwardError
    from netscope.trace.step.program import Recipe
    from netscope.trace.step.record import record_step

    recipe = Recipe(optimizer=None) if back else None
    try:
        return record_step(workload, recipe, train=train, ladder=("meta",)), ""
    except (ForwardError, UsageError) as failure:  # the latter where nothing has a gradient
        there = failure.__cause__ or failure
    if _ON_CPU_ALONE in said(there):
        with suppress(ForwardError):
            return record_step(workload, recipe, device="cuda", train=train, ladder=("meta",)), ""
    try:
        step = record_step(workload, None, train=train, ladder=("meta",))
    except ForwardError as failure:
        error = failed(workload, failure)
        if error.hint is None:
            _explain(error, workload, failure.__cause__)
        raise error from failure.__cause__
    why = there.message.rstrip(".") if isinstance(there, UsageError) else said(there)
    return step, f"no backward was recorded: {why}"


def _explain(error: TraceError, workload: Workload, cause: BaseException | None) -> None:
    """Say what to change where the forward of a rank failed."""
    from netscope.base.meta.large import names_meta
    from netscope.trace.sharded import uneven_in

    if isinstance(cause, Exception) and (names_meta(cause) or "has no values" in said(cause)):
        error.message = error.message.partition(". ")[0]  # torch goes on for long
        error.hint = "a rank here has no values: have a fixed size where they decide on one, as in routing"
        return
    uneven = uneven_in(workload.module)
    if uneven:
        error.hint = f"its ranks have uneven parts of {', '.join(uneven[:3])}"
