"""`netscope summary MODEL`: every layer's shapes, parameters, MACs and memory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netscope.cli import output as output_
from netscope.cli.options import Debug, Format, complete_model, format_for, split_commas
from netscope.cli.startup import import_for
from netscope.errors import TraceError, UsageError

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
    model: Annotated[
        str,
        typer.Argument(
            help="alexnet, torchvision/NAME, timm/NAME, hf/MODEL_TYPE, hf/config.json, "
            "package.module:factory, path/file.py:factory or a saved report.json.",
            autocompletion=complete_model,
        ),
    ],
    input: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            "-i",
            help="An input's sizes without the batch: 3x224x224, ids=128:int64. Once for each input; "
            "the model's own example without it.",
        ),
    ] = None,
    batch: Annotated[int | None, typer.Option("--batch", "-b", help="Samples in a batch [1].")] = None,
    dtype: Annotated[
        str | None, typer.Option("--dtype", help="Of parameters and inputs: float32, bf16, ...")
    ] = None,
    train: Annotated[bool, typer.Option("--train", help="Trace in training mode.")] = False,
    depth: Annotated[
        int | None,
        typer.Option("--depth", help="Show layers at most this deep; their parents hold the rest."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Show layers of these types: Conv2d,Linear.")
    ] = None,
    path: Annotated[
        str | None, typer.Option("--path", help='Show layers of these names: "features.*".')
    ] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--columns", help="Columns to show: output_shape,params,macs.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", help="Sort rows by this column, largest first.")
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", help="Show only this many rows, by --sort or MACs.")
    ] = None,
    fold: Annotated[bool, typer.Option("--fold", help="Show repeated blocks once (x12).")] = False,
    format: Annotated[
        Format | None, typer.Option("--format", "-f", help="Without it, as -o's name says, or a table.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-k", help="key=value for the model's factory; repeat it.")
    ] = None,
    explain_columns: Annotated[
        bool,
        typer.Option(
            "--explain-columns", help="Say what each column means.", is_eager=True, callback=_explain_columns
        ),
    ] = False,
    debug: Debug = False,
) -> None:
    """Show every layer's shapes, parameters, MACs and memory."""
    from netscope.sources import source_of
    from netscope.sources.options import parse_options

    chosen = format_for(format, output)
    output_.check_writable(output)
    if model.endswith(".json") and not model.startswith("hf/"):
        if input or batch is not None or dtype or train or option:
            raise UsageError(
                f"{model} is a saved report, which has its input already.",
                hint="leave out --input, --batch, --dtype, --train and -k",
            )
    else:
        source_of(model)
        import_for(model)

    from netscope import api

    failure: TraceError | None = None
    try:
        with output_.only_data_on_stdout():
            report = api.summary(
                model,
                input=input,
                batch=1 if batch is None else batch,
                dtype=dtype,
                train=train,
                options=parse_options(option or ()),
            )
    except TraceError as error:
        if error.report is None or not error.report.layers:
            raise
        failure, report = error, error.report

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
