"""From what a command was given to a call of a Python function, the same way for every command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from netscope.base.errors import TraceError
from netscope.base.request import FACTS
from netscope.cli.common.output import only_data_on_stdout

T = TypeVar("T")


def given(
    input: Sequence[str] | None = None,
    batch: int | None = None,
    dtype: str | None = None,
    train: bool | None = None,
    option: Sequence[str] | None = None,
    mesh: str | None = None,
    rank: str | None = None,
) -> dict[str, Any]:
    """What was said of a network beside its name; nothing that was not.

    Raises:
        UsageError: one of the factory's options cannot be read.
    """
    from netscope.sources.common.options import parse_options

    said: dict[str, Any] = {"input": input, "batch": batch, "dtype": dtype, "train": train}
    said.update(mesh=mesh, rank=rank)
    said["options"] = parse_options(option or ())
    # A batch of 0 was given.
    return {name: value for name, value in said.items() if value not in (None, [], {})}


def given_b(
    input: Sequence[str] | None = None,
    batch: int | None = None,
    dtype: str | None = None,
    train: bool | None = None,
    option: Sequence[str] | None = None,
    mesh: str | None = None,
    rank: str | None = None,
) -> dict[str, Any]:
    """What was said of the second of two networks, under the names that have it ("batch_b").

    Raises:
        UsageError: one of the factory's options cannot be read.
    """
    return {
        f"{name}_b": value for name, value in given(input, batch, dtype, train, option, mesh, rank).items()
    }


def so_far(ask: Callable[..., T], model: str, *arguments: Any, **how: Any) -> tuple[T, TraceError | None]:
    """The answer of a verb; of a forward that raised, that of the rows up to there, and the error.

    The error is to be raised when the answer has been shown.
    """
    with only_data_on_stdout():
        try:
            return ask(model, *arguments, **how), None
        except TraceError as error:
            if error.report is None or not error.report.layers:
                raise
            kept = {name: value for name, value in how.items() if name not in FACTS}
            return ask(error.report, *arguments, **kept), error
