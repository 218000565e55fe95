"""A blueprint -> a built module, and whatever goes wrong on the way as one `SourceError`."""

from __future__ import annotations

import copy
import re
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from netscope.base.arguments import kind_of
from netscope.base.errors import NetscopeError, SourceError, UsageError, interrupts, said
from netscope.base.workload import Pipeline, Workload
from netscope.sources.common.blueprint import Blueprint, Call

if TYPE_CHECKING:
    from torch import nn


# What Python says where a factory passes options on to something that does not take them.
_UNEXPECTED: Final = r"unexpected keyword argument '(\w+)'"


class Made(NamedTuple):
    """What a factory returned: its module, its own call if it brought one, its own header line.

    pipeline:
        what is known of one, where it returned stages of it.
    """

    module: nn.Module
    call: Call | None = None
    description: str = ""
    pipeline: Pipeline | None = None


def construct(blueprint: Blueprint, name: str, dtype: str | None = None) -> Made:
    """Build on meta (see `building`).

    Raises:
        SourceError: the factory raised, or returned something else than a network.
    """
    from netscope.base.meta.building import build

    return _construct(build, blueprint, name, dtype)


def construct_real(blueprint: Blueprint, name: str, dtype: str | None = None) -> nn.Module:
    """Build with real, random weights, the same ones every time.

    Raises:
        SourceError: the factory raised, or returned something else than a network.
    """
    from netscope.base.meta.building import build_real

    return _construct(build_real, blueprint, name, dtype).module


def _construct(builder: Any, blueprint: Blueprint, name: str, dtype: str | None) -> Made:
    with blueprint.surroundings():
        try:
            made = _unpack(builder(blueprint.factory), name)
        except NetscopeError:
            raise
        except BaseException as error:
            if interrupts(error):
                raise
            unexpected = re.search(_UNEXPECTED, said(error)) if isinstance(error, TypeError) else None
            if unexpected is not None and unexpected[1] in blueprint.options:
                raise UsageError(f"{name} has no option {unexpected[1]!r}.") from error
            raise failed(f"{name} could not be built", error) from error
    return made if dtype is None else made._replace(module=_cast(made.module, dtype))


def failed(what: str, error: BaseException) -> SourceError:
    """One line for an error in somebody else's code; `raise failed(...) from error`."""
    return SourceError(f"{what}: {said(error)}")


def _unpack(made: Any, name: str) -> Made:
    """Read what a factory may return: a module, a Workload, or (module, args[, kwargs]).

    In place of a module there may be a stage of a pipeline, a list of them, or a schedule.
    """
    from torch import nn

    if "torch.distributed.pipelining.schedules" in sys.modules:  # else nobody has made any
        from netscope.sources.common.stages import stages_in

        first, *rest = made if isinstance(made, tuple) and made else (made,)
        found = stages_in(first)
        if found is not None:
            module, pipeline = found
            return _unpack((module, *rest) if rest else module, name)._replace(pipeline=pipeline)
    match made:
        case nn.Module():
            return Made(made)
        case Workload():
            return Made(made.module, Call(made.args, made.kwargs), made.description)
        case (nn.Module() as module, (tuple() | list()) as args):
            return Made(module, Call(tuple(args)))
        case (nn.Module() as module, (tuple() | list()) as args, dict() as kwargs):
            return Made(module, Call(tuple(args), kwargs))
    raise SourceError(
        f"{name} returned {kind_of(made)}, which is no network.",
        hint="a factory returns a module, a netscope.Workload, or (module, args, kwargs)",
    )


def _cast(module: nn.Module, dtype: str) -> nn.Module:
    """The network with floating-point parameters and buffers in `dtype`."""
    import torch

    target = getattr(torch, dtype)
    if not target.is_floating_point:
        raise UsageError(f"a network cannot be made of {dtype}.", hint="use float32, float16 or bfloat16")
    if not all(parameter.is_meta for parameter in module.parameters()):
        # Not built by us alone: a factory may hand out a network that others hold on to.
        module = copy.deepcopy(module)
    return module.to(target)
