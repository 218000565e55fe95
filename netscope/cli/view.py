"""`netscope view MODEL [OTHER]`: a network, or the difference of two, as a page in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from netscope.api.models import completions
from netscope.base.errors import UsageError
from netscope.cli.common.loading import given, given_b, so_far
from netscope.cli.common.options import (
    Batch,
    BatchB,
    Debug,
    Dtype,
    DtypeB,
    FactoryOptions,
    FactoryOptionsB,
    Input,
    InputB,
    Mesh,
    MeshB,
    Model,
    Output,
    Rank,
    RankB,
    Train,
    TrainB,
)
from netscope.cli.common.output import destination, only_data_on_stdout, say

if TYPE_CHECKING:
    from netscope.base.answer import Answer


def command(
    model: Model,
    other: Annotated[
        str | None,
        typer.Argument(
            metavar="OTHER",
            help="Show the difference of the two; left out, and an option in -b given, of the same model.",
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
    option: FactoryOptions = None,
    option_b: FactoryOptionsB = None,
    mesh: Mesh = None,
    mesh_b: MeshB = None,
    rank: Rank = None,
    rank_b: RankB = None,
    output: Output = None,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Write the page and say where it is; open no browser.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Open a network, or the difference of two, as a page in the browser; say where the page is."""
    if output is not None and destination(None, output).format != "html":
        raise UsageError(f"{output} is no name of a page.", hint="end it in .html")
    from netscope.api.diff import diff
    from netscope.api.summary import summary
    from netscope.show import browser

    how = given(input, batch, dtype, train, option, mesh, rank)
    how_b = given_b(input_b, batch_b, dtype_b, train_b, option_b, mesh_b, rank_b)
    answer: Answer
    failure = None
    if other is None and not how_b:
        answer, failure = so_far(summary, model, **how)
    else:
        with only_data_on_stdout():
            answer = diff(model, other, **how, **how_b)
    path = browser.fresh(model) if output is None else output
    written = destination("html", path).write(answer, failed=failure is not None or _failed(answer))
    if written:
        typer.echo(path)
        if not no_open and not browser.opened(path):
            say("there is no browser to open it in.")
    if failure is not None:
        raise failure
    if not written:
        raise typer.Exit(3)


def _failed(answer: Answer) -> bool:
    """Whether it is a saved report of a forward that raised."""
    return getattr(answer, "error", None) is not None
