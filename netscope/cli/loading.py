"""From what a command was given to a report, the same way for every command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netscope.cli import output
from netscope.cli.startup import import_for
from netscope.errors import TraceError, UsageError

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
    """Trace the network of that name, or read the saved report.

    Raises:
        UsageError: an option cannot be read, or is given beside a saved report.
        NetscopeError: as `netscope.summary` does.
    """
    from netscope.sources import source_of
    from netscope.sources.options import parse_options

    if model.endswith(".json") and not model.startswith("hf/"):
        if input or batch is not None or dtype or train or option:
            raise UsageError(
                f"{model} is a saved report, which has its input already.",
                hint="leave out --input, --batch, --dtype, --train and -k",
            )
    else:
        source_of(model)
        import_for(model)

    from netscope import api

    with output.only_data_on_stdout():
        return api.summary(
            model,
            input=input,
            batch=1 if batch is None else batch,
            dtype=dtype,
            train=train,
            options=parse_options(option or ()),
        )


def report_with(model: str, how: Mapping[str, Any]) -> Report:
    """As `report_of`, of what was said by name."""
    return report_of(
        model,
        how.get("input"),
        how.get("batch"),
        how.get("dtype"),
        how.get("train", False),
        how.get("options"),
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
