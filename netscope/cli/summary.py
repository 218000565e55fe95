"""`netscope summary MODEL`: every layer's shapes, parameters, MACs and memory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netscope.cli import output as output_
from netscope.cli.loading import report_so_far
from netscope.cli.options import (
    Batch,
    ChosenFormat,
    Debug,
    Dtype,
    FactoryOptions,
    Format,
    Input,
    Model,
    Output,
    Train,
    format_for,
    split_commas,
)

if TYPE_CHECKING:
    from netscope.report import Report


def _explain_columns(wanted: bool) -> None:
    if not wanted:
        return
    from netscope.columns import COLUMNS

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
    train: Train = False,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth", metavar="N", help="Show layers at most this deep; their parents hold the rest."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="TYPE,...", help="Show layers of these types: Conv2d,Linear."),
    ] = None,
    path: Annotated[
        str | None, typer.Option("--path", metavar="GLOB", help='Show layers of these names: "features.*".')
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--columns", metavar="NAME,...", help="Columns to show: output_shape,params,macs."),
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", metavar="COLUMN", help="Sort rows by this column, largest first.")
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", metavar="N", help="Show only this many rows, by --sort or MACs.")
    ] = None,
    fold: Annotated[bool, typer.Option("--fold", help="Show repeated blocks once (x12).")] = False,
    format: ChosenFormat = None,
    output: Output = None,
    option: FactoryOptions = None,
    explain_columns: Annotated[
        bool,
        typer.Option(
            "--explain-columns", help="Say what each column means.", is_eager=True, callback=_explain_columns
        ),
    ] = False,
    debug: Debug = False,
) -> None:
    """Show every layer's shapes, parameters, MACs and memory."""
    chosen = format_for(format, output)
    output_.check_writable(output)
    report, failure = report_so_far(model, input, batch, dtype, train, option)

    text = _shown(report, chosen, output, depth, only, path, columns, sort, top, fold)
    output_.write(text, output)
    if failure is not None:
        raise failure


def _shown(
    report: Report,
    chosen: Format,
    output: Path | None,
    depth: int | None,
    only: list[str] | None,
    path: str | None,
    columns: list[str] | None,
    sort: str | None,
    top: int | None,
    fold: bool,
) -> str:
    from netscope.render import FORMATS
    from netscope.table import build

    table = build(
        report,
        depth=depth,
        only=split_commas(only),
        path=path,
        columns=split_commas(columns) or None,
        sort=sort,
        top=top,
        fold=fold,
    )
    if output is not None:
        return FORMATS[chosen](table, color=False)
    return FORMATS[chosen](table, stream=sys.stdout)
