"""What differs between a layer and the same layer in another network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from netscope.answers.diff.result import Change
from netscope.base.opnames import computing
from netscope.report.layer import Layer, Parameter, Tensor
from netscope.report.ranks import by_collective
from netscope.report.report import Report


class Situation:
    """What is known of the two networks when two of their layers are compared."""

    def __init__(self, before: Report, after: Report, renamed: dict[str, str]) -> None:
        self._renamed = renamed
        self.modes = before.training, after.training
        self.batches = _batch(before), _batch(after)

    def now(self, path: str | None) -> str | None:
        """What `after` calls the layer of that path before."""
        return None if path is None else self._renamed.get(path, path)

    @property
    def other_mode(self) -> bool:
        """Whether one network is in training mode and the other is not: then every layer is."""
        return self.modes[0] != self.modes[1]


def changes(
    before: Layer,
    after: Layer,
    situation: Situation,
    *,
    home: bool,
    behind: tuple[str | None, str | None] | None = None,
) -> tuple[Change, ...]:
    """Everything about the layer itself that differs.

    Args:
        home: whether the layers around them are the same layer.
        behind: for one that stands in another order among its siblings, the one it follows.
    """
    found = list(_place(before, after, home, behind))
    if before.kind != "functional":
        found += _definition(before, after, situation)
    found += _result(before, after, situation)
    return tuple(found)


def _place(
    before: Layer, after: Layer, home: bool, behind: tuple[str | None, str | None] | None
) -> Iterator[Change]:
    if not home:
        yield Change("moved", before.path, after.path, "place")
        return
    numbers = before.name.isdecimal() and after.name.isdecimal()
    if behind is not None:
        places = (before.name, after.name) if numbers else behind
        yield Change("order", *places, "place")
    if before.name != after.name and not numbers:
        yield Change("name", before.name, after.name, "place")


def _definition(before: Layer, after: Layer, situation: Situation) -> Iterator[Change]:
    if before.type != after.type:
        yield Change("type", before.type, after.type)
    yield from _hyperparameters(before, after)
    if before.detail != after.detail and before.type == after.type:
        yield Change("detail", before.detail, after.detail)
    yield from _tensors(before.parameters, after.parameters)
    yield from _tensors(before.buffers, after.buffers)
    if before.parameters and after.parameters:  # a layer that has none is neither frozen nor of a dtype
        for what, get in _PARAMETERS.items():
            yield from _differing(what, get(before.parameters), get(after.parameters))
    if before.rank is not None and after.rank is not None:
        yield from _differing("placements", before.placements, after.placements)
    yield from _differing("shared_with", situation.now(before.shared_with), after.shared_with)
    yield from _ties(before.parameters, after.parameters, situation)
    if not situation.other_mode:
        yield from _differing("training", before.training, after.training)
    yield from _differing("registered", before.registered, after.registered)


def _hyperparameters(before: Layer, after: Layer) -> Iterator[Change]:
    """Those that differ. Of layers of different types, only those that both have."""
    old, new = before.hyperparameters, after.hyperparameters
    for key in dict.fromkeys([*old, *new]):
        if (key in old and key in new) or before.type == after.type:
            yield from _differing(key, old.get(key), new.get(key))


def _tensors(before: tuple[Parameter, ...], after: tuple[Parameter, ...]) -> Iterator[Change]:
    """Shapes by name; None where there is no such parameter."""
    old, new = ({p.name: p.shape for p in some} for some in (before, after))
    for name in dict.fromkeys([*old, *new]):
        yield from _differing(name, old.get(name), new.get(name))


def _ties(
    before: tuple[Parameter, ...], after: tuple[Parameter, ...], situation: Situation
) -> Iterator[Change]:
    """Parameters that became, or are no longer, those of another layer."""
    old, new = ({p.name: p.shared_with for p in some} for some in (before, after))
    for name in [name for name in old if name in new]:
        was = old[name]
        if was is not None:
            layer, dot, parameter = was.rpartition(".")
            was = f"{situation.now(layer)}{dot}{parameter}"
        yield from _differing(f"{name}.shared_with", was, new[name])


def _one(values: Iterator[Any]) -> Any:
    """The value that all share, else all different ones, else None."""
    found = tuple(dict.fromkeys(values))
    return found[0] if len(found) == 1 else found or None


_PARAMETERS: Final[dict[str, Callable[[tuple[Parameter, ...]], Any]]] = {
    "dtype": lambda parameters: _one(p.dtype for p in parameters),
    "trainable": lambda parameters: _one(p.trainable for p in parameters),
    "packed": lambda parameters: _one(p.packed for p in parameters),
}


def _result(before: Layer, after: Layer, situation: Situation) -> Iterator[Change]:
    yield from _differing("calls", before.calls, after.calls, "result")
    yield from _outputs(before.outputs, after.outputs, situation)
    yield from _differing("operators", computing(before.operators), computing(after.operators), "result")
    # Its own part of the cost: a pool that takes in more returns as much as before.
    yield from _differing("own_macs", before.own_macs, after.own_macs, "result")
    yield from _differing("own_vector", before.own_vector.total, after.own_vector.total, "result")
    yield from _differing("own_output_bytes", before.own_output_bytes, after.own_output_bytes, "result")
    if before.rank is not None and after.rank is not None:
        was, now = by_collective(before.rank.own_traffic), by_collective(after.rank.own_traffic)
        yield from _differing("sends", was, now, "result")
    yield from _differing("unknown", before.unknown or None, after.unknown or None, "result")


def _outputs(before: tuple[Tensor, ...], after: tuple[Tensor, ...], situation: Situation) -> Iterator[Change]:
    if before == after:
        return
    old, new = (tuple(t.shape for t in some) for some in (before, after))
    if old != new:
        if _rebatched(old, new, situation.batches):
            yield Change("batch", *situation.batches, "result")
        else:
            yield Change("output", _single(old), _single(new), "result")
    if before and after:
        old_types, new_types = (_one(t.dtype or t.opaque for t in some) for some in (before, after))
        yield from _differing("output_dtype", old_types, new_types, "result")
    old_places, new_places = (tuple(t.place for t in some) for some in (before, after))
    yield from _differing("returns", old_places, new_places, "result")


def _single(shapes: tuple[Any, ...]) -> Any:
    """The shape of one tensor, those of several, None where nothing was returned."""
    return (shapes[0] if len(shapes) == 1 else shapes) if shapes else None


def _batch(report: Report) -> int | None:
    """The batch that the first input has."""
    shapes = [t.shape for t in report.inputs if t.shape]
    return shapes[0][0] if shapes else None


def _rebatched(before: tuple[Any, ...], after: tuple[Any, ...], batches: tuple[int | None, ...]) -> bool:
    """Whether the shapes differ only in that one network's batch stands where the other's stood."""
    if batches[0] == batches[1] or None in batches or len(before) != len(after):
        return False

    def swapped(old: Any, new: Any) -> bool:
        return old == new or bool(old and new and (old[0], new[0]) == batches and old[1:] == new[1:])

    return all(map(swapped, before, after))


def _differing(what: str, before: Any, after: Any, kind: Any = "definition") -> Iterator[Change]:
    if before != after:
        yield Change(what, before, after, kind)
