"""What several checks read in a trace."""

from __future__ import annotations

from typing import Final

from netscope.answers.lint.registry import Look
from netscope.base import units
from netscope.report.layer import FUNCTIONAL, Layer, Shape
from netscope.trace.facts import OpCall, Trace

# They look at a tensor's shape and not at what is in it.
_SHAPED_ONLY: Final = tuple(
    f"aten.{name}"
    for name in (
        "empty_like.",
        "zeros_like.",
        "ones_like.",
        "full_like.",
        "rand_like.",
        "randn_like.",
        "new_",
    )
)


def weight_at_work(look: Look, layer: Layer) -> Shape | None:
    """The shape of a layer's weight as its products see it, of a rank of many that rank's part.

    What is divided along an axis of data lies so at rest, and is gathered before it is used.
    """
    ranks = look.report.ranks
    parts = () if layer.rank is None else layer.rank.parameters
    part = next((part for part in parts if part.name == "weight"), None)
    if ranks is None or part is None:
        return layer.weight_shape
    sides = list(part.shape)
    for axis in ranks.mesh:
        placed = part.placements.get(axis.name, "")
        if axis.role == "model" and placed.startswith("S("):
            dim = int(placed[2:-1])
            sides[dim] = -(-sides[dim] // axis.size)
    return tuple(sides)


def path_of(trace: Trace, op: OpCall) -> str:
    """The layer that ran the operator; "" for one that ran outside of all."""
    return trace.calls[op.call].path if op.call >= 0 else ""


def makers_and_readers(trace: Trace) -> tuple[dict[int, list[OpCall]], dict[int, int]]:
    """For each storage the operators that wrote it, and how many read it; views do neither."""
    makers: dict[int, list[OpCall]] = {}
    readers: dict[int, int] = {}
    for op in trace.ops:
        if "view" in op.operator.tags:
            continue
        for storage in op.reads:
            readers[storage] = readers.get(storage, 0) + 1
        for storage in op.writes:
            makers.setdefault(storage, []).append(op)
    return makers, readers


def row_of(trace: Trace, op: OpCall) -> str:
    """The row that shows what the call ran itself."""
    path = path_of(trace, op)
    inside = op.call >= 0 and any(call.parent == op.call for call in trace.calls)
    return f"{path}.{FUNCTIONAL}".lstrip(".") if inside else path


def made_of(trace: Trace, storages: set[int]) -> set[int]:
    """Those storages and all that anything was written into which was computed from them."""
    found = set(storages)
    for op in trace.ops:
        if not found.isdisjoint(op.reads) and not op.operator.name.startswith(_SHAPED_ONLY):
            found.update(op.writes)
            if "inplace" in op.operator.tags:
                found.update(op.reads[:1])
    return found


def inputs_of(trace: Trace) -> set[int]:
    """The storages that the network was given."""
    return {value.storage for value in trace.inputs if value.storage >= 0}


def may_depend(look: Look) -> str | None:
    """Why another call of the network may run other parts of it, in words; None where that is not known.

    A forward on tensors without values cannot ask what they are.
    """
    if look.report.rung == "real":
        return "which parts run may depend on values of the data"
    if look.ungiven:
        others = len(look.ungiven) - 1
        more = f" and {units.plural(others, 'other argument')}" if others else ""
        were = "were" if others else "was"
        return f"{look.ungiven[0]}{more} {were} not given, which may make a difference"
    return None


def mode_of(look: Look) -> str:
    """The modes that are known to leave unused what this one does."""
    trained = look.trained()
    if look.report.training:
        return "training"
    return "evaluation" if trained is None or trained.error is not None else "evaluation or training"


def hidden_readers(look: Look) -> frozenset[str]:
    """Modules with a weight that may be read unseen, and those that they are in."""
    if look.trace is None:
        return frozenset()
    paths: set[str] = set()
    for fact in look.trace.modules:
        if any(parameter.hidden for parameter in fact.parameters):
            path = fact.path
            while path not in paths:
                paths.add(path)
                path = path.rpartition(".")[0]
    return frozenset(paths)
