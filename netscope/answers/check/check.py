"""A report held against what is required of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from netscope.answers.check.limit import Limit, Unchanged
from netscope.answers.check.result import Checked, Requirement, Verdict
from netscope.answers.check.shapes import Returns
from netscope.answers.diff import Diff, Pair
from netscope.base.errors import UsageError
from netscope.report import partial
from netscope.report.layer import Layer
from netscope.report.quantities import Number, find
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
        )
    holds = limit.holds(figure.value)
    return Verdict(limit, "held" if holds else "broken", figure.value, bound=limit.value)


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
        return Verdict(limit, "unknown", after.value, before.value, bound, after.at_least, unknown, layer)
    holds = limit.holds(after.value, before.value)
    return Verdict(limit, "held" if holds else "broken", after.value, before.value, bound)


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
    """A quantity; when it is not known, what was counted of it and which operators were not."""

    value: Number | None
    at_least: Number | None = None
    unknown: dict[str, int] = field(default_factory=dict)


def _figure(report: Report, layer: Layer, limit: Limit) -> _Figure:
    quantity = find(limit.quantity)
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
