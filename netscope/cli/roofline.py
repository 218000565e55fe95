"""`netscope roofline MODEL --device-spec NAME`: the least time that a network takes on a machine."""

from __future__ import annotations

from typing import Annotated

import typer

from netscope.cli.loading import given
from netscope.cli.options import (
    AllRows,
    Batch,
    ChosenFormat,
    Columns,
    Debug,
    FactoryOptions,
    HeaviestRows,
    Input,
    MachineDtype,
    Model,
    Output,
    TreeDepth,
    split_commas,
)
from netscope.cli.output import destination, only_data_on_stdout


def _list_devices(wanted: bool) -> None:
    if not wanted:
        return
    from netscope.api.roofline import device_specs
    from netscope.base import units

    machines = device_specs()

    for spec in machines:
        peaks = ", ".join(f"{dtype} {units.rate(peak)}" for dtype, peak in spec.peaks.items())
        memory = f"{units.binary(spec.memory)}, {units.bandwidth(spec.bandwidth)}"
        typer.echo(f"{spec.name.ljust(11)} {spec.title}, {memory}")
        typer.echo(f"{' ' * 11} FLOP/s: {peaks}")
        typer.echo(f"{' ' * 11} {spec.source}")
    typer.echo(f"\n{machines.note}")
    raise typer.Exit


def command(
    model: Model,
    device_spec: Annotated[
        str | None,
        typer.Option(
            "--device-spec",
            metavar="NAME",
            help="The machine: h200, a100, ... (--list has all), or here: this one, by a copy and a "
            "matrix product.",
        ),
    ] = None,
    input: Input = None,
    batch: Batch = None,
    dtype: MachineDtype = None,
    everything: AllRows = False,
    depth: TreeDepth = None,
    top: HeaviestRows = None,
    columns: Columns = None,
    format: ChosenFormat = None,
    output: Output = None,
    option: FactoryOptions = None,
    list_devices: Annotated[
        bool,
        typer.Option("--list", help="Say what each machine can do.", is_eager=True, callback=_list_devices),
    ] = False,
    debug: Debug = False,
) -> None:
    """Bound every layer's time on a machine that need not be there: max(FLOPs/peak, bytes/bandwidth)."""
    to = destination(format, output)
    how = given(input, batch, dtype, None, option)

    from netscope.api.roofline import roofline

    with only_data_on_stdout():
        report = roofline(model, device_spec, **how)
    to.write(report, everything=everything, depth=depth, top=top, columns=split_commas(columns) or None)
