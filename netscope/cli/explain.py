"""`netscope explain MODEL [LAYER]`: why each number is what it is."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from netscope.cli import output as output_
from netscope.cli.loading import report_so_far
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
    format_for,
)


def command(
    model: Model,
    layer: Annotated[
        str | None,
        typer.Argument(
            help='A layer\'s name, its last part, or a pattern: conv1, "features.*"; all without.'
        ),
    ] = None,
    input: Input = None,
    batch: Batch = None,
    dtype: Dtype = None,
    train: Train = False,
    format: ChosenFormat = None,
    output: Output = None,
    option: FactoryOptions = None,
    debug: Debug = False,
) -> None:
    """Derive every layer's shapes, parameters, MACs and memory, with its numbers put into the formulas."""
    chosen = format_for(format, output)
    output_.check_writable(output)
    report, failure = report_so_far(model, input, batch, dtype, train, option)

    from netscope.explanation import explain
    from netscope.render.explanation import EXPLANATION_FORMATS

    render = EXPLANATION_FORMATS[chosen]
    explanations = explain(report, layer)
    stream = sys.stdout if output is None else None
    output_.write(render(explanations, color=None if stream else False, stream=stream), output)
    if failure is not None:
        raise failure
