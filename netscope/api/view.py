"""`netscope.view`: a network, or the difference of two, as a page in the browser."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netscope.api.diff import diff, given
from netscope.api.summary import summary
from netscope.base import arguments
from netscope.base.errors import TraceError
from netscope.base.workload import Input

if TYPE_CHECKING:
    from pathlib import Path

    from netscope.api.reading import Model
    from netscope.base.answer import Answer


def view(
    model: Model,
    other: Model | None = None,
    *,
    input: Input | None = None,
    input_b: Input | None = None,
    args: tuple[Any, ...] | None = None,
    args_b: tuple[Any, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    kwargs_b: Mapping[str, Any] | None = None,
    batch: int | None = None,
    batch_b: int | None = None,
    dtype: str | None = None,
    dtype_b: str | None = None,
    train: bool | None = None,
    train_b: bool | None = None,
    options: Mapping[str, Any] | None = None,
    options_b: Mapping[str, Any] | None = None,
    mesh: Any = None,
    mesh_b: Any = None,
    rank: int | str | None = None,
    rank_b: int | str | None = None,
    path: str | os.PathLike[str] | None = None,
    browser: bool = True,
) -> Path:
    """Open a network, or the difference of two, as a page in the browser: `netscope.view("alexnet")`.

    Args:
        model, other: Reports, or whatever `summary` takes; with `other`, or an argument in `_b`, it is their
            difference. A report of a profile or of a memory is shown as such.
        input, args, kwargs, batch, dtype, train, options, mesh, rank: as `summary` takes them, of both
            networks.
        input_b and the like: those of `other`, where they are others.
        path: where to write the page; a new file in a temporary folder without it.
        browser: whether to open it too.

    Returns:
        where the page is. Any answer has a method `view` that does the same.

    Raises:
        UsageError and the others of `summary` and `diff`; over a forward that raised, once the page of what
        there is up to there has been opened.
    """
    how = given(
        input=input,
        args=args,
        kwargs=kwargs,
        batch=batch,
        dtype=dtype,
        train=train,
        options=options,
        mesh=mesh,
        rank=rank,
    )
    how_b = given(
        input_b=input_b,
        args_b=args_b,
        kwargs_b=kwargs_b,
        batch_b=batch_b,
        dtype_b=dtype_b,
        train_b=train_b,
        options_b=options_b,
        mesh_b=mesh_b,
        rank_b=rank_b,
    )
    opens = arguments.flag("browser", browser)
    failure = None
    answer: Answer
    try:
        both = other is not None or how_b
        answer = diff(model, other, **how, **how_b) if both else summary(model, **how)
    except TraceError as error:
        if error.report is None or not error.report.layers:
            raise
        answer, failure = error.report, error
    found = answer.view(path, browser=opens)
    if failure is not None:
        raise failure
    return found
