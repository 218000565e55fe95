"""`netscope lint MODEL`: what in a network is likely a mistake."""

from __future__ import annotations

from typing import Annotated

import typer

from netscope.cli.common.loading import given, so_far
from netscope.cli.common.options import (
    Batch,
    ChosenFormat,
    Debug,
    Dtype,
    FactoryOptions,
    Input,
    Mesh,
    Model,
    Output,
    Rank,
    Train,
    split_commas,
)
from netscope.cli.common.output import destination, write


def _list_checks(wanted: bool) -> None:
    if not wanted:
        return
    from netscope.answers.lint import registered

    width = max(len(one.name) for one in registered())
    for one in registered():
        typer.echo(f"{one.code}  {one.severity.ljust(7)}  {one.name.ljust(width)}  {one.help}")
    raise typer.Exit


def _explain_check(check: str | None) -> None:
    if check is None:
        return
    from netscope.answers.lint import documentation

    write(documentation(check).page, None)
    raise typer.Exit


def command(
    model: Model,
    input: Input = None,
    batch: Batch = None,
    dtype: Dtype = None,
    train: Train = None,
    mesh: Mesh = None,
    rank: Rank = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select", metavar="CHECK,...", help="Run these checks: codes (NS1 for NS1xx) or names."
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="CHECK,...", help="Leave these checks out.")
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 1 when there is an error or a warning.")
    ] = False,
    list_checks: Annotated[
        bool,
        typer.Option("--list", help="Say what each check finds.", is_eager=True, callback=_list_checks),
    ] = False,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            metavar="CHECK",
            help="Say what a check finds, why it matters and what to do instead: NS101.",
            is_eager=True,
            callback=_explain_check,
        ),
    ] = None,
    format: ChosenFormat = None,
    output: Output = None,
    option: FactoryOptions = None,
    debug: Debug = False,
) -> None:
    """Find what is likely a mistake: unread rows, dead branches, needless biases, a softmax too many."""
    to = destination(format, output)
    from netscope.api.lint import lint

    checks = {"select": split_commas(select), "ignore": split_commas(ignore)}
    # Of a forward that raised, what was found up to there may well be the reason.
    findings, failure = so_far(lint, model, **checks, **given(input, batch, dtype, train, option, mesh, rank))

    written = to.write(findings, failed=findings.report.error is not None)
    if failure is not None:
        raise failure
    if not written:
        raise typer.Exit(3)
    if exit_code and findings.failed:
        raise typer.Exit(1)
