"""`netscope models [PATTERN]`: what can be named."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Final, NamedTuple

import typer

from netscope.base.errors import SourceError
from netscope.cli.options import ChosenFormat, Debug
from netscope.cli.output import write


class Named(NamedTuple):
    """One model that can be named."""

    name: str
    source: str
    description: str


def command(
    pattern: Annotated[
        str | None,
        typer.Argument(metavar="PATTERN", help='Part of a name, or a pattern: resnet, "timm/vit_*".'),
    ] = None,
    format: ChosenFormat = None,
    debug: Debug = False,
) -> None:
    """List the models that can be named, from netscope's zoo and the libraries that are installed."""
    from netscope.sources.wording import did_you_mean

    everything = _named()
    found = [model for model in everything if pattern is None or _matches(model.name, pattern)]
    if not found:
        names = [model.name for model in everything]
        raise SourceError(
            f"no model's name has {pattern!r} in it.{did_you_mean(str(pattern).strip('*'), names)}",
            hint=f"`netscope models` lists all {len(names):,}.",
        )
    write(_FORMATS[format or "table"](found), None)
    if format in (None, "table") and sys.stdout.isatty():
        from netscope.api.ready import READY
        from netscope.sources import SOURCES

        unlisted = [source.form for source in SOURCES if source.names is tuple]
        also = ["hf/config.json", *unlisted, *(form.form for form in READY)]
        typer.echo(f"\nalso: {', '.join(also)}", err=True)


def _named() -> list[Named]:
    from netscope.sources import SOURCES
    from netscope.zoo.catalog import ZOO

    listed = [
        Named(name, source.title, ZOO[name].description if source.title == "zoo" else "")
        for source in SOURCES
        for name in source.names()
    ]
    return sorted(listed, key=lambda model: model.source != "zoo")  # stable: the zoo first


def _matches(name: str, pattern: str) -> bool:
    """A glob matches a whole name or what follows its prefix; any other text matches as a part."""
    name, pattern = name.lower(), pattern.lower()
    if any(sign in pattern for sign in "*?["):
        return fnmatchcase(name, pattern) or fnmatchcase(name.partition("/")[2], pattern)
    return pattern in name


def _as_table(models: Iterable[Named]) -> str:
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


def _as_markdown(models: Iterable[Named]) -> str:
    lines = ["| model | source | description |", "|---|---|---|"]
    lines += [f"| `{model.name}` | {model.source} | {model.description} |" for model in models]
    return "\n".join(lines) + "\n"


def _as_csv(models: Iterable[Named]) -> str:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Named._fields)
    writer.writerows(models)
    return text.getvalue()


def _as_json(models: Iterable[Named]) -> str:
    import json

    return json.dumps([model._asdict() for model in models], indent=1, ensure_ascii=False) + "\n"


_FORMATS: Final[dict[str, Callable[[Iterable[Named]], str]]] = {
    "table": _as_table,
    "markdown": _as_markdown,
    "csv": _as_csv,
    "json": _as_json,
}
