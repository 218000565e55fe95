"""`netscope check [MODEL]`: whether a network is within its limits."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from netscope.cli import output as output_
from netscope.cli.loading import report_with
from netscope.cli.options import (
    Batch,
    ChosenFormat,
    Debug,
    Dtype,
    FactoryOptions,
    Input,
    Output,
    Train,
    complete_model,
    format_for,
)
from netscope.cli.spelling import spelt
from netscope.errors import NetscopeError, UsageError
from netscope.ready import has_input

if TYPE_CHECKING:
    from netscope.budgets import Checked, Outcome
    from netscope.budgets.project import Entry, Project


def command(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="An entry of pyproject.toml's [tool.netscope.models], a model or a saved report.json; "
            "all entries without it.",
            autocompletion=complete_model,
        ),
    ] = None,
    max: Annotated[
        list[str] | None,
        typer.Option(
            "--max",
            metavar="LIMIT",
            help='What must hold: params=65M (at most), "macs<1.2G", "weight_layers==8", '
            '"features.conv1:params<=40K"; repeat it.',
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="MODEL", help="What changes are changes of: a report.json, a model."
        ),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="CHANGE",
            help='A change that must not be: "macs>+5%", "params>0", "changed"; repeat it.',
        ),
    ] = None,
    input: Input = None,
    batch: Batch = None,
    dtype: Dtype = None,
    train: Train = False,
    github: Annotated[
        bool | None,
        typer.Option(
            "--github/--no-github",
            help="Tell GitHub of each failure, on standard error; by itself in a GitHub workflow.",
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit XML to this file too.")
    ] = None,
    format: ChosenFormat = None,
    output: Output = None,
    option: FactoryOptions = None,
    debug: Debug = False,
) -> None:
    """Check figures against limits, alone or for every network of pyproject.toml; exit 1 when one fails."""
    chosen = format_for(format, output)
    for path in (output, junit):
        output_.check_writable(path)

    from netscope.budgets import Outcome
    from netscope.budgets.project import nearest
    from netscope.render.checks import OUTCOME_FORMATS

    given = _Given(
        tuple(max or ()),
        against,
        tuple(fail_if or ()),
        tuple(input or ()),
        batch,
        dtype,
        train,
        tuple(option or ()),
    )
    project = nearest(Path.cwd())
    if model is None:
        results, failure = _all_of(project, given)
    else:
        results, failure = [_one(model, project, given)], None
    outcome = Outcome(
        tuple(results), spelt(context, without=("format", "output", "junit", "github", "debug"))
    )

    stream = sys.stdout if output is None else None
    text = OUTCOME_FORMATS[chosen](outcome, color=None if stream else False, stream=stream)
    output_.write(text, output)
    _tell_machines(outcome, github, junit)
    if failure is not None:
        raise failure
    if not outcome.passed:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Given:
    """What stands on the command line beside the model, by the names of the options."""

    max: tuple[str, ...]
    against: str | None
    fail_if: tuple[str, ...]
    input: tuple[str, ...]
    batch: int | None
    dtype: str | None
    train: bool
    option: tuple[str, ...]

    @property
    def options(self) -> dict[str, Any]:
        """Those that were given."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {
            f"--{name.replace('_', '-')}": value
            for name, value in values.items()
            if value != () and value is not None and value is not False  # a batch of 0 was given
        }


def _all_of(project: Project | None, given: _Given) -> tuple[list[Checked], NetscopeError | None]:
    """All entries, whether or not each can be traced, and the first error of those that cannot."""
    from netscope.budgets import Checked

    if given.options:
        raise UsageError(
            f"{next(iter(given.options))} needs a MODEL.", hint="`netscope check --help` shows how"
        )
    if project is None or not project.entries:
        raise UsageError(
            "no pyproject.toml here, or above, has a [tool.netscope.models].",
            hint="name a model, as in netscope check alexnet --max params=65M",
        )
    results, failure = [], None
    for entry in project.entries:
        try:
            results.append(_checked(entry, project.folder))
        except NetscopeError as error:
            failure = failure or error
            results.append(Checked(entry.name, None, error=error.message))
    return results, failure


def _one(model: str, project: Project | None, given: _Given) -> Checked:
    """One entry or model; what the command line says of it stands before what its entry says."""
    from netscope.budgets import parse_change, parse_limit
    from netscope.budgets.project import Entry
    from netscope.sources.options import parse_options

    known = project is not None and model in project
    entry = project[model] if project is not None and known else Entry(model, model)
    against = given.against
    # A report is seen from here, not from the entry's folder; one of a revision is no file.
    if against is not None and has_input(against) and Path(against).is_file():
        against = str(Path(against).absolute())
    limits = [*map(parse_limit, given.max), *map(parse_change, given.fail_if)]
    entry = replace(
        entry,
        input=given.input or entry.input,
        batch=entry.batch if given.batch is None else given.batch,
        dtype=given.dtype or entry.dtype,
        train=given.train or entry.train,
        options={**entry.options, **parse_options(given.option)},
        against=against or entry.against,
        requirements=(*entry.requirements, *limits),
    )
    return _checked(entry, project.folder if project is not None and known else Path.cwd())


def _checked(entry: Entry, folder: Path) -> Checked:
    """Trace what an entry names, as seen from that folder, and hold it against what is required."""
    from netscope.budgets import check_report, require

    required = require(entry.requirements, compared=entry.against is not None)
    how = (entry.input, entry.batch, entry.dtype, entry.train, entry.options)
    with contextlib.chdir(folder):
        report = report_with(entry.model, *how)
        base = None
        if entry.against is not None:
            base = report_with(entry.against, *(_AS_SAVED if has_input(entry.against) else how))
    return check_report(report, required, base, entry.name)


_AS_SAVED: Final[tuple[Any, ...]] = ((), None, None, False, {})


def _tell_machines(outcome: Outcome, github: bool | None, junit: Path | None) -> None:
    from netscope.render.checks_ci import to_github, to_junit

    if junit is not None:
        output_.write(to_junit(outcome), junit)
    if os.environ.get("GITHUB_ACTIONS") == "true" if github is None else github:
        typer.echo(to_github(outcome), err=True, nl=False)
