"""What netscope does, as Python functions. The command line and the package's face call these."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from netscope.api.asked import Asked, check_call, workload_of
from netscope.api.ready import has_input, ready
from netscope.base.collector import collector_paused
from netscope.base.errors import TraceError
from netscope.base.workload import Input, Workload
from netscope.report.report import Report

if TYPE_CHECKING:
    import torch

    from netscope.answers.check import Checked
    from netscope.answers.explain import Explanations
    from netscope.answers.lint import Findings


def summary(
    model: str | os.PathLike[str] | torch.nn.Module | Workload | Report,
    *,
    input: Input | None = None,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    batch: int = 1,
    dtype: str | None = None,
    train: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Report:
    """Trace a network once and report every layer's shapes, parameters, MACs and memory.

    Args:
        model: a name ("alexnet", "torchvision/resnet50", "pkg.mod:factory", "file.py:factory",
            "report.json", "main@file.py:factory" for another git revision), a module, or a Workload.
        input: sizes without the batch ("3x224x224" or (3, 224, 224)), one for each argument;
            "ids=128:int64" names a keyword argument. A name's own example input is used when this is left
            out.
        args, kwargs: real arguments instead, any pytree; a TensorSpec stands for a tensor.
        batch: the batch that is put before `input` and the example input.
        dtype: of floating point parameters and inputs, as "bfloat16"; as built when left out.
        train: trace in training mode.
        options: keyword arguments of the factory behind a name (`-k` on the command line).

    Returns:
        A frozen Report. The module, its arguments, the random generators and torch's global state are
        as they were before.

    Raises:
        UsageError: an unreadable input, or no input for a module that needs one.
        SourceError: the name means nothing or the factory failed.
        StoreError: a saved report cannot be read.
        TraceError: the forward raised. `.report` has the rows up to the failing layer.
    """
    asked = Asked(input, args, kwargs, batch, dtype, train, options)
    check_call(model, asked)
    if isinstance(model, Report):
        return model
    with collector_paused():
        if isinstance(model, (str, os.PathLike)):
            form = ready(os.fspath(model))
            if form is not None:
                return form.read(os.fspath(model), asked)
        return trace(workload_of(model, asked), train=train)


def explain(
    model: str | os.PathLike[str] | torch.nn.Module | Workload | Report,
    layer: str | None = None,
    **how: Any,
) -> Explanations:
    """Say why each figure of a layer is what it is: `print(netscope.explain("alexnet", "conv1"))`.

    Args:
        model: a Report, or whatever `summary` takes.
        layer: a qualified name ("features.conv1"), its last part ("conv1") or a glob ("features.*"); all
            layers when left out.
        how: what else `summary` takes: input, args, kwargs, batch, dtype, train, options.

    Returns:
        the explained layers, in execution order; each has lines of a label, a formula with the layer's
        numbers put in, and the value that it comes to.

    Raises:
        UsageError: no layer has that name; else what `summary` raises.
    """
    from netscope.answers.explain import explain

    return explain(summary(model, **how), layer)


def lint(
    model: str | os.PathLike[str] | torch.nn.Module | Workload | Report,
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    **how: Any,
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

    choose(select, ignore)
    report = summary(model, **how)
    if isinstance(model, Report) or report.facts is None:
        return lint_report(report, select=select, ignore=ignore)
    module = model.module if isinstance(model, Workload) else model
    modes = None
    if not isinstance(module, (str, os.PathLike)):
        modes = {path: part.training for path, part in module.named_modules()}
    again = partial(summary, model, **{**how, "train": True})
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


def check(
    model: str | os.PathLike[str] | torch.nn.Module | Workload | Report,
    *limits: str,
    against: str | os.PathLike[str] | torch.nn.Module | Workload | Report | None = None,
    fail_if: str | Sequence[str] = (),
    **named: Any,
) -> Checked:
    """Hold a network against limits: `netscope.check("alexnet", params="65M", macs="<=1.2G").passed`.

    Args:
        model: a Report, or whatever `summary` takes.
        limits: what must hold: "params=65M" (at most), "features.conv1:macs<120M". See
            `netscope.answers.check.limit` for the language.
        against: what changes are changes of; a Report, or whatever `summary` takes.
        fail_if: changes that must not be: "macs>+5%", "params>0", "changed".
        named: limits by the name of their quantity (`params="65M"`); and what else `summary` takes:
            input, args, kwargs, batch, dtype, train, options. Those hold for `against` too.

    Returns:
        a verdict on each limit; one that is about a figure that is not known is not passed.

    Raises:
        UsageError: a limit cannot be read, a change is limited without `against`, or there is no limit;
            else what `summary` raises.
    """
    from netscope.answers.check import check_report, parse_change, parse_limit, parse_named, require

    how = {key: named.pop(key) for key in Asked._fields if key in named}
    held = [*map(parse_limit, limits), *(parse_named(key, value) for key, value in named.items())]
    changes = map(parse_change, [fail_if] if isinstance(fail_if, str) else fail_if)
    required = require([*held, *changes], compared=against is not None)
    report = summary(model, **how)
    base = None if against is None else summary(against, **({} if has_input(against) else how))
    return check_report(report, required, base)


def trace(workload: Workload, *, train: bool = False) -> Report:
    """The report of a workload. Raises as `summary` does."""
    from netscope.base.environment import environment
    from netscope.report.analysis.analyze import analyze
    from netscope.trace import ForwardError, record

    try:
        facts = record(workload, train=train)
    except ForwardError as failure:
        partial = analyze(failure.trace, workload, environment=environment())
        where = failure.trace.error_path
        message = (failure.trace.error or "").strip().splitlines()
        raise TraceError(
            f"{workload.name}: the forward failed in {where or 'the model itself'}: {message[0]}",
            report=partial,
            path=where,
        ) from failure.__cause__
    return analyze(facts, workload, environment=environment())
