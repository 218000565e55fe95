"""What every report promises to those who read it, checked once, when it comes from a file.

Tables, diffs and explanations read the tree off the rows' order, depths and paths, and divide by
figures; they should not have to ask whether those make sense.
"""

from __future__ import annotations

import math
from typing import Final

from netscope.report.flow import INPUT, MODULE, OPERATOR, OUTPUT, Flow, Group
from netscope.report.layer import Layer
from netscope.report.measured.samples import Measurement
from netscope.report.measured.timing import Timing
from netscope.report.ranks import Part, Ranks
from netscope.report.report import Report
from netscope.report.store.decoding import LARGEST
from netscope.report.store.wording import no_report, short

# Seconds that a step may take: what lies beyond, no logarithm could be taken of and come back from.
_SHORTEST: Final = 1e-9
_LONGEST: Final = 1e6

# Nodes of a data flow. Groups stand for each other's insides, so that a few lines may say billions.
_MOST_NODES: Final = 5_000_000
_KINDS: Final = frozenset({INPUT, MODULE, OPERATOR, OUTPUT})
# Before and after all others.
_PLACES: Final = {INPUT: 0, OUTPUT: 2}


def check(report: Report) -> None:
    """Refuse rows that form no tree, and tensors that no machine could hold.

    Raises:
        StoreError: naming the row.
    """
    if not report.layers:
        raise no_report("it has no layers")
    root = report.layers[0]
    if root.path or root.depth:
        raise no_report(f"its first layer is {short(root.path)}, not the network itself")
    around = [root]
    for layer in report.layers[1:]:
        if not 1 <= layer.depth <= len(around):
            raise no_report(
                f"layer {short(layer.path)} is {layer.depth} deep below one {len(around) - 1} deep"
            )
        del around[layer.depth :]
        above = around[-1].path
        if not layer.path.startswith(f"{above}." if above else "") or not layer.path:
            raise no_report(f"layer {short(layer.path)} stands below {short(above)}, which is not its path")
        around.append(layer)
    for layer in report.layers:
        _check_shapes(layer)
        _check_window(layer)
    if report.timing is not None:
        _check_timing(report.timing)
    if report.flow is not None:
        _check_flow(report.flow)
    if report.ranks is not None:
        _check_ranks(report.ranks)


def _check_flow(flow: Flow) -> None:
    """A group is made of groups that end, and edges lead from a node to a later one."""
    sizes: dict[int, int] = {}
    waiting = list(range(len(flow.groups)))
    open_groups: set[int] = set()
    while waiting:
        index = waiting[-1]
        group = flow.groups[index]
        insides = [node.inside for node in group.nodes if node.inside is not None]
        if any(inside >= len(flow.groups) for inside in insides):
            raise no_report("its data flow has a group that is not there")
        unknown = [inside for inside in insides if inside not in sizes]
        if index not in sizes and unknown:
            if index in open_groups:
                raise no_report("its data flow has a group inside itself")
            open_groups.add(index)
            waiting += unknown
            continue
        waiting.pop()
        open_groups.discard(index)
        sizes[index] = len(group.nodes) + sum(sizes[inside] for inside in insides)
        if sizes[index] > _MOST_NODES:
            raise no_report("its data flow has more nodes than any network")
        _check_group(flow, group)


def _check_group(flow: Flow, group: Group) -> None:
    if not all(node.kind in _KINDS for node in group.nodes):
        raise no_report("its data flow has a node of no known kind")
    places = [_PLACES.get(node.kind, 1) for node in group.nodes]
    if places != sorted(places):
        raise no_report("its data flow has an input that does not come first, or an output not last")
    for edge in group.edges:
        if not edge.source < edge.target < len(group.nodes):
            raise no_report("its data flow has an edge that leads nowhere, or back")
        for end, port, kind in ((edge.source, edge.out_port, OUTPUT), (edge.target, edge.in_port, INPUT)):
            if port is None:
                continue
            inside = group.nodes[end].inside
            within = () if inside is None else flow.groups[inside].nodes
            if port >= len(within) or within[port].kind != kind:
                raise no_report("its data flow has an edge without a port")


def _check_ranks(ranks: Ranks) -> None:
    """Every rank is of one kind, the report's own among them, and stands where its mesh has a place."""
    of_kinds = [rank for kind in ranks.kinds for rank in kind.ranks]
    if not all(kind.ranks for kind in ranks.kinds) or len(set(of_kinds)) < len(of_kinds):
        raise no_report("it has a kind of ranks without any, or a rank of two kinds")
    if ranks.rank not in of_kinds or max(of_kinds) >= ranks.world:
        raise no_report(f"its rank {ranks.rank} is of no kind, or a rank is none of {ranks.world}")
    if len(ranks.coordinates) != len(ranks.mesh) or not all(axis.size and axis.stride for axis in ranks.mesh):
        raise no_report("its mesh has an axis without ranks, or no place for its rank")
    if ranks.bubble is not None and not all(0 <= idle <= 1 for idle in ranks.bubble.idle):
        raise no_report("its pipeline waits for more than a step, or less than nothing")


def _check_shapes(layer: Layer) -> None:
    shapes = [tensor.shape for tensor in (*layer.inputs, *layer.outputs) if tensor.shape is not None]
    shapes += [parameter.shape for parameter in (*layer.parameters, *layer.buffers)]
    if layer.rank is not None:
        parts: list[Part | None] = [*layer.rank.parameters, layer.rank.output]
        shapes += [shape for part in parts if part is not None for shape in (part.shape, part.local_shape)]
    for shape in shapes:
        if math.prod(shape) > LARGEST:
            raise no_report(f"layer {short(layer.path)} has a tensor of the shape {short(shape)}")


def _check_window(layer: Layer) -> None:
    window = layer.window
    if window is None:
        return
    jumps = [jump for jump in (window.jump, window.largest_jump) if jump is not None]
    if len({len(numbers) for numbers in (window.sides, window.start, *jumps)}) > 1:
        raise no_report(f"layer {short(layer.path)} has a window of uneven dimensions")
    if not all(math.isfinite(side) for jump in jumps for side in jump):
        raise no_report(f"layer {short(layer.path)} has an endless jump")


def _check_timing(timing: Timing) -> None:
    """Statistics divide by samples, take their logarithms, and look for the forward among phases."""
    for measured in (timing.called, timing.back_to_back, timing.replayed, timing.queued):
        if measured is not None:
            _check_samples(measured)
    if timing.called.phases and "forward" not in timing.called.phases:
        raise no_report("its timing has phases and no forward among them")
    parts = timing.reconciliation
    if parts is not None and not (math.isfinite(parts.end_to_end) and parts.end_to_end > 0):
        raise no_report("its timing is reconciled with no time")


def _check_samples(measured: Measurement) -> None:
    if not measured.rounds or not measured.warmup:
        raise no_report("its timing has no samples")
    for taken in measured.rounds:
        if not taken.samples or not all(_SHORTEST <= sample <= _LONGEST for sample in taken.samples):
            raise no_report("its timing has a round without samples, or steps that no machine takes")
        beside = [*taken.phases, *([taken.on_device] if taken.on_device else [])]
        if len(taken.phases) != len(measured.phases) or any(
            len(times) != len(taken.samples) for times in beside
        ):
            raise no_report("its timing has phases of some samples and not of others")
