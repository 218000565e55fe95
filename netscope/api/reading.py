"""What a `model` stands for. A name is read here, once, by one table of forms, whatever the verb.

    read("alexnet", Request(batch=8))       # a Workload, to be traced
    read("report.json")                     # a Report

`FORMS` has every way to write a name; help, `netscope models`, completion and docs are made of it. A source
of networks adds itself by being in `netscope.sources`; what stands for a report is in `netscope.api.ready`.
"""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from netscope.api.ready import READY, Ready
from netscope.base import collector
from netscope.base.errors import UsageError
from netscope.base.request import Request
from netscope.base.workload import Workload
from netscope.sources import SOURCES, Source, unknown

if TYPE_CHECKING:
    import torch

    from netscope.report.report import Report

    Model = str | os.PathLike[str] | torch.nn.Module | Workload | Report

# The first that accepts a name serves it.
FORMS: Final[tuple[Source | Ready, ...]] = (*READY, *SOURCES)
# In the order for people: networks first.
LISTED: Final[tuple[Source | Ready, ...]] = (*SOURCES, *READY)


class Reader(NamedTuple):
    """What a model stands for, and the form of its name, if it is one. Nothing is imported or built yet."""

    model: Any
    form: Source | Ready | None

    @property
    def named(self) -> bool:
        """Whether it is a name."""
        return self.form is not None

    @property
    def ready(self) -> bool:
        """Whether it stands for a report, so that nothing has to be built for it here."""
        return isinstance(self.form, Ready) or (self.form is None and _is_report(self.model))

    @property
    def saved(self) -> bool:
        """Whether it stands for a report that was made, so that nothing more can be asked of it."""
        return self.form.saved if isinstance(self.form, Ready) else self.ready

    @property
    def has_input(self) -> bool:
        """Whether it has its input already, so that none can be given."""
        return self.saved or isinstance(self.model, Workload)

    @collector.paused()
    def read(self, request: Request) -> Workload | Report:
        """The network and its call, or the report.

        Raises:
            as `netscope.summary` does, of what goes wrong before the trace.
        """
        if self.form is not None:
            return self.form.read(os.fspath(self.model), request)
        if self.ready or isinstance(self.model, Workload):
            _check_nothing_is_ignored(self.model, request)
            found: Workload | Report = self.model
            if isinstance(found, Workload):
                _check_module(found.module)
            return found
        return _of_module(self.model, request)


def reader(model: Model) -> Reader:
    """How to come by that network.

    Raises:
        SourceError: no model has a name of that form; the message has the nearest right names.
    """
    if not isinstance(model, (str, os.PathLike)):
        return Reader(model, None)
    name = os.fspath(model)
    for form in FORMS:
        if form.accepts(name):
            return Reader(name, form)
    raise unknown(name)


def read(model: Model, request: Request | None = None) -> Workload | Report:
    """The network of that name and its call, or the report that it stands for; modules and such as well.

    Raises:
        as `netscope.summary` does, of what goes wrong before the trace.
    """
    return reader(model).read(Request() if request is None else request)


def _is_report(model: Any) -> bool:
    from netscope.report.report import Report

    return isinstance(model, Report)


def _check_nothing_is_ignored(whole: Workload | Report, request: Request) -> None:
    """Refuse what cannot be asked of something that is of one call already."""
    training = isinstance(whole, Workload) or whole.training  # a Workload can be traced in either mode
    told = [name for name in request.told if not (name == "train" and training)]
    if told:
        raise UsageError(
            f"a {type(whole).__name__} is of one call already; {', '.join(told)} cannot be given with it."
        )


def _of_module(module: torch.nn.Module, request: Request) -> Workload:
    _check_module(module)
    if request.options:
        raise UsageError("options= is for models built from a name.", hint="give them when you build it")
    if request.dtype is not None:
        raise UsageError("dtype= is for models built from a name.", hint="convert the module: model.to(...)")
    name = type(module).__name__
    args, kwargs = request.args, request.kwargs
    if request.input is not None:
        from netscope.sources.common.inputs import Setting, combine

        if args:
            raise UsageError("input= and args= both give the arguments.", hint="use one of them")
        args, named = combine(None, request.input, Setting(name, module, request.batch))
        kwargs = {**named, **(kwargs or {})}
    if not args and not kwargs and request.input is None and _needs_arguments(module):
        raise UsageError(
            f"{name} needs an input.",
            hint="summary(model, input='3x224x224') or summary(model, args=(tensor,))",
        )
    return Workload(name, module, tuple(args), dict(kwargs or {}))


def _check_module(other: Any) -> None:
    """Raise over what is no network."""
    from torch.nn import Module

    if isinstance(other, Module):
        return
    if isinstance(other, type) and issubclass(other, Module):
        raise UsageError(
            f"{other.__name__} is a class, not a network.", hint=f"give an instance: {other.__name__}(...)"
        )
    from netscope.base.arguments import kind_of

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
