"""`netscope models [PATTERN]`: what can be named."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from netscope.cli.common.options import ChosenFormat, Debug, Output
from netscope.cli.common.output import destination


def command(
    pattern: Annotated[
        str | None,
        typer.Argument(metavar="PATTERN", help='Part of a name, or a pattern: resnet, "timm/vit_*".'),
    ] = None,
    format: ChosenFormat = None,
    output: Output = None,
    debug: Debug = False,
) -> None:
    """List the models that can be named, from netscope's zoo and the libraries that are installed."""
    to = destination(format, output)
    from netscope.api.models import models

    # Off a terminal the names alone, for other programs.
    to.write(models(pattern), plain=to == ("table", None) and not sys.stdout.isatty())
