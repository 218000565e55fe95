"""A report held against what is required of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from netscope.answers.check.limit import Limit, Unchanged
from netscope.answers.check.result import Checked, Requirement, State, Verdict
from netscope.answers.check.shapes import Returns
from netscope.answers.diff import Diff, Pair
from netscope.base.errors import UsageError
from netscope.report import partial
from netscope.report.layer import Layer
from netscope.report.quantities import Number, find
from netscope.report.ranks import RankKind, Ranks
from netscope.report.report import Report


def require(requirements: Iterable[Requirement], *, compared: bool) -> tuple[Requirement, ...]:
    """The requirements, once it is clear that they can be checked, `compared` with a report or alone.

    Raises:
        UsageError: nothing is required, or a change is limited and there is no report to compare with.
    """
    required = tuple(requirements)
    if not required:
        raise UsageError("there is nothing to check.", hint="give a limit, as in --max params=65M")
    for one in required:
        if not compared and (
            isinstance(one, Unchanged) or (isinstance(one, Limit) and one.measure != "value")
        ):
            raise UsageError(
                f"'{one}' is about a change, and there is nothing to compare with.",
                hint="give it, as in --against base.json",
            )
    return required


def check_report(
    report: Report, requirements: Iterable[Requirement], against: Report | None = None, name: str = ""
) -> Checked:
    """Hold a report against requirements. `against` is the report that changes are changes of.

    Raises:
        UsageError: as `require` does.
    """
    required = require(requirements, compared=against is not None)
    diff = None
    if against is not None:
        from netscope.answers.diff import diff as compare

        diff = compare(against, report)
    verdicts = tuple(_judge(report, diff, one) for one in required)
    return Checked(name or report.name, report, verdicts, diff)


def _judge(report: Report, diff: Diff | None, one: Requirement) -> Verdict:
    if isinstance(one, Returns):
        return _returns(report, one)
    if isinstance(one, Limit) and one.measure == "value":
        return _value(report, one)
    assert diff is not None
    return _change(diff, one) if isinstance(one, Limit) else _unchanged(diff, one)


def _returns(report: Report, one: Returns) -> Verdict:
    if one.layer not in report:
        return Verdict(one, "missing")
    layer = report[one.layer]
    return Verdict(one, "held" if one.holds(layer) else "broken", layer=layer)


def _value(report: Report, limit: Limit) -> Verdict:
    if limit.layer not in report:
        return Verdict(limit, "missing", bound=limit.value)
    layer = report[limit.layer]
    figure = _figure(report, layer, limit)
    if figure.value is None:
        return Verdict(
            limit,
            "unknown",
            bound=limit.value,
            at_least=figure.at_least,
            unknown=figure.unknown,
            layer=layer,
            rank=figure.rank,
        )
    holds = limit.holds(figure.value)
    return Verdict(limit, "held" if holds else "broken", figure.value, bound=limit.value, rank=figure.rank)


def _change(diff: Diff, limit: Limit) -> Verdict:
    pair = _pair(diff, limit.layer)
    if pair.after is None:
        return Verdict(limit, "missing")
    after = _figure(diff.after, pair.after, limit)
    if pair.before is None:
        return Verdict(limit, "added", after.value)
    before = _figure(diff.before, pair.before, limit)
    bound = None if before.value is None else limit.bound(before.value)
    if before.value is None or after.value is None:
        unknown = before.unknown | after.unknown
        layer = pair.after if after.value is None else pair.before
        return Verdict(
            limit, "unknown", after.value, before.value, bound, after.at_least, unknown, layer, after.rank
        )
    holds = limit.holds(after.value, before.value)
    state: State = "held" if holds else "broken"
    return Verdict(limit, state, after.value, before.value, bound, rank=after.rank)


def _unchanged(diff: Diff, one: Unchanged) -> Verdict:
    pair = _pair(diff, one.layer)
    if pair.after is None:
        return Verdict(one, "missing")
    if pair.before is None:
        return Verdict(one, "added")
    if pair.status != "=" if one.layer else diff:
        return Verdict(one, "broken")
    # What was not seen, or not done, may have changed.
    unseen = pair.before.unseen | pair.after.unseen
    return Verdict(one, "unknown" if unseen else "held", unknown=unseen)


def _pair(diff: Diff, path: str) -> Pair:
    """The layer before and after: the networks themselves for "", nothing twice where neither has it."""
    if not path:
        return Pair("~", diff.before.root, diff.after.root)
    try:
        return diff[path]
    except KeyError:
        return Pair("=", None, None)


@dataclass(frozen=True, slots=True)
class _Figure:
    """A quantity; when it is not known, what was counted of it and which operators were not.

    rank:
        whose it is, where ranks differ.
    """

    value: Number | None
    at_least: Number | None = None
    unknown: dict[str, int] = field(default_factory=dict)
    rank: int | None = None


def _figure(report: Report, layer: Layer, limit: Limit) -> _Figure:
    quantity = find(limit.quantity)
    if report.ranks is not None and len(report.ranks.kinds) > 1:
        return _of_ranks(report, report.ranks, layer, limit)
    if limit.layer and quantity.of_layer is not None:
        value = quantity.of_layer(layer)
        if quantity.of_report(report) is None and partial.unmade(report, limit.layer):
            value = None
    else:
        value = quantity.of_report(report)
    if value is not None:
        return _Figure(value)
    at_least = None if quantity.at_least is None else quantity.at_least(report, layer)
    return _Figure(None, at_least, dict(layer.unknown))


# What is known of all kinds of ranks, by the keys of quantities.
_OF_KINDS: Final[dict[str, Callable[[RankKind], Number | None]]] = {
    "params": lambda kind: kind.params,
    "param_bytes": lambda kind: kind.param_bytes,
    "macs": lambda kind: kind.macs,
    "flops": lambda kind: None if kind.macs is None else 2 * kind.macs,
    "wire_bytes": lambda kind: kind.wire_bytes,
    "training_peak": lambda kind: kind.peak,
}


def _of_ranks(report: Report, ranks: Ranks, layer: Layer, limit: Limit) -> _Figure:
    """The figure of the rank for which it is the hardest to be within the limit: it must hold for all."""
    of = None if limit.layer else _OF_KINDS.get(limit.quantity)
    if of is None or (limit.quantity == "training_peak" and report.training_peak is None):
        return _Figure(None)  # the peak of a kind is that of a forward where no step was asked for
    # A network's MACs are of one microbatch, those of kinds of a step.
    times = ranks.microbatches if limit.quantity in ("macs", "flops") else 1
    known = [(of(kind), kind.ranks[0]) for kind in ranks.kinds]
    found = [(value // times, rank) for value, rank in known if value is not None]
    if not found:
        return _Figure(None, unknown=dict(layer.unknown))
    value, rank = max(found, key=lambda pair: _strain(limit, pair[0]))
    if len(found) == len(ranks.kinds) and ranks.whole:
        return _Figure(value, rank=rank)
    if limit.measure == "value" and not limit.holds(value):
        return _Figure(value, rank=rank)  # whatever others have
    return _Figure(None, max(value for value, _ in found), dict(layer.unknown))


def _strain(limit: Limit, value: Number) -> Fraction:
    """The larger, the harder it is for a figure to be within the limit."""
    if limit.sign in (">=", ">"):
        return -Fraction(value)
    if limit.measure == "value" and limit.sign in ("==", "!="):
        away = abs(Fraction(value) - limit.value)
        return away if limit.sign == "==" else -away
    return Fraction(value)
