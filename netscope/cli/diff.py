"""`netscope diff MODEL [OTHER]`: what changed between two networks, or in one at two inputs."""

from __future__ import annotations

from typing import Annotated

import typer

from netscope.api.models import completions
from netscope.cli.common.loading import given, given_b
from netscope.cli.common.options import (
    Batch,
    BatchB,
    ChosenFormat,
    Debug,
    Depth,
    Dtype,
    DtypeB,
    FactoryOptions,
    FactoryOptionsB,
    Input,
    InputB,
    LayerNames,
    Mesh,
    MeshB,
    Model,
    Output,
    Quantities,
    Rank,
    RankB,
    Train,
    TrainB,
    split_commas,
)
from netscope.cli.common.output import destination, only_data_on_stdout
from netscope.cli.common.spelling import spelt


def command(
    context: typer.Context,
    model: Model,
    other: Annotated[
        str | None,
        typer.Argument(
            metavar="OTHER",
            help="What to compare it with; left out, the same model, and an option in -b says what is other.",
            autocompletion=completions,
        ),
    ] = None,
    input: Input = None,
    input_b: InputB = None,
    batch: Batch = None,
    batch_b: BatchB = None,
    dtype: Dtype = None,
    dtype_b: DtypeB = None,
    train: Train = None,
    train_b: TrainB = None,
    mesh: Mesh = None,
    mesh_b: MeshB = None,
    rank: Rank = None,
    rank_b: RankB = None,
    option: FactoryOptions = None,
    option_b: FactoryOptionsB = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Open what is folded: unchanged and repeated layers.")
    ] = False,
    depth: Depth = None,
    layers: LayerNames = None,
    columns: Quantities = None,
    memory: Annotated[
        bool, typer.Option("--memory", help="Also what a step of training with AdamW takes of memory.")
    ] = False,
    format: ChosenFormat = None,
    output: Output = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 when anything differs.")] = False,
    debug: Debug = False,
) -> None:
    """Say what changed between two networks, or in one at two inputs, dtypes, batches or modes."""
    to = destination(format, output)
    from netscope.api.diff import diff
    from netscope.report.quantities import BY_KEY

    how = given(input, batch, dtype, train, option, mesh, rank)
    how_b = given_b(input_b, batch_b, dtype_b, train_b, option_b, mesh_b, rank_b)
    shown = split_commas(columns)
    remembers = memory or any(known.of == "memory" for known in map(BY_KEY.get, shown) if known is not None)
    with only_data_on_stdout():
        found = diff(model, other, memory=remembers, **how, **how_b)

    to.write(
        found,
        depth=depth,
        layers=layers,
        columns=shown or None,
        everything=everything,
        command=spelt(context, without=("format", "output", "exit_code", "debug")) + f" --format {to.format}",
    )
    if exit_code and (found or not found.whole):
        raise typer.Exit(1)
