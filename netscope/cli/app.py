"""The commands, and what stands before them (`--version`, completion).

A command is a file beside this one, of its name, with a function `command`. It is found by being here.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, Final

import typer

from netscope import cli
from netscope.base.version import __version__
from netscope.cli.common.options import Debug

# The order in which people need them; others come behind.
_ORDER: Final = (
    "summary",
    "view",
    "diff",
    "compare",
    "explain",
    "lint",
    "profile",
    "roofline",
    "memory",
    "check",
    "verify",
    "models",
)
_FOUND: Final = {module.name for module in iter_modules(cli.__path__) if not module.ispkg} - {"app"}
COMMANDS: Final = (*_ORDER, *sorted(_FOUND.difference(_ORDER)))


def app(*names: str) -> typer.Typer:
    """The command line with these commands; with all of them by default, as its own help needs them."""
    # No rich markup: the help must come within 0.3 s, and reads well without boxes.
    made = typer.Typer(
        name="netscope",
        help="What a PyTorch network is and what it costs, layer by layer.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    for name in names or COMMANDS:
        made.command(name)(import_module(f"netscope.cli.{name}").command)
    made.callback(invoke_without_command=True)(_before)
    return made


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"netscope {__version__}")
        raise typer.Exit


def _before(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", "-V", help="Show the version.", is_eager=True, callback=_print_version),
    ] = False,
    debug: Debug = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
