"""`netscope diff MODEL [OTHER]`: what changed between two networks, or in one at two inputs."""

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
    Model,
    Output,
    Train,
    complete_model,
    format_for,
    split_commas,
)
from netscope.cli.spelling import spelt

_SPELT = {"options": "-k"}


def command(
    context: typer.Context,
    model: Model,
    other: Annotated[
        str | None,
        typer.Argument(
            metavar="OTHER",
            help="What to compare it with; left out, the same model, and an option in -b says what is other.",
            autocompletion=complete_model,
        ),
    ] = None,
    input: Input = None,
    input_b: Annotated[
        list[str] | None,
        typer.Option("--input-b", "-i-b", metavar="SIZES", help="The other's input [the same]."),
    ] = None,
    batch: Batch = None,
    batch_b: Annotated[
        int | None, typer.Option("--batch-b", metavar="N", help="The other's batch [the same].")
    ] = None,
    dtype: Dtype = None,
    dtype_b: Annotated[
        str | None, typer.Option("--dtype-b", metavar="TYPE", help="The other's dtype [the same].")
    ] = None,
    train: Train = False,
    train_b: Annotated[
        bool | None,
        typer.Option("--train-b/--eval-b", help="The other's mode [the same].", show_default=False),
    ] = None,
    option: FactoryOptions = None,
    option_b: Annotated[
        list[str] | None,
        typer.Option(
            "--option-b", "-k-b", metavar="KEY=VALUE", help="For the other's factory, in place of -k."
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Open what is folded: unchanged and repeated layers.")
    ] = False,
    depth: Annotated[
        int | None, typer.Option("--depth", metavar="N", help="Show layers at most this deep.")
    ] = None,
    path: Annotated[
        str | None, typer.Option("--path", metavar="GLOB", help='Show layers of these names: "features.*".')
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--columns", metavar="NAME,...", help="Quantities to show: params,macs,output_bytes."),
    ] = None,
    format: ChosenFormat = None,
    output: Output = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 when anything differs.")] = False,
    debug: Debug = False,
) -> None:
    """Say what changed between two networks, or in one at two inputs, dtypes, batches or modes."""
    chosen = format_for(format, output)
    output_.check_writable(output)
    from netscope.between import diff_of
    from netscope.sources.options import parse_options

    how = {
        "input": input,
        "batch": batch,
        "dtype": dtype,
        "train": train or None,
        "options": parse_options(option or ()),
    }
    how_b = {
        "input": input_b,
        "batch": batch_b,
        "dtype": dtype_b,
        "train": train_b,
        "options": parse_options(option_b or ()),
    }
    given, given_b = ({k: v for k, v in some.items() if v not in (None, [], {})} for some in (how, how_b))
    found = diff_of(model, other, given, given_b, report_by_name, lambda key: f"{_spelt(key)}-b", _spelt)

    from netscope.differences import build
    from netscope.render.diff import DIFF_FORMATS

    differences = build(
        found,
        depth=depth,
        path=path,
        columns=split_commas(columns) or None,
        everything=everything,
        command=spelt(context, without=("format", "output", "exit_code", "debug"))
        + f" --format {chosen.value}",
    )
    stream = sys.stdout if output is None else None
    text = DIFF_FORMATS[chosen](differences, color=None if stream else False, stream=stream)
    output_.write(text, output)
    if exit_code and found:
        raise typer.Exit(1)


def _spelt(key: str) -> str:
    return _SPELT.get(key, f"--{key}")
