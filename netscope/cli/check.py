"""`netscope check [MODEL]`: whether a network is within its limits."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netscope.api.ready import has_input
from netscope.base.errors import NetscopeError, UsageError
from netscope.cli.loading import How, given, report_of, said
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
)
from netscope.cli.output import check_writable, destination
from netscope.cli.spelling import flag, spelt

if TYPE_CHECKING:
    from netscope.answers.check import Checked, Outcome
    from netscope.answers.check.project import Entry, Project


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
    train: Train = None,
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
    to = destination(format, output)
    check_writable(junit)

    from netscope.answers.check import Outcome
    from netscope.answers.check.project import nearest

    how = given(input, batch, dtype, train, option)
    required = said(max=max, against=against, fail_if=fail_if)
    project = nearest(Path.cwd())
    if model is None:
        if told := [*required, *how]:
            raise UsageError(f"{flag(told[0])} needs a MODEL.", hint="`netscope check --help` shows how")
        results, failure = _all_of(project)
    else:
        results, failure = [_one(model, project, how, **required)], None
    command = spelt(context, without=("format", "output", "junit", "github", "debug"))
    outcome = Outcome(tuple(results), command, model or "")

    to.write(outcome)
    _tell_machines(outcome, github, junit)
    if failure is not None:
        raise failure
    if not outcome.passed:
        raise typer.Exit(1)


def _all_of(project: Project | None) -> tuple[list[Checked], NetscopeError | None]:
    """All entries, whether or not each can be traced, and the first error of those that cannot."""
    from netscope.answers.check import Checked

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


def _one(
    model: str,
    project: Project | None,
    how: How,
    max: Sequence[str] = (),
    fail_if: Sequence[str] = (),
    against: str | None = None,
) -> Checked:
    """One entry or model; what the command line says of it stands before what its entry says."""
    from netscope.answers.check import parse_change, parse_limit
    from netscope.answers.check.project import Entry

    known = project is not None and model in project
    entry = project[model] if project is not None and known else Entry(model, model)
    # A report is seen from here, not from the entry's folder; one of a revision is no file.
    if against is not None and has_input(against) and Path(against).is_file():
        against = str(Path(against).absolute())
    entry = replace(
        entry,
        **{**how, "options": {**entry.options, **how.get("options", {})}},
        against=against or entry.against,
        requirements=(*entry.requirements, *map(parse_limit, max), *map(parse_change, fail_if)),
    )
    return _checked(entry, project.folder if project is not None and known else Path.cwd())


def _checked(entry: Entry, folder: Path) -> Checked:
    """Trace what an entry names, as seen from that folder, and hold it against what is required."""
    from netscope.answers.check import check_report, require

    required = require(entry.requirements, compared=entry.against is not None)
    how = said(
        input=entry.input, batch=entry.batch, dtype=entry.dtype, train=entry.train, options=entry.options
    )
    with contextlib.chdir(folder):
        report = report_of(entry.model, how)
        base = None
        if entry.against is not None:
            base = report_of(entry.against, {} if has_input(entry.against) else how)
    return check_report(report, required, base, entry.name)


def _tell_machines(outcome: Outcome, github: bool | None, junit: Path | None) -> None:
    if junit is not None:
        outcome.to_junit(junit)
    if os.environ.get("GITHUB_ACTIONS") == "true" if github is None else github:
        typer.echo(outcome.to_github(), err=True, nl=False)
