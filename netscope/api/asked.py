"""What is asked of a network beside its name, and the `Workload` that both come to."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from netscope.base.errors import UsageError
from netscope.base.workload import Input, Workload
from netscope.report.report import Report

if TYPE_CHECKING:
    import torch


class Asked(NamedTuple):
    """The arguments of `netscope.summary` beside the model, with its defaults."""

    input: Input | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] | None = None
    batch: int = 1
    dtype: str | None = None
    train: bool = False
    options: Mapping[str, Any] | None = None


def check_call(model: Any, asked: Asked) -> None:
    """Refuse what would be ignored, or fail later and less clearly.

    Raises:
        UsageError: naming the argument.
    """
    given: dict[str, Any] = asked._asdict()  # of whatever types the caller gave
    if not isinstance(given["args"], (tuple, list)):
        raise UsageError("args= is a tuple of arguments.", hint="write args=(tensor,)")
    if given["kwargs"] is not None and not isinstance(given["kwargs"], Mapping):
        raise UsageError("kwargs= maps names to arguments.", hint="write kwargs={'mask': tensor}")
    batch = given.pop("batch")
    if not isinstance(batch, int) or batch < 0:
        raise UsageError(f"a batch of {batch!r} samples does not exist.", hint="give batch=1 or more")
    train = given.pop("train")
    whole = next((kind for kind in (Report, Workload) if isinstance(model, kind)), None)
    told = [name for name, value in given.items() if value is not None and value != ()]
    told += ["batch"] if batch != 1 else []
    if isinstance(model, Report) and train and not model.training:
        told.append("train")
    if whole is not None and told:
        raise UsageError(
            f"a {whole.__name__} is of one call already; {', '.join(told)} cannot be given with it."
        )


def workload_of(model: str | os.PathLike[str] | torch.nn.Module | Workload, asked: Asked) -> Workload:
    """The network and its call, of what is no report yet. Raises as `netscope.summary` does."""
    if isinstance(model, Workload):
        return model
    if not isinstance(model, (str, os.PathLike)):
        return _of_module(model, asked)
    from netscope.sources import resolve

    return resolve(
        os.fspath(model),
        input=asked.input,
        batch=asked.batch,
        dtype=asked.dtype,
        options=dict(asked.options or {}),
        args=asked.args or None,
        kwargs=None if asked.kwargs is None else dict(asked.kwargs),
    )


def _of_module(module: torch.nn.Module, asked: Asked) -> Workload:
    import torch

    if not isinstance(module, torch.nn.Module):
        _refuse(module, torch.nn.Module)
    if asked.options:
        raise UsageError("options= is for models built from a name.", hint="give them when you build it")
    if asked.dtype is not None:
        raise UsageError("dtype= is for models built from a name.", hint="convert the module: model.to(...)")
    name = type(module).__name__
    args, kwargs = asked.args, asked.kwargs
    if asked.input is not None:
        from netscope.sources.inputs import Setting, combine

        if args:
            raise UsageError("input= and args= both give the arguments.", hint="use one of them")
        args, named = combine(None, asked.input, Setting(name, module, asked.batch))
        kwargs = {**named, **(kwargs or {})}
    if not args and not kwargs and asked.input is None and _needs_arguments(module):
        raise UsageError(
            f"{name} needs an input.",
            hint="summary(model, input='3x224x224') or summary(model, args=(tensor,))",
        )
    return Workload(name, module, tuple(args), dict(kwargs or {}))


def _refuse(other: Any, module_class: type) -> NoReturn:
    """Raise over what is no network."""
    if isinstance(other, type) and issubclass(other, module_class):
        raise UsageError(
            f"{other.__name__} is a class, not a network.", hint=f"give an instance: {other.__name__}(...)"
        )
    from netscope.sources.wording import kind_of

    raise UsageError(
        f"{kind_of(other)} is no network.",
        hint="give a torch.nn.Module, a name such as 'torchvision/resnet50', or a Workload",
    )


def _needs_arguments(module: torch.nn.Module) -> bool:
    try:
        signature = inspect.signature(module.forward)
    except (TypeError, ValueError):
        return False
    return any(
        p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        for p in signature.parameters.values()
    )
