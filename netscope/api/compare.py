"""`netscope.compare`: the totals of several networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netscope.answers.diff import Comparison, Variant
from netscope.api.diff import How, Summarize, given, is_report, summarized
from netscope.base.errors import NetscopeError, UsageError
from netscope.base.workload import Input, Workload
from netscope.report.report import Report

if TYPE_CHECKING:
    import os

    import torch

    Model = str | os.PathLike[str] | torch.nn.Module | Workload | Report


def compare(
    models: Iterable[Model],
    *,
    input: Input | None = None,
    batch: int | None = None,
    dtype: str | None = None,
    train: bool | None = None,
    options: Mapping[str, Any] | None = None,
) -> Comparison:
    """The totals of several networks: `print(netscope.compare(["alexnet", "zfnet", "vgg16"]))`.

    Args:
        models: Reports, or whatever `summary` takes.
        input, batch, dtype, train, options: as `summary` takes them, of all networks; a Report, or the name
            of a saved one, has its own.

    Returns:
        a frozen Comparison of variants. One that cannot be loaded or traced has its error in place of
        a report; see `Comparison.failed`.

    Raises:
        UsageError: there are no models; else what `summary` raises for the first, when all of them fail.
    """
    models = list(models)
    if not models:
        raise UsageError("there is nothing to compare.", hint="give two models or more")
    how = {"input": input, "batch": batch, "dtype": dtype, "train": train, "options": options}
    return comparison_of(models, given(how), summarized)[0]


def comparison_of(
    models: Sequence[Any], how: How, summarize: Summarize
) -> tuple[Comparison, list[NetscopeError]]:
    """The comparison of networks that `summarize` traces or reads, and what went wrong with some.

    Raises:
        NetscopeError: all failed; this is the first failure.
    """
    variants, errors = [], []
    for model in models:
        try:
            report = summarize(model, {} if is_report(model) else how)
        except NetscopeError as error:
            errors.append(error)
            variants.append(Variant(_name(model), None, error.message))
        else:
            variants.append(Variant(report.name, report))
    if len(errors) == len(variants):
        raise errors[0]
    return Comparison(tuple(variants)), errors


def _name(model: Any) -> str:
    """What an error is told of."""
    known = model if isinstance(model, str) else getattr(model, "name", None)
    return known if isinstance(known, str) else type(model).__name__
