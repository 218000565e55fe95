"""`netscope.lint`: what in a network is likely a mistake."""

from __future__ import annotations

import inspect as inspect_
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Unpack

from netscope.api.reading import reader
from netscope.api.summary import trace
from netscope.base import arguments
from netscope.base.errors import TraceError
from netscope.base.request import How, Request
from netscope.base.workload import Workload
from netscope.report.report import Report

if TYPE_CHECKING:
    from netscope.answers.lint import Findings
    from netscope.api.reading import Model


def lint(
    model: Model,
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    **how: Unpack[How],
) -> Findings:
    """Find what is likely a mistake in a network: `for finding in netscope.lint("alexnet"): ...`.

    Args:
        model: a Report, or whatever `summary` takes. A saved report has no trace; the checks that need
            one are then named in `skipped`.
        select, ignore: codes ("NS101"), beginnings of codes ("NS1") or names ("untiled-windows").
        how: what else `summary` takes: input, args, kwargs, batch, dtype, train, options, mesh, rank.

    Returns:
        the findings, worst first; each has a code, a name, a severity, a path and a message.

    Raises:
        UsageError: no check has that name; else what `summary` raises.
    """
    from netscope.answers.lint import choose

    select = arguments.texts("select", select, 'write select=["NS101"]')
    ignore = arguments.texts("ignore", ignore, 'write ignore=["NS101"]')
    choose(select, ignore)
    request, found = Request(**how), reader(model)
    if request.mesh is not None:
        from netscope.api.ranks import ranked

        return lint_report(ranked(found, request), select=select, ignore=ignore)
    network = found.read(request)
    if isinstance(network, Report):
        return lint_report(network, select=select, ignore=ignore)
    modes = None
    if not found.named:
        from netscope.trace.modules import Names, is_training

        names = Names(network.module)
        modes = {names.of[id(part)][0]: is_training(part) for part in names.modules}
    report = trace(network, train=request.train)
    again = partial(trace, network, train=True)
    return lint_report(
        report, modes=modes, again=again, ungiven=_ungiven(network), select=select, ignore=ignore
    )


def lint_report(
    report: Report,
    *,
    modes: dict[str, bool] | None = None,
    again: Callable[[], Report] | None = None,
    ungiven: tuple[str, ...] = (),
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> Findings:
    """The findings in a report. `again` traces the same network in training mode.

    That is done only where a check asks for it: an auxiliary head has its use in training.
    """
    from netscope.answers.lint import Look, inspect

    @cache
    def trained() -> Report | None:
        if report.training or again is None:
            return report if report.training else None
        try:
            return again()
        except TraceError as failure:  # batch statistics of one sample, for one; it got that far
            return failure.report

    return inspect(Look(report, report.facts, modes, trained, ungiven), select, ignore)


def _ungiven(network: Workload) -> tuple[str, ...]:
    """The arguments of the network's forward that the call leaves at their defaults."""
    try:
        signature = inspect_.signature(network.module.forward)
        given = signature.bind_partial(*network.args, **network.kwargs).arguments
    except (TypeError, ValueError):
        return ()
    return tuple(
        name
        for name, parameter in signature.parameters.items()
        if parameter.default is not parameter.empty and name not in given
    )
