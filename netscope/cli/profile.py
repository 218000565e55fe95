"""`netscope profile MODEL`: how long a network takes on a machine, layer by layer."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from netscope.api.reading import reader
from netscope.base import collector
from netscope.base.errors import UsageError
from netscope.base.launch import Launch, launched
from netscope.cli.common.loading import given
from netscope.cli.common.options import (
    AllRows,
    ChosenFormat,
    Columns,
    Debug,
    FactoryOptions,
    HeaviestRows,
    Input,
    MachineDtype,
    Model,
    Output,
    Picture,
    TreeDepth,
    split_commas,
)
from netscope.cli.common.output import check_writable, destination, only_data_on_stdout, say
from netscope.cli.common.progress import progress


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
    dtype: MachineDtype = None,
    train: Annotated[bool, typer.Option("--train", help="Forward, backward and optimizer.")] = False,
    optimizer: Annotated[
        str | None, typer.Option("--optimizer", metavar="NAME", help="adamw, sgd or adam [adamw].")
    ] = None,
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
    device_spec: Annotated[
        str | None,
        typer.Option(
            "--device-spec",
            metavar="NAME",
            help="The machine that layers are held against: a name of `netscope roofline --list`, "
            "here (this one, by a copy and a matrix product) or none; by the device's name without it.",
        ),
    ] = None,
    mesh: Annotated[
        str | None,
        typer.Option(
            "--mesh", metavar="AXES", help="Under torchrun: the mesh that the factory is given: dp=2,tp=4."
        ),
    ] = None,
    rank_timeout: Annotated[
        float | None,
        typer.Option(
            "--rank-timeout",
            metavar="SECONDS",
            help="Under torchrun: give up when no rank has moved for so long [30].",
        ),
    ] = None,
    everything: AllRows = False,
    depth: TreeDepth = None,
    top: HeaviestRows = None,
    columns: Columns = None,
    trace: Annotated[
        Path | None,
        typer.Option("--trace", metavar="FILE", help="Write a Chrome trace too, which Perfetto opens."),
    ] = None,
    format: ChosenFormat = None,
    output: Output = None,
    picture: Picture = None,
    option: FactoryOptions = None,
    debug: Debug = False,
) -> None:
    """Measure latency, throughput and memory, and whose time it was, layer by layer.

    Started by torchrun, every process measures its rank, and the first one tells of all.
    """
    launch = launched()
    if launch is not None and reader(model).ready:
        if launch.rank:
            return
        launch = None
    with _ranks(launch, device, rank_timeout, compiled=compile) as device:
        to = destination(format, output)
        batches = _batches(batch)
        if len(batches) > 1:
            if trace is not None:
                raise UsageError("a curve has no trace.", hint="give one --batch")
            if everything or depth is not None or top is not None or columns:
                raise UsageError("a curve has no layers to choose from.", hint="give one --batch")
        if trace is not None and trace == output:
            raise UsageError(
                f"{trace} cannot be both the report and its trace.", hint="give --trace another name"
            )
        check_writable(trace)
        how = given(input, None, dtype, train, option, mesh)

        from netscope.api.profile import profile
        from netscope.report.report import Report

        with progress() as watch, only_data_on_stdout():
            made = profile(
                model,
                device=device,
                batch=batches[0] if len(batches) == 1 else batches,
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
                watch=None if launch is not None and launch.rank else watch,
                rank_timeout=rank_timeout,
                **how,
            )
    if launch is not None and launch.rank:
        return
    if isinstance(made, Report):
        if trace is not None:
            made.to_chrome_trace(trace)
        to.write(
            made,
            everything=everything,
            depth=depth,
            top=top,
            columns=split_commas(columns) or None,
            picture=picture,
        )
    else:
        to.write(made, picture=picture)


@contextmanager
def _ranks(
    launch: Launch | None, device: str | None, timeout: float | None, *, compiled: bool
) -> Iterator[str | None]:
    """The processes of a launcher as ranks of one group; yields the device of this one."""
    if launch is None:
        yield device
        return
    with collector.paused():  # torch comes in here
        from netscope.machine.profiling.settings import patience_of
        from netscope.machine.ranks.together import device_of, started

    with started(launch, device, patience_of(timeout, compiled=compiled), _end):
        yield device_of(launch, device)


def _end(text: str | None, code: int) -> NoReturn:
    """Another rank has failed, and the main thread may never come back from its collective."""
    if text is not None:
        say(text)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)


# No tensor has a batch of more.
_DIGITS: Final = 18


def _batches(text: str | None) -> list[int]:
    """The batch sizes in "1,8,32".

    Raises:
        UsageError: it is not of that form.
    """
    if text is None:
        return [1]
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) <= _DIGITS and int(part) for part in parts):
        raise UsageError(
            f"cannot read the batch {text!r}.", hint="write --batch 8, or --batch 1,8,32 for a curve"
        )
    return [int(part) for part in parts]
