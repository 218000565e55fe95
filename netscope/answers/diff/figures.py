"""Quantities of several pairs together, before and after, and what they come to where some are not known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from netscope.answers.diff.result import Diff, Pair, of_layer, of_report
from netscope.report.layer import Layer
from netscope.report.quantities import BY_KEY, QUANTITIES, Delta, Number, Quantity
from netscope.report.report import Report


class Figure(NamedTuple):
    """A quantity before and after, and whether each is only a lower bound."""

    delta: Delta
    bounds: tuple[bool, bool] = (False, False)


# A value and whether it is only a lower bound.
_Known = tuple[Number | None, bool]


def figure(diff: Diff, pairs: Iterable[Pair], quantity: Quantity) -> Figure:
    """The quantity of these layers together; one that is not there has none of it."""
    both = [
        (
            _of_layer(quantity, diff.before, pair.before, pair.after or diff.after.root),
            _of_layer(quantity, diff.after, pair.after, pair.before or diff.before.root),
        )
        for pair in pairs
    ]
    return _figure(*zip(*both, strict=True))


def total(diff: Diff, quantity: Quantity) -> Figure:
    """The quantity of the whole networks."""
    both = (diff.before, diff.after), (diff.after, diff.before)
    return _figure(
        *([_known(quantity, of_report(quantity, one, other), one, one.root)] for one, other in both)
    )


def _of_layer(quantity: Quantity, report: Report, layer: Layer | None, other: Layer | None) -> _Known:
    if layer is None:
        return 0, False
    value = of_layer(quantity, layer, other)
    if value is None and layer.read_elsewhere and quantity.at_least is not None:
        return quantity.at_least(report, layer), False  # the rest is a figure of the rows that read it
    return _known(quantity, value, report, layer)


def _known(quantity: Quantity, value: Number | None, report: Report, layer: Layer) -> _Known:
    """The value, or else its lower bound."""
    if value is not None or quantity.at_least is None:
        return value, False
    return quantity.at_least(report, layer), True


def _figure(before: Sequence[_Known], after: Sequence[_Known]) -> Figure:
    sums = (
        None if any(v is None for v, _ in side) else sum(v or 0 for v, _ in side) for side in (before, after)
    )
    return Figure(Delta(*sums), (any(bound for _, bound in before), any(bound for _, bound in after)))


def _sides(pair: Pair, quantity: Quantity) -> list[Number | None]:
    """Before and after, 0 where there is no such layer."""
    both = (pair.before, pair.after), (pair.after, pair.before)
    return [0 if layer is None else of_layer(quantity, layer, other) for layer, other in both]


def differs(pair: Pair, quantity: Quantity) -> bool:
    """Whether a layer has more or less of it; one that is not there has none."""
    return len(set(_sides(pair, quantity))) > 1


def alike(one: Delta, other: Delta) -> bool:
    """Whether both changed in the same proportion."""
    if None in (one.before, one.after, other.before, other.after):
        return False
    return one.before * other.after == one.after * other.before  # type: ignore[operator]


def movement(diff: Diff, quantity: Quantity) -> Number:
    """All that the layers' figures changed by, up and down."""
    moved: Number = 0
    for pair in diff.leaves:
        before, after = _sides(pair, quantity)
        moved += abs((after or 0) - (before or 0))
    return moved


def changed(diff: Diff) -> tuple[Quantity, ...]:
    """The main quantities in which a layer differs."""
    main = [
        quantity
        for quantity in QUANTITIES
        if not quantity.follows
        and quantity.of_layer is not None
        and (quantity.of == "network" or total(diff, quantity).delta != Delta(None, None))
    ]
    pairs = [pair for pair in diff.pairs if pair.status != "="]
    return tuple(quantity for quantity in main if any(differs(pair, quantity) for pair in pairs))


def telling(diff: Diff) -> tuple[Quantity, ...]:
    """The main quantities, and others that changed in another proportion than the one they follow."""

    def tells(quantity: Quantity) -> bool:
        delta = total(diff, quantity).delta
        if not quantity.follows:
            return delta != Delta(None, None)
        return delta.before != delta.after and not alike(delta, total(diff, BY_KEY[quantity.follows]).delta)

    return tuple(filter(tells, QUANTITIES))
