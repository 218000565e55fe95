"""`netscope verify MODEL`: a network's figures beside those of others who count, and why they differ."""

from __future__ import annotations

from typing import Annotated

import typer

from netscope.cli.common.loading import given
from netscope.cli.common.options import (
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
from netscope.cli.common.output import destination, only_data_on_stdout


def command(
    model: Model,
    input: Input = None,
    batch: Batch = None,
    dtype: Dtype = None,
    train: Train = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(
            "--peer",
            metavar="NAME,...",
            help="Ask these: torchinfo, fvcore, flop_counter, published; all without it.",
        ),
    ] = None,
    real: Annotated[
        bool, typer.Option("--real", help="Have them run on real weights, and meet torch's fused operators.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every layer that differs, unfolded.")
    ] = False,
    time_limit: Annotated[
        float | None, typer.Option("--time-limit", metavar="SECONDS", help="What each peer may take [60].")
    ] = None,
    format: ChosenFormat = None,
    output: Output = None,
    option: FactoryOptions = None,
    debug: Debug = False,
) -> None:
    """Hold figures beside torchinfo's, fvcore's and torch's own; exit 1 when a difference has no reason."""
    to = destination(format, output)
    how = given(input, batch, dtype, train, option)

    from netscope.api.verify import verify

    with only_data_on_stdout():
        found = verify(model, peers=split_commas(peer), real=real, time_limit=time_limit, **how)
    to.write(found, everything=everything)
    if not found.explained:
        raise typer.Exit(1)
