"""`netscope explain MODEL [LAYER]`: why each number is what it is."""

from __future__ import annotations

from typing import Annotated

import typer

from netscope.cli.common.loading import given, so_far
from netscope.cli.common.options import (
    Batch,
    ChosenFormat,
    Debug,
    Dtype,
    FactoryOptions,
    Input,
    Mesh,
    Model,
    Output,
    Rank,
    Train,
)
from netscope.cli.common.output import destination


def command(
    model: Model,
    layer: Annotated[
        str | None,
        typer.Argument(
            metavar="LAYER",
            help='A layer\'s name, its last part, or a pattern: conv1, "features.*"; all without.',
        ),
    ] = None,
    input: Input = None,
    batch: Batch = None,
    dtype: Dtype = None,
    train: Train = None,
    format: ChosenFormat = None,
    output: Output = None,
    option: FactoryOptions = None,
    mesh: Mesh = None,
    rank: Rank = None,
    debug: Debug = False,
) -> None:
    """Derive every layer's shapes, parameters, MACs and memory, with its numbers put into the formulas."""
    to = destination(format, output)
    from netscope.api.explain import explain

    explained, failure = so_far(
        explain, model, layer, **given(input, batch, dtype, train, option, mesh, rank)
    )

    written = to.write(explained, failed=explained.report.error is not None)
    if failure is not None:
        raise failure
    if not written:
        raise typer.Exit(3)
