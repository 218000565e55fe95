"""Every option that more than one command has: its names, its value and its help, declared once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from netscope.api.models import completions, how_to_name
from netscope.show.formats import names

# Read at the door, before anything else can go wrong; declared here so that help shows it.
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


# Which network at which input; read by `loading.given`. None, or nothing, is what was not said.

_MODEL = typer.Argument(metavar="MODEL", help=f"{how_to_name()}.", autocompletion=completions)
Model = Annotated[str, _MODEL]
OptionalModel = Annotated[str | None, _MODEL]
Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="SIZES",
        help="An input's sizes without the batch: 3x224x224, ids=128:int64; scalar for one number. "
        "Once for each input; the model's own example without it.",
    ),
]
Batch = Annotated[int | None, typer.Option("--batch", "-b", metavar="N", help="Samples in a batch [1].")]
Dtype = Annotated[
    str | None, typer.Option("--dtype", metavar="TYPE", help="Of parameters and inputs: float32, bf16, ...")
]
Train = Annotated[bool | None, typer.Option("--train", help="Trace in training mode.")]
FactoryOptions = Annotated[
    list[str] | None,
    typer.Option("--option", "-k", metavar="KEY=VALUE", help="key=value for the model's factory; repeat it."),
]

# One rank of a network that is divided among many.

Mesh = Annotated[
    str | None,
    typer.Option(
        "--mesh",
        metavar="AXIS=N,...",
        help="Divide it among that many ranks, dp=32,tp=8 with neighbours last: as one of them has it.",
    ),
]
Rank = Annotated[
    str | None,
    typer.Option(
        "--rank",
        metavar="N",
        help="One rank of the mesh alone; without it, or with all: rank 0 beside what all others have.",
    ),
]

# The second of two networks; what is not said of it is as for the first.

InputB = Annotated[
    list[str] | None,
    typer.Option("--input-b", "-i-b", metavar="SIZES", help="The other's input [the same]."),
]
BatchB = Annotated[int | None, typer.Option("--batch-b", metavar="N", help="The other's batch [the same].")]
DtypeB = Annotated[
    str | None, typer.Option("--dtype-b", metavar="TYPE", help="The other's dtype [the same].")
]
TrainB = Annotated[
    bool | None,
    typer.Option("--train-b/--eval-b", help="The other's mode [the same].", show_default=False),
]
MeshB = Annotated[
    str | None, typer.Option("--mesh-b", metavar="AXIS=N,...", help="The other's mesh [the same].")
]
RankB = Annotated[str | None, typer.Option("--rank-b", metavar="N", help="The other's rank [the same].")]
FactoryOptionsB = Annotated[
    list[str] | None,
    typer.Option("--option-b", "-k-b", metavar="KEY=VALUE", help="For the other's factory, in place of -k."),
]

# What to show of it.

Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        metavar="NAME,...",
        help="Columns to show: params,macs; `summary --explain-columns` has all.",
    ),
]
Quantities = Annotated[
    list[str] | None,
    typer.Option("--columns", metavar="NAME,...", help="Quantities to show: params,macs,output_bytes."),
]
Depth = Annotated[
    int | None,
    typer.Option("--depth", metavar="N", help="Show layers at most this deep; their parents hold the rest."),
]
LayerNames = Annotated[
    str | None, typer.Option("--path", metavar="GLOB", help='Show layers of these names: "features.*".')
]


# In what form, and where.


def complete_format(incomplete: str) -> list[str]:
    """Names of formats that start with what has been typed."""
    return [name for name in names() if name.startswith(incomplete)]


def _alternatives(words: Sequence[str]) -> str:
    """("table", "csv", "json") -> "table, csv or json"."""
    *first, last = words
    return f"{', '.join(first)} or {last}"


ChosenFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        metavar="FORMAT",
        help=f"{_alternatives(names())}; as -o's name says without it, or a table. "
        "csv_raw leaves in what a spreadsheet would run.",
        autocompletion=complete_format,
    ),
]
Picture = Annotated[
    str | None,
    typer.Option(
        "--picture",
        metavar="NAME",
        help="Which picture an SVG or PNG is: network, map, map:params (or another column) or curve; "
        "the first there is without it.",
    ),
]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file.")]

# Of a network on a machine: `profile` and `roofline` show the heaviest rows, or all of them as a tree.

MachineDtype = Annotated[
    str | None, typer.Option("--dtype", metavar="TYPE", help="fp32, tf32, bf16 or fp16; as built without it.")
]
AllRows = Annotated[bool, typer.Option("--all", help="Show the whole network, not only the heaviest rows.")]
TreeDepth = Annotated[
    int | None, typer.Option("--depth", metavar="N", help="Show the network at most this deep, as a tree.")
]
HeaviestRows = Annotated[int | None, typer.Option("--top", metavar="N", help="Show this many rows [10].")]


def split_commas(texts: Iterable[str] | None) -> list[str]:
    """The names in texts of the form "a,b"."""
    return [name.strip() for text in texts or () for name in text.split(",") if name.strip()]
