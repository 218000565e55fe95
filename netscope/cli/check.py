"""`netscope check [MODEL]`: whether a network is within its limits."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netscope.api.models import completions
from netscope.cli.common.loading import given
from netscope.cli.common.options import (
    Batch,
    ChosenFormat,
    Debug,
    Dtype,
    FactoryOptions,
    Input,
    Mesh,
    Output,
    Rank,
    Train,
)
from netscope.cli.common.output import check_writable, destination, only_data_on_stdout
from netscope.cli.common.spelling import spelt

if TYPE_CHECKING:
    from netscope.answers.check import Outcome


def command(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="An entry of pyproject.toml's [tool.netscope.models], a model or a saved report.json; "
            "all entries without it.",
            autocompletion=completions,
        ),
    ] = None,
    max: Annotated[
        list[str] | None,
        typer.Option(
            "--max",
            metavar="LIMIT",
            help='What must hold: params=65M (at most), "macs<1.2G", "weight_layers==8", '
            '"features.conv1:params<=40K"; repeat it.',
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="MODEL", help="What changes are changes of: a report.json, a model."
        ),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="CHANGE",
            help='A change that must not be: "macs>+5%", "params>0", "changed"; repeat it.',
        ),
    ] = None,
    input: Input = None,
    batch: Batch = None,
    dtype: Dtype = None,
    train: Train = None,
    github: Annotated[
        bool | None,
        typer.Option(
            "--github/--no-github",
            help="Tell GitHub of each failure, on standard error; by itself in a GitHub workflow.",
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit XML to this file too.")
    ] = None,
    format: ChosenFormat = None,
    output: Output = None,
    option: FactoryOptions = None,
    mesh: Mesh = None,
    rank: Rank = None,
    debug: Debug = False,
) -> None:
    """Check figures against limits, alone or for every network of pyproject.toml; exit 1 when one fails."""
    to = destination(format, output)
    check_writable(junit)

    from netscope.api.check import check_project

    with only_data_on_stdout():
        outcome = check_project(
            model,
            *(max or ()),
            against=against,
            fail_if=fail_if or (),
            **given(input, batch, dtype, train, option, mesh, rank),
        )
    command = spelt(context, without=("format", "output", "junit", "github", "debug"))
    outcome = replace(outcome, command=command)

    to.write(outcome)
    _tell_machines(outcome, github, junit)
    for checked in outcome:
        if checked.failure is not None:
            raise checked.failure
    if not outcome.passed:
        raise typer.Exit(1)


def _tell_machines(outcome: Outcome, github: bool | None, junit: Path | None) -> None:
    if junit is not None:
        outcome.to_junit(junit)
    if os.environ.get("GITHUB_ACTIONS") == "true" if github is None else github:
        typer.echo(outcome.to_github(), err=True, nl=False)
