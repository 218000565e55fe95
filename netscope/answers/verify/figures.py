"""A report's figures by module, and what its operators come to by their shapes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from netscope.answers.verify.contractions import bare, macs_of
from netscope.answers.verify.result import Reason
from netscope.report.layer import FUNCTIONAL
from netscope.report.report import Report
from netscope.trace.facts import ModuleFact, Operator, ParameterFact, Trace


class Ours(NamedTuple):
    """Figures of a report's modules by their first qualified name, each without those within it.

    macs:
        as the report has them.
    work:
        {operator: (times, multiply-accumulates)} by its shapes; those that have some.
    dead:
        the part of `work` that no result depends on, of all operators together.
    complex_convs:
        the part of `work` that is convolutions of complex numbers.
    unknown:
        {operator: times} that the report could not count or see.
    modules:
        the facts of each.
    """

    report: Report
    macs: dict[str, int]
    work: dict[str, dict[str, tuple[int, int]]]
    dead: dict[str, int]
    complex_convs: dict[str, int]
    unknown: dict[str, dict[str, int]]
    modules: dict[str, ModuleFact]

    def worked(self, path: str) -> int:
        """Multiply-accumulates of a module's own operators, by their shapes."""
        return sum(macs for _, macs in self.work.get(path, {}).values())

    def unlisted(self, listed: Collection[str]) -> list[Reason]:
        """Parameters that `module.named_parameters()` does not list, which is what peers go by."""
        seen: set[int] = set()
        loose: dict[str, int] = {}
        packed: dict[str, int] = {}
        for path, parameter in self._unlisted_last(listed):
            if parameter.identity not in seen and name_of(path, parameter) not in listed:
                found = packed if self.modules[path].registered else loose
                found[path] = found.get(path, 0) - parameter.spec.numel
            seen.add(parameter.identity)
        reasons = []
        if loose:
            text = "has no parameters of modules that are registered nowhere"
            reasons.append(Reason("unregistered", text, loose))
        if packed:
            reasons.append(
                Reason("packed", "has no weights that are packed, and no biases beside them", packed)
            )
        return reasons

    def _unlisted_last(self, listed: Collection[str]) -> list[tuple[str, ParameterFact]]:
        every = [(path, parameter) for path, fact in self.modules.items() for parameter in fact.parameters]
        return sorted(every, key=lambda one: name_of(*one) not in listed)


def name_of(path: str, parameter: ParameterFact) -> str:
    """A parameter's qualified name."""
    return f"{path}.{parameter.name}" if path else parameter.name


def ours_of(report: Report) -> Ours:
    """The figures of a report that has its trace."""
    facts = report.facts
    assert facts is not None
    owners = _owners(facts)
    by_path = {call.path: owners[index] for index, call in enumerate(facts.calls)}
    macs: dict[str, int] = defaultdict(int)
    unknown: dict[str, dict[str, int]] = {}
    for layer in report.layers:
        row = (
            layer.path.removesuffix(FUNCTIONAL).removesuffix(".")
            if layer.kind == "functional"
            else layer.path
        )
        owner = by_path.get(row, row)
        macs[owner] += layer.own_macs
    for index, names in _unknown(report, facts).items():
        held = unknown.setdefault(owners[index], {})
        for name, times in names.items():
            held[name] = held.get(name, 0) + times
    work: dict[str, dict[str, tuple[int, int]]] = {}
    known: dict[int, int] = {}
    dead: dict[str, int] = {}
    complex_convs: dict[str, int] = {}
    idle = _idle(facts)
    for index, op in enumerate(facts.ops):
        what = op.operator
        if id(what) not in known:
            known[id(what)] = macs_of(bare(what.name), _positional(what), what.outputs)
        if not known[id(what)]:
            continue
        held_work = work.setdefault(owners[op.call], {})
        if index in idle:
            dead[owners[op.call]] = dead.get(owners[op.call], 0) + known[id(what)]
        if bare(what.name).startswith("conv") and what.outputs[0].dtype.startswith("complex"):
            complex_convs[owners[op.call]] = complex_convs.get(owners[op.call], 0) + known[id(what)]
        times, before = held_work.get(bare(what.name), (0, 0))
        held_work[bare(what.name)] = times + 1, before + known[id(what)]
    return Ours(
        report, dict(macs), work, dead, complex_convs, unknown, {fact.path: fact for fact in facts.modules}
    )


def _owners(facts: Trace) -> list[str]:
    """For every call the first name of its module; one that is registered nowhere is its caller's."""
    owners: list[str] = []
    for call in facts.calls:
        fact = facts.modules[call.module]
        own = fact.registered or call.parent < 0
        owners.append(fact.path if own else owners[call.parent])
    return owners


def _idle(facts: Trace) -> set[int]:
    """Operators that nothing returned depends on; none where it is not known what was returned."""
    if any(value.opaque is not None for value in facts.outputs):
        return set()
    needed = {value.storage for value in facts.outputs}
    idle = set()
    for index in range(len(facts.ops) - 1, -1, -1):
        op = facts.ops[index]
        if needed.isdisjoint(op.writes):
            idle.add(index)
        else:
            needed.update(op.reads)
    return idle


def _unknown(report: Report, facts: Trace) -> dict[int, dict[str, int]]:
    """{call: {operator: times}} of what the report could not count or see."""
    names = set(report.unknown) - set(report.root.unseen)
    found: dict[int, dict[str, int]] = {}
    if names:
        for op in facts.ops:
            if op.operator.name in names:
                held = found.setdefault(op.call, {})
                held[op.operator.name] = held.get(op.operator.name, 0) + 1
    everywhere = dict.fromkeys(range(len(facts.calls)))
    for one in facts.unseen:  # where it is not known where, it may be anywhere
        for call in (one.call,) if one.call >= 0 else everywhere:
            found.setdefault(call, {})[one.what] = 1
    return found


def _positional(operator: Operator) -> Sequence[Any]:
    """Its arguments, those by name behind the others: rules ask for the first ones."""
    return (*operator.args, *operator.kwargs.values())
