"""`netscope summary MODEL`: every layer's shapes, parameters, MACs and memory."""

from __future__ import annotations

from typing import Annotated

import typer

from netscope.cli.common.loading import given, so_far
from netscope.cli.common.options import (
    Batch,
    ChosenFormat,
    Columns,
    Debug,
    Depth,
    Dtype,
    FactoryOptions,
    Input,
    LayerNames,
    Mesh,
    Model,
    Output,
    Picture,
    Rank,
    Train,
    split_commas,
)
from netscope.cli.common.output import destination, only_data_on_stdout


def _explain_columns(wanted: bool) -> None:
    if not wanted:
        return
    from netscope.show.columns import COLUMNS

    width = max(len(column.key) for column in COLUMNS)
    for column in COLUMNS:
        mark = "*" if column.default else " "
        typer.echo(f"{mark} {column.key.ljust(width)}  {column.help}")
    typer.echo("\n* shown without --columns. CSV and JSON carry all of them, in base units.")
    raise typer.Exit


def command(
    model: Model,
    input: Input = None,
    batch: Batch = None,
    dtype: Dtype = None,
    train: Train = None,
    depth: Depth = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="TYPE,...", help="Show layers of these types: Conv2d,Linear."),
    ] = None,
    layers: LayerNames = None,
    columns: Columns = None,
    sort: Annotated[
        str | None, typer.Option("--sort", metavar="COLUMN", help="Sort rows by this column, largest first.")
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", metavar="N", help="Show only this many rows, by --sort or MACs.")
    ] = None,
    fold: Annotated[bool, typer.Option("--fold", help="Show repeated blocks once (x12).")] = False,
    format: ChosenFormat = None,
    output: Output = None,
    picture: Picture = None,
    option: FactoryOptions = None,
    mesh: Mesh = None,
    rank: Rank = None,
    explain_columns: Annotated[
        bool,
        typer.Option(
            "--explain-columns", help="Say what each column means.", is_eager=True, callback=_explain_columns
        ),
    ] = False,
    debug: Debug = False,
) -> None:
    """Show every layer's shapes, parameters, MACs and memory."""
    to = destination(format, output)
    from netscope.api.memory import memory
    from netscope.api.summary import summary
    from netscope.show.columns import MEMORY

    chosen = split_commas(columns)
    # Of memory only where that is asked for: it takes a step of its own.
    remembers = {column.key for column in MEMORY}.intersection([*chosen, sort])
    how = given(input, batch, dtype, train, option, mesh, rank)
    report, failure = so_far(summary, model, **how)
    if remembers and failure is None:
        with only_data_on_stdout():
            report = memory(model, **how)

    written = to.write(
        report,
        failed=report.error is not None,
        verb="summary",  # also of a report that was measured
        depth=depth,
        only=split_commas(only),
        layers=layers,
        columns=chosen or None,
        sort=sort,
        top=top,
        fold=fold,
        picture=picture,
    )
    if failure is not None:
        raise failure
    if not written:
        raise typer.Exit(3)
