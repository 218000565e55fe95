"""From what a command was given to a report, the same way for every command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netscope.cli import output
from netscope.cli.startup import import_for
from netscope.errors import TraceError

if TYPE_CHECKING:
    from netscope.report import Report


def report_of(
    model: str,
    input: Sequence[str] | None,
    batch: int | None,
    dtype: str | None,
    train: bool,
    option: Sequence[str] | None,
) -> Report:
    """Trace the network of that name, or come by the report that the name stands for.

    Raises:
        UsageError: an option cannot be read, or is given beside a saved report.
        NetscopeError: as `netscope.summary` does.
    """
    from netscope.sources.options import parse_options

    return report_with(model, input, batch, dtype, train, parse_options(option or ()))


def report_with(
    model: str,
    input: Sequence[str] | None,
    batch: int | None,
    dtype: str | None,
    train: bool,
    options: Mapping[str, Any],
) -> Report:
    """As `report_of`, with the factory's options as they are."""
    from netscope import api
    from netscope.ready import is_ready

    if not is_ready(model):
        from netscope.sources import source_of

        source_of(model)
        import_for(model)

    with output.only_data_on_stdout():
        return api.summary(
            model,
            input=input or None,
            batch=1 if batch is None else batch,
            dtype=dtype,
            train=train,
            options=options,
        )


def report_so_far(
    model: str,
    input: Sequence[str] | None,
    batch: int | None,
    dtype: str | None,
    train: bool,
    option: Sequence[str] | None,
) -> tuple[Report, TraceError | None]:
    """As `report_of`; of a forward that raised, the rows up to there, and the error to raise after them."""
    try:
        return report_of(model, input, batch, dtype, train, option), None
    except TraceError as error:
        if error.report is None or not error.report.layers:
            raise
        return error.report, error
