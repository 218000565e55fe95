"""From what a command was given to a report, the same way for every command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netscope.base.errors import TraceError
from netscope.cli import output
from netscope.cli.startup import import_for

if TYPE_CHECKING:
    from netscope.report.report import Report

# What was said of a network beside its name, by the names of `netscope.summary`; nothing that was not.
How = dict[str, Any]


def given(
    input: Sequence[str] | None,
    batch: int | None,
    dtype: str | None,
    train: bool | None,
    option: Sequence[str] | None,
) -> How:
    """What the options say.

    Raises:
        UsageError: one of the factory's options cannot be read.
    """
    from netscope.sources.options import parse_options

    return said(input=input, batch=batch, dtype=dtype, train=train, options=parse_options(option or ()))


def said(**values: Any) -> dict[str, Any]:
    """Those of the values that somebody gave; a batch of 0 was given."""
    return {name: value for name, value in values.items() if value not in (None, [], (), {})}


def report_of(model: str, how: Mapping[str, Any]) -> Report:
    """Trace the network of that name, or come by the report that the name stands for.

    Raises:
        NetscopeError: as `netscope.summary` does.
    """
    from netscope.api.summary import summary

    prepare_for(model)
    with output.only_data_on_stdout():
        return summary(model, **how)


def report_so_far(model: str, how: Mapping[str, Any]) -> tuple[Report, TraceError | None]:
    """As `report_of`; of a forward that raised, the rows up to there, and the error to raise after them."""
    try:
        return report_of(model, how), None
    except TraceError as error:
        if error.report is None or not error.report.layers:
            raise
        return error.report, error


def prepare_for(model: str) -> None:
    """Import what the network takes, if it is to be built.

    Raises:
        SourceError: no model has a name of that form; nothing was imported then.
    """
    from netscope.api.ready import is_ready

    if not is_ready(model):
        from netscope.sources import source_of

        source_of(model)
        import_for(model)
