"""From a step of one rank to what that rank has of each row, and which other ranks are like it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from netscope.formulas import cost_of
from netscope.formulas.collectives import moved
from netscope.report.layer import FUNCTIONAL, Layer
from netscope.report.ranks import (
    Axis,
    Implicit,
    LayerRank,
    Part,
    RankKind,
    Ranks,
    Repeated,
    Traffic,
    together,
)
from netscope.report.report import Report
from netscope.report.tree import ends_of
from netscope.trace.facts import Group, Operator, Place, Trace, Whole
from netscope.trace.groups import group_in
from netscope.trace.step.facts import Step

# What a part of a step counts as.
_PHASE: Final = {
    "forward": "forward",
    "loss": "forward",
    "backward": "backward",
    "optimizer": "optimizer",
    "zero_grad": "optimizer",
}
# Axes on which each rank has a batch of its own, by what they are called; where FSDP2 works, that is seen.
_OF_DATA: Final = frozenset({"data", "batch", "ep", "expert", "replicate"})
_BEGINS_DATA: Final = ("dp", "ddp", "fsdp", "hsdp", "data_")
_OF_STAGES: Final = frozenset({"pp", "pipe", "pipeline", "stage", "stages"})


def forward_of(step: Step) -> Trace:
    """The facts of a step's first forward alone."""
    begin = next((phase.op for phase in step.phases if phase.name == "forward"), 0)
    end = next(
        (p.op for p in step.phases if p.op >= begin and p.name not in ("forward", "state", "zero_grad")),
        len(step.trace.ops),
    )
    trace = step.trace
    # A backward that computes again calls modules outside of the network's own call.
    outside = [index for index, call in enumerate(trace.calls) if call.parent < 0]
    calls = trace.calls[: outside[1]] if len(outside) > 1 else trace.calls
    return trace._replace(
        ops=trace.ops[begin:end],
        calls=tuple(
            call._replace(first_op=call.first_op - begin, last_op=call.last_op - begin) for call in calls
        ),
        storages=tuple(one._replace(born=max(one.born - begin, -1)) for one in trace.storages),
        redistributed=tuple(one._replace(op=one.op - begin) for one in trace.redistributed),
    )


def axes_of(place: Place, groups: Iterable[Group]) -> tuple[Axis, ...]:
    """The axes of the mesh, and what is divided along each."""
    sharding = {name for group in groups if group.shards for name in along(group.ranks, place).split("+")}

    def role(name: str) -> str:
        if name == place.stages or name in _OF_STAGES:
            return "pipeline"
        data = name in sharding or name in _OF_DATA or name.startswith(_BEGINS_DATA)
        return "data" if data else "model"

    return tuple(Axis(name, size, role(name), stride) for name, size, stride in place.axes)


