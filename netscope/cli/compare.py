"""`netscope compare A B C...`: the totals of several networks, side by side."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from netscope.cli import output as output_
from netscope.cli.loading import report_by_name
from netscope.cli.options import (
    Batch,
    ChosenFormat,
    Debug,
    Dtype,
    FactoryOptions,
    Input,
    Output,
    Train,
    complete_model,
    format_for,
    split_commas,
)
from netscope.errors import UsageError


def command(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Models or saved reports, two or more; changes are against the first.",
            autocompletion=complete_model,
        ),
    ],
    input: Input = None,
    batch: Batch = None,
    dtype: Dtype = None,
    train: Train = False,
    option: FactoryOptions = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--columns", metavar="NAME,...", help="Quantities to show: params,macs,output_bytes."),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option("--sort", metavar="COLUMN", help="Sort by name, or by a quantity, largest first."),
    ] = None,
    format: ChosenFormat = None,
    output: Output = None,
    debug: Debug = False,
) -> None:
    """Show the totals of several networks side by side. One that fails is named, and gives the exit code."""
    chosen = format_for(format, output)
    output_.check_writable(output)
    if len(models) < 2:
        raise UsageError("a comparison is of two models or more.", hint=f"try `netscope summary {models[0]}`")

    from netscope.between import comparison_of
    from netscope.quantities import find
    from netscope.render.variants import VARIANTS_FORMATS, board
    from netscope.sources.options import parse_options

    how = {
        "input": input,
        "batch": batch,
        "dtype": dtype,
        "train": train or None,
        "options": parse_options(option or ()),
    }
    keys = split_commas(columns)
    for key in [*keys, *([sort] if sort not in (None, "name") else [])]:
        find(str(key))  # a slip is told before time is spent
    given = {key: value for key, value in how.items() if value not in (None, [], {})}
    comparison, errors = comparison_of(models, given, report_by_name)
    shown = board(comparison, keys or None, sort)
    stream = sys.stdout if output is None else None
    text = VARIANTS_FORMATS[chosen](shown, color=None if stream else False, stream=stream)
    output_.write(text, output)
    if errors:
        raise errors[0]
