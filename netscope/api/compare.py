"""`netscope.compare`: the totals of several networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from netscope.api.diff import given
from netscope.api.reading import reader
from netscope.api.summary import report_of
from netscope.base.errors import NetscopeError, UsageError
from netscope.base.request import Request
from netscope.base.workload import Input

if TYPE_CHECKING:
    from netscope.answers.compare import Comparison, Variant
    from netscope.api.reading import Model


def compare(
    models: Iterable[Model],
    *,
    input: Input | None = None,
    batch: int | None = None,
    dtype: str | None = None,
    train: bool | None = None,
    options: Mapping[str, Any] | None = None,
    mesh: Any = None,
    rank: int | str | None = None,
) -> Comparison:
    """The totals of several networks: `print(netscope.compare(["alexnet", "zfnet", "vgg16"]))`.

    Args:
        models: Reports, or whatever `summary` takes.
        input, batch, dtype, train, options, mesh, rank: as `summary` takes them, of all networks; a Report,
            or the name of a saved one, has its own.

    Returns:
        a frozen Comparison of variants. One that cannot be loaded or traced has its error in place of
        a report; `Comparison.failed` has those, each with its `failure`.

    Raises:
        UsageError: there are no models; else what `summary` raises for the first, when all of them fail.
    """
    models = _list_of(models)
    if not models:
        raise UsageError("there is nothing to compare.", hint="give two models or more")
    request = Request(
        **given(input=input, batch=batch, dtype=dtype, train=train, options=options, mesh=mesh, rank=rank)
    )
    from netscope.answers.compare import Comparison

    variants = tuple(_variant(model, request) for model in models)
    failures = [variant.failure for variant in variants if variant.failure is not None]
    if len(failures) == len(variants):
        raise failures[0]
    return Comparison(variants)


def _list_of(models: Any) -> list[Any]:
    """The models; one alone is one, not the letters of its name."""
    if isinstance(models, (str, bytes, Mapping)) or not isinstance(models, Iterable) or _is_model(models):
        return [models]
    return list(models)


def _is_model(models: Any) -> bool:
    """Whether it is one network, though it has parts to go through."""
    return hasattr(models, "forward") or hasattr(models, "layers")


def _variant(model: Model, request: Request) -> Variant:
    """One network, or what went wrong with it."""
    from netscope.answers.compare import Variant

    try:
        found = reader(model)
        report = report_of(found, Request() if found.saved else request)
    except NetscopeError as error:
        return Variant(_name(model), None, error.message, error)
    return Variant(report.name, report)


def _name(model: Any) -> str:
    """What an error is told of."""
    known = model if isinstance(model, str) else getattr(model, "name", None)
    return known if isinstance(known, str) else type(model).__name__
