"""`netscope.lint`: what in a network is likely a mistake."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Unpack

from netscope.api.reading import reader
from netscope.api.summary import trace
from netscope.base import arguments
from netscope.base.errors import TraceError
from netscope.base.request import How, Request
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
        how: what else `summary` takes: input, args, kwargs, batch, dtype, train, options.

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
    return lint_report(report, modes=modes, again=again, select=select, ignore=ignore)


def lint_report(
    report: Report,
    *,
    modes: dict[str, bool] | None = None,
    again: Callable[[], Report] | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> Findings:
    """The findings in a report. `again` traces the same network in training mode.

    That is done only for a network with idle modules: an auxiliary head has its use in training.
    """
    from netscope.answers.lint import Look, inspect

    trained = None
    idle = any(not layer.used and layer.params for layer in report.layers)
    if again is not None and not report.training and idle:
        try:
            trace = again()
        except TraceError as failure:  # batch statistics of one sample, for one; it got that far
            trace = failure.report or report
        trained = frozenset(layer.path for layer in trace.layers if layer.calls)
    return inspect(Look(report, report.facts, modes, trained), select, ignore)
