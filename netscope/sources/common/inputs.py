"""The example call of a network, with what the user gave in place of it."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from netscope.base.errors import UsageError
from netscope.base.workload import Input, TensorSpec, parse_input
from netscope.sources.common.blueprint import Call, batched
from netscope.sources.common.wording import did_you_mean

if TYPE_CHECKING:
    from torch import nn


class Setting(NamedTuple):
    """The network that a call is for.

    fixed_batch:
        the example came from the user's own factory, with its batch in it.
    """

    name: str
    module: nn.Module
    batch: int = 1
    dtype: str | None = None
    fixed_batch: bool = False


def combine(example: Call | None, given: Input | None, setting: Setting) -> Call:
    """The call to trace: `given` inputs, and the example's where none was given.

    Unnamed inputs replace the example's in order; one alone stands for all when those are alike (the
    two frames of optical flow). Where the example has a list of images, so has the result.

    Raises:
        UsageError: there is no input at all, one cannot be read, or the forward takes none of that name.
    """
    inputs = _as_list(given)
    if example is None:
        if not inputs and not takes_nothing(setting.module):
            raise UsageError(
                f"{setting.name} has no example input.", hint="give one, as in --input 3x224x224"
            )
        example = Call()
    if setting.fixed_batch and setting.batch != 1 and not inputs:
        raise UsageError(
            f"{setting.name} brings its own arguments, batch included.",
            hint="give --input beside --batch, or let the factory make that batch",
        )

    if setting.dtype is None and not setting.fixed_batch:
        setting = setting._replace(dtype=_usual_dtype(setting.module))
    args = [_retyped(value, setting.dtype) for value in example.args]
    kwargs = {name: _retyped(value, setting.dtype) for name, value in example.kwargs.items()}
    unnamed: list[Any] = []
    read = [_read(item) for item in inputs]
    named = {name for name, _, _ in read if name is not None}
    _check_names([name for name, _, _ in read if name is not None])
    for name, spec, typed in read:
        if name is None:
            free = [*args, *(value for key, value in kwargs.items() if key not in named)]
            before = free[len(unnamed)] if len(unnamed) < len(free) else None
            unnamed.append(_filled(spec, typed, before, setting))
            continue
        place = _place(name, setting)
        if place is not None and place < len(args):
            args[place] = _filled(spec, typed, args[place], setting)
        else:
            kwargs[name] = _filled(spec, typed, kwargs.get(name), setting)

    if len(unnamed) == 1 and len(args) > 1 and _alike(args):
        args = unnamed * len(args)
    elif args or not example.kwargs:
        args[: len(unnamed)] = unnamed
    else:  # an example of named inputs only, as with transformers
        free = [name for name in example.kwargs if name not in named]
        kwargs |= dict(zip(free, unnamed, strict=False))
        args = unnamed[len(free) :]
    for value in (*args, *kwargs.values()):
        _check_size(value)
    return Call(tuple(args), kwargs)


def _usual_dtype(module: nn.Module) -> str | None:
    """What inputs are made of where that is not float32: what torch was told to make, or the network is of.

    A network of several goes by the parameter that it has first.
    """
    import torch

    usual = torch.get_default_dtype()
    own = [parameter.dtype for parameter in module.parameters()]
    inputs = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
    found = usual if usual in own else next((dtype for dtype in own if dtype in inputs), torch.float32)
    return None if found is torch.float32 else str(found).removeprefix("torch.")


def _check_names(names: list[str]) -> None:
    """Refuse what would replace an input that was given as well."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"the input {twice!r} is given twice.", hint="give it once")


def _check_size(value: Any) -> None:
    """Refuse what no tensor can hold: torch counts bytes in 64 bits."""
    if isinstance(value, TensorSpec) and (value.nbytes >= 2**63 or max(value.shape, default=0) >= 2**63):
        sizes = "x".join(map(str, value.shape))
        raise UsageError(f"no tensor can have the sizes {sizes}.", hint="give smaller ones")


def takes_nothing(module: nn.Module) -> bool:
    """Whether the forward is known to want no argument."""
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return False
    return not any(p.default is p.empty or p.kind is p.VAR_POSITIONAL for p in parameters)


def _alike(values: list[Any]) -> bool:
    return all(isinstance(value, TensorSpec) and value == values[0] for value in values)


def _as_list(given: Input | None) -> list[str | TensorSpec]:
    """The inputs one by one, as a `Request` has read them."""
    if given is None:
        return []
    if isinstance(given, (str, TensorSpec)):
        return [given]
    if given and all(isinstance(size, int) for size in given):
        return [_sizes(given)]
    return [item if isinstance(item, (str, TensorSpec)) else _sizes(item) for item in given]


def _sizes(given: Any) -> str:
    """(3, 224, 224) as "3x224x224"."""
    return "x".join(map(str, given)) or "scalar"


def _read(item: str | TensorSpec) -> tuple[str | None, TensorSpec, bool]:
    """(name, spec, whether its dtype was written out)."""
    if isinstance(item, TensorSpec):
        return None, item, True
    name, spec = parse_input(item)
    return name, spec, ":" in item


def _filled(spec: TensorSpec, typed: bool, before: Any, setting: Setting) -> Any:
    """A given input as the network takes it: batched, typed and in a list as the example's was."""
    sample = before[0] if isinstance(before, list) and before else before
    if not typed:
        known = str(getattr(sample, "dtype", "float32")).removeprefix("torch.")
        spec = _retyped(replace(spec, dtype=known), setting.dtype)
    if isinstance(before, list):
        return [spec] * setting.batch
    return replace(spec, shape=batched(spec.shape, setting.batch))


def _retyped(value: Any, dtype: str | None) -> Any:
    """Floating-point tensors, and specs of them, in `dtype`; everything else as it is."""
    import torch

    if dtype is None:
        return value
    if isinstance(value, list):
        return [_retyped(item, dtype) for item in value]
    if isinstance(value, TensorSpec) and "float" in value.dtype:
        return replace(value, dtype=dtype)
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.to(getattr(torch, dtype))
    return value


def _parameters(module: nn.Module) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(module.forward).parameters)
    except (TypeError, ValueError):  # a forward that Python cannot look into
        return {}


def _place(name: str, setting: Setting) -> int | None:
    """The position of the argument of that name, None for one that can only be named."""
    parameters = _parameters(setting.module)
    known = [p for p in parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    for place, parameter in enumerate(known):
        if parameter.name == name:
            return None if parameter.kind is parameter.KEYWORD_ONLY else place
    if not parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return None
    names = [parameter.name for parameter in known]
    raise UsageError(
        f"the forward of {setting.name} takes no {name!r}.{did_you_mean(name, names)}",
        hint=f"it takes {', '.join(names)}",
    )
