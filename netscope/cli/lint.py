"""`netscope lint MODEL`: what in a network is likely a mistake."""

from __future__ import annotations

from typing import Annotated

import typer

from netscope.cli.loading import given, so_far
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
    split_commas,
)
from netscope.cli.output import destination


def _list_checks(wanted: bool) -> None:
    if not wanted:
        return
    from netscope.answers.lint import registered

    for one in registered():
        typer.echo(f"{one.code}  {one.severity.ljust(7)}  {one.name.ljust(17)}  {one.help}")
    raise typer.Exit


def command(
    model: Model,
    input: Input = None,
    batch: Batch = None,
    dtype: Dtype = None,
    train: Train = None,
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
    findings, failure = so_far(lint, model, **checks, **given(input, batch, dtype, train, option))

    from netscope.show.render.findings import FINDINGS_FORMATS

    to.write(FINDINGS_FORMATS, findings)
    if failure is not None:
        raise failure
    if exit_code and findings.failed:
        raise typer.Exit(1)
