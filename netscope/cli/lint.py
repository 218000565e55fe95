"""`netscope lint MODEL`: what in a network is likely a mistake."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated

import typer

from netscope.cli import output as output_
from netscope.cli.loading import report_of
from netscope.cli.options import (
    Batch,
    ChosenFormat,
    Debug,
    Dtype,
    FactoryOptions,
    Input,
    Model,
    Output,
    Train,
    format_for,
    split_commas,
)
from netscope.errors import TraceError


def _list_checks(wanted: bool) -> None:
    if not wanted:
        return
    from netscope.checks import registered

    for one in registered():
        typer.echo(f"{one.code}  {one.severity.ljust(7)}  {one.name.ljust(17)}  {one.help}")
    raise typer.Exit


def command(
    model: Model,
    input: Input = None,
    batch: Batch = None,
    dtype: Dtype = None,
    train: Train = False,
    select: Annotated[
        list[str] | None, typer.Option("--select", help="Run these checks: codes (NS1 for NS1xx) or names.")
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option("--ignore", help="Leave these checks out.")] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 1 when there is an error or a warning.")
    ] = False,
    list_checks: Annotated[
        bool,
        typer.Option("--list", help="Say what each check finds.", is_eager=True, callback=_list_checks),
    ] = False,
    format: ChosenFormat = None,
    output: Output = None,
    option: FactoryOptions = None,
    debug: Debug = False,
) -> None:
    """Find what is likely a mistake: unread rows, dead branches, needless biases, a softmax too many."""
    from netscope.checks import choose

    chosen = format_for(format, output)
    output_.check_writable(output)
    choose(split_commas(select), split_commas(ignore))
    failure: TraceError | None = None
    try:
        report = report_of(model, input, batch, dtype, train, option)
    except TraceError as error:  # what was found up to there may well be the reason
        if error.report is None or not error.report.layers:
            raise
        failure, report = error, error.report

    from netscope import api
    from netscope.render.findings import FINDINGS_FORMATS

    whole = failure is None and report.facts is not None
    again = partial(report_of, model, input, batch, dtype, True, option) if whole else None
    with output_.only_data_on_stdout():
        findings = api.lint_report(
            report,
            again=again,
            select=split_commas(select),
            ignore=split_commas(ignore),
        )
    stream = sys.stdout if output is None else None
    text = FINDINGS_FORMATS[chosen](findings, color=None if stream else False, stream=stream)
    output_.write(text, output)
    if failure is not None:
        raise failure
    if exit_code and findings.failed:
        raise typer.Exit(1)
