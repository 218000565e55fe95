"""`netscope roofline MODEL --device-spec NAME`: the least time that a network takes on a machine."""

from __future__ import annotations

from typing import Annotated

import typer

from netscope.cli import output as output_
from netscope.cli.loading import prepared
from netscope.cli.options import Batch, ChosenFormat, Debug, FactoryOptions, Input, Model, Output, format_for
from netscope.cli.profile import Columns, Depth, Dtype, Rows, Top, shown


def _list_devices(wanted: bool) -> None:
    if not wanted:
        return
    from netscope import units
    from netscope.timing.devices import SPECS

    for name, spec in SPECS.items():
        peaks = ", ".join(f"{dtype} {units.rate(peak)}" for dtype, peak in spec.peaks.items())
        typer.echo(
            f"{name.ljust(11)} {spec.title}, {units.binary(spec.memory)}, {units.bandwidth(spec.bandwidth)}"
        )
        typer.echo(f"{' ' * 11} FLOP/s: {peaks}")
        typer.echo(f"{' ' * 11} {spec.source}")
    typer.echo("\nDense peaks that accumulate in fp32, as makers state them.")
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
    dtype: Dtype = None,
    everything: Rows = False,
    depth: Depth = None,
    top: Top = None,
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
    chosen = format_for(format, output)
    output_.check_writable(output)
    options = prepared(model, option)

    from netscope import machines

    with output_.only_data_on_stdout():
        report = machines.roofline(
            model,
            device_spec,
            input=input or None,
            batch=1 if batch is None else batch,
            dtype=dtype,
            options=options,
        )
    output_.write(shown(report, "bound", chosen, output, everything, depth, top, columns), output)
