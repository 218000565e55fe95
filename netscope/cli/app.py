"""The commands, one line each, and what stands before them (`--version`, completion)."""

from __future__ import annotations

from typing import Annotated

import typer

from netscope.base.version import __version__
from netscope.cli import check, compare, diff, explain, lint, models, profile, roofline, summary
from netscope.cli.options import Debug

# No rich markup: the help must come within 0.3 s, and reads well without boxes.
app = typer.Typer(
    name="netscope",
    help="What a PyTorch network is and what it costs, layer by layer.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

app.command("summary")(summary.command)
app.command("diff")(diff.command)
app.command("compare")(compare.command)
app.command("explain")(explain.command)
app.command("lint")(lint.command)
app.command("profile")(profile.command)
app.command("roofline")(roofline.command)
app.command("check")(check.command)
app.command("models")(models.command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"netscope {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
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
