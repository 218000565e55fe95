"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

# Read at the door, before anything else can go wrong; declared here so that help shows it.
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def complete_model(incomplete: str) -> Iterator[str]:
    """Names of models that start with what has been typed; of libraries once their prefix is typed."""
    from netscope.sources import SOURCES

    for source in SOURCES:
        prefix = source.form.partition("NAME")[0].partition("MODEL_TYPE")[0]
        if prefix and not incomplete.startswith(prefix):
            if source.names is not tuple and prefix.startswith(incomplete):
                yield prefix
            continue
        yield from (name for name in source.names() if name.startswith(incomplete))


# What says which network at which input, in every command that takes one; read by `loading.report_of`.
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="alexnet, torchvision/NAME, timm/NAME, hf/MODEL_TYPE, hf/config.json, "
        "package.module:factory, path/file.py:factory, REVISION@SOURCE (main@net.py:make) "
        "or a saved report.json.",
        autocompletion=complete_model,
    ),
]
Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="SIZES",
        help="An input's sizes without the batch: 3x224x224, ids=128:int64. Once for each input; "
        "the model's own example without it.",
    ),
]
Batch = Annotated[int | None, typer.Option("--batch", "-b", metavar="N", help="Samples in a batch [1].")]
Dtype = Annotated[
    str | None, typer.Option("--dtype", metavar="TYPE", help="Of parameters and inputs: float32, bf16, ...")
]
Train = Annotated[bool, typer.Option("--train", help="Trace in training mode.")]
FactoryOptions = Annotated[
    list[str] | None,
    typer.Option("--option", "-k", metavar="KEY=VALUE", help="key=value for the model's factory; repeat it."),
]

Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file.")]


class Format(StrEnum):
    """What `--format` takes. A test holds it to `render.FORMATS`, which would take longer to import."""

    table = "table"
    markdown = "markdown"
    csv = "csv"
    json = "json"


ChosenFormat = Annotated[
    Format | None,
    typer.Option(
        "--format",
        "-f",
        metavar="FORMAT",
        help="table, markdown, csv or json; as -o's name says without it, or a table.",
    ),
]

_BY_SUFFIX = {
    ".md": Format.markdown,
    ".markdown": Format.markdown,
    ".csv": Format.csv,
    ".json": Format.json,
    ".txt": Format.table,
}


def format_for(chosen: Format | None, output: Path | None) -> Format:
    """The format asked for, else the one that the output file's name asks for, else a table."""
    if chosen is not None:
        return chosen
    return Format.table if output is None else _BY_SUFFIX.get(output.suffix.lower(), Format.table)


def split_commas(texts: Iterable[str] | None) -> list[str]:
    """The names in texts of the form "a,b"."""
    return [name.strip() for text in texts or () for name in text.split(",") if name.strip()]
