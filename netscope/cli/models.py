"""`netscope models [PATTERN]`: what can be named."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Final

import typer

from netscope.cli.options import ChosenFormat, Debug
from netscope.cli.output import write

if TYPE_CHECKING:
    from netscope.answers.models import Listed

_FIELDS: Final = ("name", "source", "description")


def command(
    pattern: Annotated[
        str | None,
        typer.Argument(metavar="PATTERN", help='Part of a name, or a pattern: resnet, "timm/vit_*".'),
    ] = None,
    format: ChosenFormat = None,
    debug: Debug = False,
) -> None:
    """List the models that can be named, from netscope's zoo and the libraries that are installed."""
    from netscope.api.models import models

    catalog = models(pattern)
    write(_FORMATS[format or "table"](catalog), None)
    if format in (None, "table") and sys.stdout.isatty():
        typer.echo(f"\nalso: {', '.join(catalog.also)}", err=True)


def _as_table(models: Iterable[Listed]) -> str:
    """Grouped by source, in columns on a terminal; one name a line elsewhere, for other programs."""
    models = list(models)
    if not sys.stdout.isatty():
        return "".join(f"{model.name}\n" for model in models)
    blocks = []
    for source in dict.fromkeys(model.source for model in models):
        group = [model for model in models if model.source == source]
        if any(model.description for model in group):
            width = max(len(model.name) for model in group)
            lines = [f"  {model.name.ljust(width)}  {model.description}" for model in group]
        else:
            lines = _in_columns([model.name for model in group])
        blocks.append("\n".join([f"{source} ({len(group):,})", *lines]))
    return "\n\n".join(blocks) + "\n"


def _in_columns(names: list[str]) -> list[str]:
    cell = max(map(len, names)) + 2
    per_line = max(1, (shutil.get_terminal_size((100, 24)).columns - 2) // cell)
    lines = -(-len(names) // per_line)
    rows = [names[start::lines] for start in range(lines)]
    return ["  " + "".join(name.ljust(cell) for name in row).rstrip() for row in rows]


def _as_markdown(models: Iterable[Listed]) -> str:
    lines = ["| model | source | description |", "|---|---|---|"]
    lines += [f"| `{model.name}` | {model.source} | {model.description} |" for model in models]
    return "\n".join(lines) + "\n"


def _as_csv(models: Iterable[Listed]) -> str:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_FIELDS)
    writer.writerows([getattr(model, field) for field in _FIELDS] for model in models)
    return text.getvalue()


def _as_json(models: Iterable[Listed]) -> str:
    import json

    return (
        json.dumps(
            [{field: getattr(model, field) for field in _FIELDS} for model in models],
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )


_FORMATS: Final[dict[str, Callable[[Iterable[Listed]], str]]] = {
    "table": _as_table,
    "markdown": _as_markdown,
    "csv": _as_csv,
    "json": _as_json,
}
