"""`netscope profile MODEL`: how long a network takes on a machine, layer by layer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netscope.cli import output as output_
from netscope.cli.loading import prepared
from netscope.cli.options import (
    ChosenFormat,
    Debug,
    FactoryOptions,
    Format,
    Input,
    Model,
    Output,
    format_for,
    split_commas,
)
from netscope.cli.progress import progress
from netscope.errors import UsageError

if TYPE_CHECKING:
    from netscope.report import Report

# Rows that are shown of a profile unless more are asked for.
SLOWEST = 10

DeviceSpec = Annotated[
    str | None,
    typer.Option(
        "--device-spec",
        metavar="NAME",
        help="The machine that layers are held against: a name of `netscope roofline --list`, "
        "here (this one, by a copy and a matrix product) or none; by the device's name without it.",
    ),
]
Rows = Annotated[bool, typer.Option("--all", help="Show the whole network, not only the heaviest rows.")]
Depth = Annotated[
    int | None, typer.Option("--depth", metavar="N", help="Show the network at most this deep, as a tree.")
]
Top = Annotated[int | None, typer.Option("--top", metavar="N", help="Show this many rows [10].")]
Columns = Annotated[
    list[str] | None, typer.Option("--columns", metavar="NAME,...", help="Columns to show: time,kernels.")
]
Dtype = Annotated[
    str | None, typer.Option("--dtype", metavar="TYPE", help="fp32, tf32, bf16 or fp16; as built without it.")
]


def command(
    model: Model,
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="DEVICE", help="cpu, cuda, cuda:1; a GPU if there is one."),
    ] = None,
    input: Input = None,
    batch: Annotated[
        str | None,
        typer.Option(
            "--batch", "-b", metavar="N[,N...]", help="Samples in a step [1]; several give a curve."
        ),
    ] = None,
    dtype: Dtype = None,
    train: Annotated[bool, typer.Option("--train", help="Forward, backward and optimizer.")] = False,
    optimizer: Annotated[
        str, typer.Option("--optimizer", metavar="NAME", help="adamw, sgd or adam.")
    ] = "adamw",
    channels_last: Annotated[bool, typer.Option("--channels-last", help="Images in that layout.")] = False,
    compile: Annotated[
        bool, typer.Option("--compile", help="Through torch.compile; layers are not told apart.")
    ] = False,
    cuda_graph: Annotated[
        bool, typer.Option("--cuda-graph", help="The forward replayed as a CUDA graph.")
    ] = False,
    cold_cache: Annotated[
        bool, typer.Option("--cold-cache", help="Empty the caches before each step, as do_bench does.")
    ] = False,
    threads: Annotated[
        int | None,
        typer.Option("--threads", metavar="N", help="Threads of the host; torch's number without."),
    ] = None,
    warmup: Annotated[
        float | None, typer.Option("--warmup", metavar="SECONDS", help="Warm up at least so long [0.3].")
    ] = None,
    min_time: Annotated[
        float | None, typer.Option("--min-time", metavar="SECONDS", help="Measure at least so long.")
    ] = None,
    max_time: Annotated[
        float | None, typer.Option("--max-time", metavar="SECONDS", help="Measure at most so long [10].")
    ] = None,
    device_spec: DeviceSpec = None,
    everything: Rows = False,
    depth: Depth = None,
    top: Top = None,
    columns: Columns = None,
    trace: Annotated[
        Path | None,
        typer.Option("--trace", metavar="FILE", help="Write a Chrome trace too, which Perfetto opens."),
    ] = None,
    format: ChosenFormat = None,
    output: Output = None,
    option: FactoryOptions = None,
    debug: Debug = False,
) -> None:
    """Measure latency, throughput and memory, and whose time it was, layer by layer."""
    chosen = format_for(format, output)
    batches = _batches(batch)
    if trace is not None and len(batches) > 1:
        raise UsageError("a curve has no trace.", hint="give one --batch")
    output_.check_writable(output)
    output_.check_writable(trace)
    options = prepared(model, option)

    from netscope import machines
    from netscope.report import Report

    with progress() as watch, output_.only_data_on_stdout():
        made = machines.profile(
            model,
            device=device,
            input=input or None,
            batch=batches[0] if len(batches) == 1 else batches,
            dtype=dtype,
            train=train,
            optimizer=optimizer,
            channels_last=channels_last,
            compile=compile,
            cuda_graph=cuda_graph,
            cold_cache=cold_cache,
            threads=threads,
            warmup=warmup,
            min_time=min_time,
            max_time=max_time,
            device_spec=device_spec or "auto",
            options=options,
            watch=watch,
        )
    if trace is not None and isinstance(made, Report):
        made.to_chrome_trace(trace)
    stream = sys.stdout if output is None else None
    if isinstance(made, Report):
        text = shown(made, "time", chosen, output, everything, depth, top, columns)
    else:
        from netscope.render.profile import curve

        text = curve.FORMATS[chosen](made, color=None if stream else False, stream=stream)
    output_.write(text, output)


def shown(
    report: Report,
    by: str,
    chosen: Format,
    output: Path | None,
    everything: bool,
    depth: int | None,
    top: int | None,
    columns: list[str] | None,
) -> str:
    """The report in that format; for people the rows with the largest figure of the column `by`."""
    from netscope.render import FORMATS
    from netscope.table import build

    tree = everything or depth is not None or chosen in (Format.csv, Format.json)
    table = build(
        report,
        depth=depth,
        columns=split_commas(columns) or None,
        sort=None if tree and top is None else by,
        top=SLOWEST if top is None and not tree else top,
    )
    if output is not None:
        return FORMATS[chosen](table, color=False)
    return FORMATS[chosen](table, stream=sys.stdout)


def _batches(text: str | None) -> list[int]:
    """The batch sizes in "1,8,32".

    Raises:
        UsageError: it is not of that form.
    """
    if text is None:
        return [1]
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise UsageError(
            f"cannot read the batch {text!r}.", hint="write --batch 8, or --batch 1,8,32 for a curve"
        )
    return [int(part) for part in parts]
