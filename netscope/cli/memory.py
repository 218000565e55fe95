"""`netscope memory MODEL`: what a network takes of a device's memory, without running it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from netscope.base.errors import UsageError
from netscope.cli.common.loading import given
from netscope.cli.common.options import (
    AllRows,
    Batch,
    ChosenFormat,
    Columns,
    Debug,
    Dtype,
    FactoryOptions,
    HeaviestRows,
    Input,
    Mesh,
    Model,
    Output,
    Picture,
    Rank,
    TreeDepth,
    split_commas,
)
from netscope.cli.common.output import check_writable, destination, only_data_on_stdout
from netscope.cli.common.progress import progress

_DEFAULT = "adamw"


def command(
    model: Model,
    input: Input = None,
    batch: Batch = None,
    dtype: Dtype = None,
    train: Annotated[
        bool, typer.Option("--train", help="A step of training too: forward, backward and optimizer.")
    ] = False,
    optimizer: Annotated[
        str | None,
        typer.Option(
            "--optimizer",
            metavar="NAME",
            help="Of torch.optim, options after a colon: adamw, sgd:momentum=0.9, adam:fused=true; none. "
            "[adamw]",
        ),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            "--loss",
            metavar="NAME",
            help="usual (the network's own, else cross-entropy over logits, else the mean) or mean [usual].",
        ),
    ] = None,
    amp: Annotated[
        str | None, typer.Option("--amp", metavar="TYPE", help="Under autocast in this dtype: bf16, fp16.")
    ] = None,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(
            "--checkpoint",
            metavar="GLOB",
            help="Compute the activations of these modules again in the backward: 'layers.*'; repeat it.",
        ),
    ] = None,
    accumulate: Annotated[
        int | None,
        typer.Option("--accumulate", metavar="N", help="Batches for one step of the optimizer [1]."),
    ] = None,
    keep_gradients: Annotated[
        bool,
        typer.Option("--keep-gradients", help="zero_grad(set_to_none=False): fill gradients with zeros."),
    ] = False,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            metavar="DEVICE",
            help="Whose kernels and rules: cpu or cuda [cuda if there is a GPU].",
        ),
    ] = None,
    context: Annotated[
        str | None,
        typer.Option("--context", metavar="N", help="A decoder's cache for so many tokens: 4096, 32k, 1M."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard", metavar="HOW", help="A rank's part, by arithmetic: zero1, zero2, zero3 or fsdp."
        ),
    ] = None,
    world: Annotated[int | None, typer.Option("--world", metavar="N", help="How many ranks [8].")] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Run the step too, and show what the allocator recorded.")
    ] = False,
    snapshot: Annotated[
        Path | None,
        typer.Option(
            "--snapshot",
            metavar="FILE",
            help="Write torch's memory snapshot too, for pytorch.org/memory_viz.",
        ),
    ] = None,
    fit: Annotated[
        str | None,
        typer.Option(
            "--fit",
            metavar="BYTES",
            help="Find the largest batch whose step fits in so much, 24GiB, or in a machine's memory, h200, "
            "and what to change first.",
        ),
    ] = None,
    over: Annotated[
        str | None,
        typer.Option(
            "--over",
            metavar="WHAT",
            help="What --fit varies: batch, sequence, context (the input's length) [batch].",
        ),
    ] = None,
    everything: AllRows = False,
    depth: TreeDepth = None,
    top: HeaviestRows = None,
    columns: Columns = None,
    format: ChosenFormat = None,
    output: Output = None,
    picture: Picture = None,
    option: FactoryOptions = None,
    mesh: Mesh = None,
    rank: Rank = None,
    debug: Debug = False,
) -> None:
    """Predict memory without a run: its peak, what autograd saves, and whose it is."""
    to = destination(format, output)
    if snapshot is not None and snapshot == output:
        raise UsageError(
            f"{snapshot} cannot be both the answer and its snapshot.", hint="give --snapshot another name"
        )
    check_writable(snapshot)
    trains = train or keep_gradients or any((optimizer, loss, checkpoint, accumulate, shard))
    how = given(input, batch, dtype, trains, option, mesh, rank)

    from netscope.api.memory import memory

    with progress() as watch, only_data_on_stdout():
        report = memory(
            model,
            device=device,
            optimizer=None if optimizer == "none" else optimizer or _DEFAULT,
            loss=loss or "usual",
            amp=amp,
            checkpoint=checkpoint or (),
            accumulate=1 if accumulate is None else accumulate,
            set_to_none=not keep_gradients,
            context=None if context is None else _tokens(context),
            shard=shard,
            world=8 if world is None else world,
            measure=measure,
            fit=fit,
            over=over or "batch",
            watch=watch,
            **how,
        )
    if snapshot is not None:
        report.to_memory_snapshot(snapshot)
    to.write(
        report,
        everything=everything,
        depth=depth,
        top=top,
        columns=split_commas(columns) or None,
        picture=picture,
    )


_UNITS: Final = {"k": 1024, "m": 1024**2}


def _tokens(text: str) -> int:
    """ "32k" -> 32,768, as makers of models say it.

    Raises:
        UsageError: it is no number.
    """
    number, unit = text.strip().lower(), 1
    if number[-1:] in _UNITS:
        number, unit = number[:-1], _UNITS[number[-1]]
    if not number.isdecimal() or len(number) > 12 or not int(number):
        raise UsageError(f"cannot read the context {text!r}.", hint="write --context 4096, or --context 32k")
    return int(number) * unit
