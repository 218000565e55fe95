"""`netscope roofline MODEL --device-spec NAME`: the least time that a network takes on a machine."""

from __future__ import annotations

from typing import Annotated

import typer

from netscope.base.errors import UsageError
from netscope.cli.common.loading import given
from netscope.cli.common.options import (
    AllRows,
    Batch,
    ChosenFormat,
    Columns,
    Debug,
    FactoryOptions,
    HeaviestRows,
    Input,
    MachineDtype,
    Mesh,
    OptionalModel,
    Output,
    Rank,
    TreeDepth,
    split_commas,
)
from netscope.cli.common.output import destination, only_data_on_stdout


def command(
    model: OptionalModel = None,
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
    mesh: Mesh = None,
    rank: Rank = None,
    node: Annotated[
        int | None, typer.Option("--node", metavar="N", help="GPUs in a node, of ranks in their order [8].")
    ] = None,
    network: Annotated[
        float | None,
        typer.Option(
            "--network",
            metavar="GBIT",
            help="Gbit/s that each GPU sends to other nodes; as its maker says without it.",
        ),
    ] = None,
    everything: AllRows = False,
    depth: TreeDepth = None,
    top: HeaviestRows = None,
    columns: Columns = None,
    format: ChosenFormat = None,
    output: Output = None,
    option: FactoryOptions = None,
    list_devices: Annotated[
        bool,
        typer.Option("--list", help="Say what each machine can do, and nothing of a model."),
    ] = False,
    debug: Debug = False,
) -> None:
    """Bound every layer's time on a machine that need not be there: max(FLOPs/peak, bytes/bandwidth).

    With --mesh, also by what a rank sends over the links of that machine.
    """
    to = destination(format, output)
    from netscope.api.roofline import device_specs, roofline

    if list_devices:
        to.write(device_specs())
        return
    if model is None:
        raise UsageError("roofline needs a MODEL.", hint="`netscope roofline --help` shows how")
    how = given(input, batch, dtype, None, option, mesh, rank)

    with only_data_on_stdout():
        report = roofline(model, device_spec, node=node, network=network, **how)
    to.write(report, everything=everything, depth=depth, top=top, columns=split_commas(columns) or None)
