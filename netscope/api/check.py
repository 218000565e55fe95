"""`netscope.check`: whether a network is within its limits; and `check_project`, of all in a project."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Unpack

from netscope.api.diff import given
from netscope.api.reading import reader
from netscope.api.summary import report_of
from netscope.base import arguments, paths
from netscope.base.arguments import spelled
from netscope.base.errors import NetscopeError, UsageError
from netscope.base.request import FACTS, How, Request

if TYPE_CHECKING:
    from netscope.answers.check import Checked, Outcome, Requirement
    from netscope.answers.check.project import Project, Target
    from netscope.api.reading import Model


# What `check_project` takes for a network.
_NAMED: Final = ("the name of an entry or of a model", "use netscope.check for other networks")


def check(
    model: Model,
    *limits: str,
    against: Model | None = None,
    fail_if: str | Sequence[str] = (),
    **named: Any,
) -> Checked:
    """Hold a network against limits: `netscope.check("alexnet", params="65M", macs="<=1.2G").passed`.

    Args:
        model: a Report, or whatever `summary` takes.
        limits: what must hold: "params=65M" (at most), "features.conv1:macs<120M". See
            `netscope.answers.check.limit` for the language.
        against: what changes are changes of; a Report, or whatever `summary` takes.
        fail_if: changes that must not be: "macs>+5%", "params>0", "changed".
        named: limits by the name of their quantity (`params="65M"`); and what else `summary` takes:
            input, args, kwargs, batch, dtype, train, options, mesh, rank. Those hold for `against` too.

    Returns:
        a verdict on each limit; one that is about a figure that is not known is not passed.

    Raises:
        UsageError: a limit cannot be read, a change is limited without `against`, or there is no limit;
            else what `summary` raises.
    """
    from netscope.answers.check import parse_named

    request = Request(**{key: named.pop(key) for key in FACTS if key in named})
    required = _requirements(limits, fail_if)
    required += [parse_named(key, value) for key, value in named.items()]
    return _held(model, required, against, request)


def check_project(
    model: str | None = None,
    *limits: str,
    against: str | None = None,
    fail_if: str | Sequence[str] = (),
    path: str | os.PathLike[str] | None = None,
    **how: Unpack[How],
) -> Outcome:
    """Hold the networks of a project against what its pyproject.toml says: `netscope.check_project().passed`.

    Entries stand in [tool.netscope.models]; `netscope.answers.check.project` says what one may have. While
    an entry is checked, the working directory is that of its pyproject.toml.

    Args:
        model: the one entry to check; all of them without it. What no entry is called is a model's name.
        limits, fail_if, against: as for `check`: what is required of `model` beside what its entry says.
        path: the folder that is in the project, or in which its pyproject.toml is; the working directory
            without it.
        how: what else `summary` takes, before what the entry says.

    Returns:
        an Outcome of all that was checked, in order. A network among several that cannot be traced has its
        `error` and `failure`, and is not passed.

    Raises:
        UsageError: there is no project, or it says something that means nothing; else, of one model, what
            `check` raises.
    """
    from netscope.answers.check import Outcome
    from netscope.answers.check.project import Target, nearest

    folder = Path.cwd() if path is None else Path(arguments.path("path", path)).absolute()
    model = None if model is None else arguments.path("model", model, *_NAMED)
    against = None if against is None else arguments.path("against", against, *_NAMED)
    required = _requirements(limits, fail_if)
    request = Request(**how)
    project = nearest(folder)
    if model is None:
        asked = given(limits=limits or None, against=against, fail_if=fail_if or None, **how)
        if asked:
            raise UsageError(f"{spelled(next(iter(asked)))} needs a model.", hint="name an entry, or a model")
        return Outcome(tuple(_all_of(project)))
    if project is not None and model in project:
        entry, folder = project[model], project.folder
    else:
        entry = Target(model, model)
    # A report is seen from here, not from the entry's folder; one of a revision is no file.
    if against is not None and against.endswith(paths.REPORTS) and paths.is_file(against):
        against = str(Path(against).absolute())
    if request.args or request.kwargs:
        raise UsageError(
            f"{spelled('args', 'kwargs')} cannot be given for a name.",
            hint="give input=, or use netscope.check",
        )
    options = {**entry.options, **(request.options or {})}
    told = {name: value for name, value in given(**how).items() if name not in ("args", "kwargs", "options")}
    entry = replace(
        entry,
        **{name: getattr(request, name) for name in told},
        options=options,
        against=against or entry.against,
        requirements=(*entry.requirements, *required),
    )
    return Outcome((_checked(entry, folder),), name=model)


def _requirements(limits: Sequence[str], fail_if: str | Sequence[str]) -> list[Requirement]:
    """Limits and changes, read. Raises UsageError over one that means nothing."""
    from netscope.answers.check import parse_change, parse_limit

    for limit in limits:
        if not isinstance(limit, str):
            raise UsageError(
                f"a limit is a text, not {arguments.told(limit)}.",
                hint='write "params=65M", or params=65_000_000',
            )
    changes = arguments.texts("fail_if", fail_if, 'write fail_if=["macs>+5%"]')
    return [*map(parse_limit, limits), *map(parse_change, changes)]


def _all_of(project: Project | None) -> Iterator[Checked]:
    """All entries, whether or not each can be traced."""
    from netscope.answers.check import Checked

    if project is None or not project.entries:
        raise UsageError(
            "no pyproject.toml here, or above, has a [tool.netscope.models].",
            hint="name a model, as in netscope check alexnet --max params=65M",
        )
    for entry in project.entries:
        try:
            yield _checked(entry, project.folder)
        except NetscopeError as error:
            yield Checked(entry.name, None, error=error.message, failure=error)


def _checked(entry: Target, folder: Path) -> Checked:
    """What an entry names, as seen from that folder, held against what is required of it."""
    how = {
        "input": entry.input or None,
        "batch": entry.batch,
        "dtype": entry.dtype,
        "train": entry.train,
        "options": entry.options,
        "mesh": entry.mesh,
        "rank": entry.rank,
    }
    with contextlib.chdir(folder):
        found = _held(entry.model, entry.requirements, entry.against, Request(**given(**how)))
    return replace(found, name=entry.name)


def _held(
    model: Model, requirements: Iterable[Requirement], against: Model | None, request: Request
) -> Checked:
    """A network held against requirements; `request` is of both unless the other has its input already."""
    from netscope.answers.check import Limit, check_report, require

    required = require(requirements, compared=against is not None)
    base = None if against is None else reader(against)
    wanted = {one.quantity for one in required if isinstance(one, Limit)}
    report = report_of(reader(model), request, wanted)
    if base is None:
        return check_report(report, required)
    before = report_of(base, Request() if base.has_input else request, wanted)
    return check_report(report, required, before)