def along(ranks: Sequence[int], place: Place) -> str:
    """The axes along which a group lies, joined by "+"; "" where it is no group of the mesh."""
    varied = [
        (name, size)
        for name, size, stride in place.axes
        if len({rank // stride % size for rank in ranks}) == size > 1
    ]
    return "+".join(name for name, _ in varied) if math.prod(size for _, size in varied) == len(ranks) else ""


def alike(trace: Trace) -> list[tuple[int, ...]]:
    """The ranks of the world by what they have, in order."""
    place = trace.place
    if place is None:
        return [(0,)]
    uneven = [whole for whole in _wholes(trace) if whole.is_uneven]
    found: dict[tuple[tuple[int, ...], ...], list[int]] = defaultdict(list)
    for rank in range(place.world) if uneven else ():
        found[tuple([whole.local(rank) for whole in uneven])].append(rank)
    return [tuple(ranks) for ranks in found.values()] if uneven else [tuple(range(place.world))]


def _wholes(trace: Trace) -> set[Whole]:
    """All that is divided: parameters, what calls took and returned, and what was laid out anew."""
    found = {p.whole for module in trace.modules for p in (*module.parameters, *module.buffers) if p.whole}
    for call in trace.calls:
        found.update(value.whole for value in (*call.inputs, *call.outputs) if value.whole)
    for one in trace.redistributed:
        found.update((one.before, one.after))
    return found


class Counted(NamedTuple):
    """What one rank does in a step: by path, what a row does itself."""

    macs: dict[str, int | None]
    backward: dict[str, int | None]
    traffic: dict[str, tuple[Traffic, ...]]


def counted(step: Step) -> Counted:
    """Go through the operators of a step."""
    trace = step.trace
    groups = {group.name: group.ranks for group in trace.groups}
    costs: dict[int, int | None] = {}
    macs: dict[str, dict[str, int | None]] = {"forward": {}, "backward": {}, "optimizer": {}}
    sent: dict[str, list[Traffic]] = defaultdict(list)
    ends = [*(phase.op for phase in step.phases[1:]), len(trace.ops)]
    for phase, end in zip(step.phases, ends, strict=True):
        kind = _PHASE.get(phase.name)
        if kind is None:
            continue
        into = macs[kind]
        for op in trace.ops[phase.op : end]:
            path = trace.calls[op.call].path if op.call >= 0 else ""
            known = id(op.operator)
            if known not in costs:
                cost = cost_of(op.operator)
                costs[known] = None if cost is None else cost.macs
            cost_ = costs[known]
            if cost_ != 0:
                before = into.get(path, 0)
                into[path] = None if cost_ is None or before is None else before + cost_
            name = group_in(op.operator)
            if name in groups and trace.place is not None:
                sent[path].append(_sent(op.operator, groups[name], trace.place, kind))
    traffic = {path: together(list_) for path, list_ in sent.items()}
    return Counted(macs["forward"], macs["backward"], traffic)


def _sent(operator: Operator, ranks: tuple[int, ...], place: Place, phase: str) -> Traffic:
    own = ranks.index(place.rank) if place.rank in ranks else 0
    what = moved(operator, len(ranks), own)
    assert what is not None
    reach = max(ranks) - min(ranks) + 1
    return Traffic(
        what.collective, along(ranks, place), len(ranks), reach, phase, 1, what.buffer_bytes, what.wire_bytes
    )


def with_rank(report: Report, step: Step, ranks: tuple[int, ...], undivided: Report | None = None) -> Report:
    """The report of a forward with what its rank has of each row.

    step:
        that of which the forward is.
    ranks:
        all that are like this one.
    undivided:
        the report of the same network on a mesh of one rank; None where there is none.
    """
    trace = step.trace
    place = trace.place or Place(0, 1, ())
    axes = axes_of(place, trace.groups)
    done = counted(step)
    wholes = {} if undivided is None else {layer.path: layer for layer in undivided.layers}
    trained = any(phase.name == "backward" for phase in step.phases)
    parts = _parts(trace)
    outputs = _outputs(trace)
    ends = ends_of(report.layers)
    wholes = _on_the_same_input(report.layers, ends, wholes, trace, axes)
    # What a module does itself stands in a row of its own, where it has one.
    apart = {_module(row) for row in report.layers if row.kind != "module"}
    rows = [_of(row, apart) for row in report.layers]
    layers = []
    for index, (layer, end) in enumerate(zip(report.layers, ends, strict=True)):
        inside = rows[index:end]
        whole = wholes.get(layer.path)
        rank = LayerRank(
            parameters=parts.get(layer.path, ()),
            output=outputs.get(layer.path),
            global_macs=None if whole is None else whole.macs,
            backward_macs=_sum(done.backward.get(path, 0) for path in inside) if trained else None,
            global_backward_macs=None if whole is None or whole.rank is None else whole.rank.backward_macs,
            traffic=together(one for path in inside for one in done.traffic.get(path, ())),
            own_traffic=done.traffic.get(rows[index], ()),
        )
        layers.append(layer.but(rank=rank))
    root = layers[0].rank
    assert root is not None
    kind = RankKind(
        ranks, None, report.params, report.param_bytes, report.macs, root.backward_macs, None, root.traffic
    )
    found = Ranks(
        mesh=axes,
        world=place.world,
        rank=place.rank,
        coordinates=tuple(place.rank // axis.stride % axis.size for axis in axes),
        trained=trained,
        kinds=(kind,),
        repeated=tuple(_repeated(layers, wholes, axes)),
        implicit=_implicit(trace),
    )
    return report.but(layers=tuple(layers), ranks=found)


def _module(row: Layer) -> str:
    """The path of the module that a row of functional work is of."""
    return row.path.removesuffix(FUNCTIONAL).removesuffix(".")


def _of(row: Layer, apart: set[str]) -> str:
    """The path of the module whose own work a row has; one that nothing has, where another row has it."""
    if row.kind != "module":
        return _module(row)
    return FUNCTIONAL if row.path in apart else row.path


def _sum(values: Iterable[int | None]) -> int | None:
    known = list(values)
    return None if None in known else sum(value for value in known if value)


def _parts(trace: Trace) -> dict[str, tuple[Part, ...]]:
    """The divided parameters of each module, by each of its paths."""
    found = {}
    for fact in trace.modules:
        parts = tuple(
            Part(p.name, p.whole.shape, p.spec.shape, dict(p.whole.placements))
            for p in (*fact.parameters, *fact.buffers)
            if p.whole is not None
        )
        if parts:
            found.update(dict.fromkeys((fact.path, *fact.aliases), parts))
    return found


def _outputs(trace: Trace) -> dict[str, Part]:
    """The first tensor that the first call of each path returned, where that is a part of a whole."""
    found: dict[str, Part] = {}
    seen = set()
    for call in trace.calls:
        if call.path in seen:
            continue
        seen.add(call.path)
        first = next((value for value in call.outputs if value.spec is not None), None)
        if first is not None and first.whole is not None and first.spec is not None:
            whole = first.whole
            found[call.path] = Part("", whole.shape, first.spec.shape, dict(whole.placements))
    return found


def _on_the_same_input(
    layers: Sequence[Layer],
    ends: Sequence[int],
    wholes: Mapping[str, Layer],
    trace: Trace,
    axes: Sequence[Axis],
) -> dict[str, Layer]:
    """The undivided rows that can be held against a rank's.

    Where the input is a shard, the ranks have a larger whole than the network undivided is given. That is
    seen at the first tensor that is laid out on the mesh; from there on nothing is comparable.
    """
    model = {axis.name for axis in axes if axis.role == "model"}
    sizes = {} if trace.place is None else {axis[0]: axis[1] for axis in trace.place.axes}
    differ, seen = set(), set()
    for call in trace.calls:
        row = wholes.get(call.path)
        if row is None or call.path in seen:
            continue
        seen.add(call.path)
        pairs = [(call.inputs, row.inputs), (call.outputs, row.outputs)]
        for values, alone in pairs:
            if len(values) == len(alone) and any(
                value.whole is not None and one.shape is not None
                and not _is_of(one.shape, value.whole, sizes, model)
                for value, one in zip(values, alone, strict=True)
            ):  # fmt: skip
                differ.add(call.path)
    first = next((index for index, layer in enumerate(layers) if layer.path in differ), len(layers))
    return {
        layer.path: wholes[layer.path]
        for index, (layer, end) in enumerate(zip(layers, ends, strict=True))
        if layer.path in wholes and end <= first and not _exceeds(layer, wholes[layer.path])
    }


def _exceeds(layer: Layer, whole: Layer) -> bool:
    """Whether a rank does more than there is to do: it has another network than the one that is undivided."""
    return None not in (layer.macs, whole.macs) and (layer.macs or 0) > (whole.macs or 0)


def _is_of(shape: Sequence[int], whole: Whole, sizes: Mapping[str, int], model: Collection[str]) -> bool:
    """Whether a tensor of the undivided network is that whole: of one rank's batch along axes of data."""
    batch = list(whole.shape)
    for name, placed in whole.placements:
        if placed.startswith("S(") and name not in model:
            dim = int(placed[2:-1])
            batch[dim] = -(-batch[dim] // sizes.get(name, 1))
    return tuple(shape) in (tuple(whole.shape), tuple(batch))


def _repeated(
    layers: Sequence[Layer], wholes: Mapping[str, Layer], axes: Sequence[Axis]
) -> Iterable[Repeated]:
    """Rows whose work the ranks of a model axis do more than once together."""
    model = [axis for axis in axes if axis.role == "model" and axis.size > 1]
    ways = math.prod(axis.size for axis in model)
    if not model:
        return
    for layer in layers:
        whole = wholes.get(layer.path)
        if whole is None or not whole.own_macs or not layer.own_macs:
            continue
        times = layer.own_macs * ways // whole.own_macs
        if times > 1:
            yield Repeated(layer.path, "+".join(axis.name for axis in model), times, layer.own_macs)


def _implicit(trace: Trace) -> tuple[Implicit, ...]:
    """What torch laid out anew by itself."""
    found: Counter[tuple[str, str, str, str]] = Counter()
    nbytes: Counter[tuple[str, str, str, str]] = Counter()
    for one in trace.redistributed:
        if not one.operator:
            continue
        op = trace.ops[one.op]
        path = trace.calls[op.call].path if op.call >= 0 else ""
        key = path, one.operator, _layout(one.before), _layout(one.after)
        found[key] += 1
        name = group_in(op.operator)
        ranks = next((group.ranks for group in trace.groups if group.name == name), (0,))
        what = moved(op.operator, len(ranks), 0)
        nbytes[key] += 0 if what is None else what.buffer_bytes
    return tuple(Implicit(*key, times, nbytes[key]) for key, times in found.items())


def _layout(whole: Whole) -> str:
    return ", ".join(placed for _, placed in whole.placements)
