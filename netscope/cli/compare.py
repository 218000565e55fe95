"""`netscope compare A B C...`: the totals of several networks, side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from netscope.api.models import completions
from netscope.base.errors import UsageError
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
    Quantities,
    Rank,
    Train,
    split_commas,
)
from netscope.cli.common.output import destination, only_data_on_stdout


def command(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Models or saved reports, two or more; changes are against the first.",
            autocompletion=completions,
        ),
    ],
    input: Input = None,
    batch: Batch = None,
    dtype: Dtype = None,
    train: Train = None,
    option: FactoryOptions = None,
    mesh: Mesh = None,
    rank: Rank = None,
    columns: Quantities = None,
    sort: Annotated[
        str | None,
        typer.Option("--sort", metavar="COLUMN", help="Sort by name, or by a quantity, largest first."),
    ] = None,
    format: ChosenFormat = None,
    output: Output = None,
    debug: Debug = False,
) -> None:
    """Show the totals of several networks side by side. One that fails is named, and gives the exit code."""
    to = destination(format, output)
    if len(models) < 2:
        raise UsageError("a comparison is of two models or more.", hint=f"try `netscope summary {models[0]}`")

    from netscope.api.compare import compare
    from netscope.report.quantities import find

    how = given(input, batch, dtype, train, option, mesh, rank)
    keys = split_commas(columns)
    for key in [*keys, *([sort] if sort not in (None, "name") else [])]:
        find(str(key))  # a slip is told before time is spent
    with only_data_on_stdout():
        comparison = compare(models, **how)
    to.write(comparison, failed=bool(comparison.failed), columns=keys or None, sort=sort)
    for variant in comparison.failed:
        assert variant.failure is not None
        raise variant.failure
